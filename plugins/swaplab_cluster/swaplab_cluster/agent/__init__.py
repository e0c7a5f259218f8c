"""The node agent, `swaplab-agent`: runs on a machine and does typed operations there for the control host.

`signing` who may ask (pure) · `allow` which programs (pure) · `runs` what runs, its output and its lease · `server` the
HTTP routes · `tls` its certificate · `cli` the command.
"""

from __future__ import annotations
