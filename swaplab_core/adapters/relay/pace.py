"""Whether an upstream sends so fast that it is worth a moment's wait: then one read and one write serve many chunks.

A proxy that reads at once whatever has come pays a read and a write for each chunk, the more so the faster it is. Of a
stream that comes faster than anybody reads, the system gathers for a moment instead. What is slower is never held up,
for between two of its chunks more time passes than the moment takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define

MOMENT_SECONDS = 0.001
MOST_BYTES = 32 * 1024
"""More in one read is enough gathered already."""
_READS, _SECONDS = 16, 0.008
_GATHERED = 64


@define(eq=False)
class Pace:
    """Looks at the clock once in a while. When 16 reads took less than 8 ms, the next 64 are worth a wait each."""

    now: Callable[[], float] = time.monotonic
    _reads: int = 0
    _since: float = 0.0
    _hasty: int = 0

    def is_hasty(self, size: int) -> bool:
        """Whether to wait a moment after this read, of `size` bytes."""
        if self._hasty:
            self._hasty -= 1
            return size < MOST_BYTES
        self._reads += 1
        if self._reads == _READS:
            before, self._since, self._reads = self._since, self.now(), 0
            self._hasty = _GATHERED if self._since - before < _SECONDS else 0
        return False
