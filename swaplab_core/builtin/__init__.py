"""The core's own plugins, registered through the same entry points as everybody's and held to the same rules.

`command_backend` runs a plain command line.
"""

from __future__ import annotations
