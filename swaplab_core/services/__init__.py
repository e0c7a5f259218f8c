"""Use cases of the control plane: what the HTTP API, the CLI and the UI may ask for.

`models` which models there are, their state, load, unload, plan · `activity` what was asked and how it went · `curl` a
captured request as a command.
"""

from __future__ import annotations
