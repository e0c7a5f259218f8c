"""Use cases of the control plane: what the HTTP API, the CLI and the UI may ask for.

- `models`: which there are, their state, load, unload, where a request goes
- `configuration`: the file as it is edited
- `recipes`: their files, what they become, models made of them
- `backends`: their folders and what is done with them
- `plugins`: what they see, offer and check
- `requests` of the past · `access`: keys and sessions of people
- `demo` a configuration that runs here · `bundle` one file to attach to a report
"""

from __future__ import annotations
