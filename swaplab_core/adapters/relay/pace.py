"""Whether an upstream sends so fast that it is worth a moment's wait: then one read and one write serve many chunks.

A proxy that reads at once whatever has come pays a read and a write for each chunk, the more so the faster it is. Of a
stream that comes faster than anybody reads, the system gathers for a moment instead. What is slower is never held up,
for between two of its chunks more time passes than the moment takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

MOMENT_SECONDS = 0.001
MOST_BYTES = 32 * 1024
"""More in one read is enough gathered already."""
_READS, _SECONDS = 16, 0.008
_GATHERED = 256


@define(eq=False)
class Pace:
    """Looks at the clock once in a while. When 16 reads took less than 8 ms, the next 256 are worth a wait each.

    It need not be asked after each read: `unasked` more may pass first.
    """

    now: Callable[[], float] = time.monotonic
    unasked: int = field(default=_READS - 1, init=False)
    _since: float = field(default=0.0, init=False)
    _hasty: int = field(default=0, init=False)

    def is_hasty(self, size: int) -> bool:
        """Whether to wait a moment after this read, of `size` bytes."""
        if self._hasty:
            self._hasty -= 1
            if not self._hasty:
                self._since, self.unasked = self.now(), _READS - 1
            return size < MOST_BYTES
        before, self._since = self._since, self.now()
        if self._since - before < _SECONDS:
            self._hasty, self.unasked = _GATHERED, 0
        return False
