"""Who may, before any handler runs.

`gate` stands before every handler and asks the rules of `access` · `credentials` and `browsers` what a request says of
itself · `sender` who it was · `rate_limit` how often · `headers` what browsers are told.
"""

from __future__ import annotations
