"""How much memory a process holds, for tests of bounds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psutil
from attrs import define, field

MIB = 2**20
LOOK_SECONDS = 0.02


def resident_mib(pid: int) -> float:
    """What it holds in memory now."""
    return float(psutil.Process(pid).memory_info().rss) / MIB


@define
class Growth:
    """How much more a process held, at most, than at the beginning; in MiB."""

    pid: int
    before: float
    peak: float
    _over: threading.Event = field(factory=threading.Event, init=False)

    @property
    def mib(self) -> float:
        """The difference."""
        return self.peak - self.before

    def watch(self) -> None:
        """Look again and again until it is over."""
        while not self._over.wait(LOOK_SECONDS):
            self.peak = max(self.peak, resident_mib(self.pid))

    def end(self) -> None:
        """No more."""
        self._over.set()


@contextlib.contextmanager
def growth_of(pid: int) -> Iterator[Growth]:
    """Watch the memory of a process during the block."""
    now = resident_mib(pid)
    growth = Growth(pid, now, now)
    watching = threading.Thread(target=growth.watch)
    watching.start()
    try:
        yield growth
    finally:
        growth.end()
        watching.join()
