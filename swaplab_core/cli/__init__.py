"""The command `swaplab`.

`commands` what can be said · `serving` files and options → a running server · `config_commands` and `plugin_commands`
groups of commands, `plugin_switches` plugins off and on · `options` what several share · `client` how a running server
is asked · `lint` and `replay` their work · `tables` how lists are printed.
"""

from __future__ import annotations

from swaplab_core.cli.commands import main

__all__ = ["main"]
