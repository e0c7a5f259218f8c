"""Models.

`lifecycle` which there are, their state, load, unload, plan · `memory` whether a load fits · `listing` the list for
clients · `request_router` where a request goes · `suggestions` for names that are not there.
"""

from __future__ import annotations
