"""Fakes of the ports that look at the machine, and of the one that reads what engines tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from attrs import define, field, frozen

from swaplab_core.domain.hardware import HardwareSnapshot
from swaplab_core.domain.performance import GpuSample, NetworkCounters, SystemSample
from swaplab_core.ports import Clock

BEGINNING = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
"""The wall clock's time when a monotonic clock shows 0."""
GIB = 2**30


def moment(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return BEGINNING + timedelta(seconds=seconds)


def system_sample(seconds: float = 0.0) -> SystemSample:
    """A machine of two cores and 8 GiB, of which 2 are used."""
    return SystemSample(
        moment(seconds),
        core_percent=(12.5, 100.0),
        memory_total_bytes=8 * GIB,
        memory_used_bytes=2 * GIB,
        memory_free_bytes=5 * GIB,
        swap_total_bytes=GIB,
        swap_used_bytes=0,
        load_averages=(0.5, 0.25, 0.125),
        network=(NetworkCounters("eth0", 1000, 2000),),
    )


@define(eq=False)
class FakeSystemProbe:
    """Answers a sample of the clock's time, or None while it is `silent`. `looks` counts."""

    clock: Clock
    silent: bool = False
    looks: int = 0

    async def sample(self) -> SystemSample | None:
        """One look."""
        await asyncio.sleep(0)
        self.looks += 1
        return None if self.silent else system_sample(self.clock.now())


@define(eq=False)
class FakeProcessProbe:
    """Answers from `held`, by pid; others are gone."""

    held: dict[int, int] = field(factory=dict)

    async def memory(self, pids: Sequence[int]) -> Mapping[int, int]:
        """One look."""
        await asyncio.sleep(0)
        return {pid: self.held[pid] for pid in pids if pid in self.held}


@frozen
class GpuScript:
    """What a fake source does each time it is run: tell of these GPUs for so many rounds, and then fail.

    None rounds are endless.
    """

    gpus: tuple[str, ...] = ()
    rounds: int | None = 0
    reason: str = "not there"


@define(eq=False)
class FakeGpuSource:
    """Follows a script. `running` is how many runs are under way, `runs` how many there have been."""

    name: str
    clock: Clock
    script: GpuScript = GpuScript()
    running: int = field(default=0, init=False)
    runs: int = field(default=0, init=False)

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report the script's GPUs in each round."""
        self.runs += 1
        self.running += 1
        try:
            told = 0
            while told != self.script.rounds:
                report([self._sample(number, name) for number, name in enumerate(self.script.gpus)])
                told += 1
                await self.clock.sleep(every_seconds)
            return self.script.reason
        finally:
            self.running -= 1

    def _sample(self, number: int, name: str) -> GpuSample:
        return GpuSample(moment(self.clock.now()), number, name, uuid=f"GPU-{number}", busy_percent=50.0)


@define(eq=False)
class FakeHardware:
    """Answers the snapshot after so many seconds. `looks` counts."""

    clock: Clock
    snapshot: HardwareSnapshot | None = None
    seconds: float = 0.0
    looks: int = 0

    async def detect(self) -> HardwareSnapshot | None:
        """One look."""
        self.looks += 1
        await self.clock.sleep(self.seconds)
        return self.snapshot


@define(eq=False)
class FakeReader:
    """Answers the pages it holds by URL, None for all others. `read_urls` keeps what was asked for."""

    pages: dict[str, bytes] = field(factory=dict)
    read_urls: list[str] = field(factory=list)

    async def read(self, base_url: str, path: str, *, timeout_seconds: float, limit_bytes: int) -> bytes | None:
        """Answer from the pages, whatever the time; one above the limit is none."""
        await asyncio.sleep(0)
        assert timeout_seconds > 0
        self.read_urls.append(base_url + path)
        page = self.pages.get(base_url + path)
        return page if page is not None and len(page) <= limit_bytes else None
