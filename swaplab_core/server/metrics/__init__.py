"""What Prometheus asks for.

`counters` count, in `tallies` · `exposition` writes them · `engines` passes on what engines count of themselves.
"""

from __future__ import annotations
