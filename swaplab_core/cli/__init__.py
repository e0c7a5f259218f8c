"""The command `swaplab`: `commands` what can be said, `client` how a running server is asked."""

from __future__ import annotations

from swaplab_core.cli.commands import main

__all__ = ["main"]
