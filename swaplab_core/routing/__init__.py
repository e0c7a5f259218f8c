"""From the name a client uses to what serves it, and what happens to the request on the way: pure.

`names` ids, aliases and peer models · `profiles` switchable rewrites · `selectors` virtual models whose target is
chosen at each request · `filters` changes to JSON bodies, compiled once per configuration · `splice` editing JSON bytes
in place.
"""

from __future__ import annotations
