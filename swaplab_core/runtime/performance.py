"""Watching how busy the machine is: samples at intervals, the last hour of them, and means of the day before.

Lives here: when to look, which GPU source to follow, what to keep. How to look is the adapters' affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from attrs import define, field, frozen

from swaplab_core.config.schema import Performance
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.performance import GpuSample, ProcessSample, SystemSample, with_system_memory
from swaplab_core.domain.thinning import Timed, mean_gpu, mean_system, most_of_process, span_of, thinned
from swaplab_core.ports import Clock, GpuSource, ProcessProbe, SystemProbe
from swaplab_core.runtime.tasks import spawn

KEPT = timedelta(hours=1)
LONG_KEPT = timedelta(hours=24)
MINUTE_SECONDS = 60.0
MINUTE_LIMIT = 240
"""Samples of one thing that wait for their minute to end, even if the clock stands still."""
SAMPLES_LIMIT = 20_000
"""Whatever the clock does: eight GPUs at five seconds make 5760 an hour."""
RETRY_SECONDS = 60.0
"""How long to do without GPUs before the sources are asked once more; a driver may be installed meanwhile."""
ROUNDS_FRESH = 3
SHORTEST_FRESH_SECONDS = 30.0
OFF = Performance(disabled=True)

_log = logging.getLogger(__name__)


S = TypeVar("S", bound=Timed)


@define(eq=False)
class History(Generic[S]):
    """The samples of the last hour, oldest first, and one for each minute of the last day.

    `key` tells the things apart that are sampled, `merge` makes one sample of several of one thing.
    """

    key: Callable[[S], Hashable]
    merge: Callable[[Sequence[S]], S]
    _samples: deque[S] = field(factory=lambda: deque(maxlen=SAMPLES_LIMIT), init=False)
    _minutes: deque[S] = field(factory=lambda: deque(maxlen=SAMPLES_LIMIT), init=False)
    _minute: dict[Hashable, list[S]] = field(factory=dict, init=False)

    def add(self, sample: S) -> None:
        """Keep it, and forget what was an hour before it, and of the minutes what was a day before it."""
        self._samples.append(sample)
        while sample.taken_at - self._samples[0].taken_at > KEPT:
            self._samples.popleft()
        self._add_to_minute(sample)
        while self._minutes and sample.taken_at - self._minutes[0].taken_at > LONG_KEPT:
            self._minutes.popleft()

    def _add_to_minute(self, sample: S) -> None:
        minute = self._minute.setdefault(self.key(sample), [])
        if minute and span_of(minute[-1].taken_at, MINUTE_SECONDS) != span_of(sample.taken_at, MINUTE_SECONDS):
            self._minutes.append(self.merge(minute))
            minute.clear()
        if len(minute) >= MINUTE_LIMIT:
            minute[:] = [self.merge(minute)]
        minute.append(sample)

    def after(self, moment: datetime | None) -> list[S]:
        """All of the last hour, or those taken later than that."""
        return [sample for sample in self._samples if moment is None or sample.taken_at > moment]

    def over(self, since: datetime, step_seconds: float) -> list[S]:
        """The time since then, up to a day, thinned to one sample for each thing and step."""
        fine = self._samples[0].taken_at if self._samples else since
        earlier = [each for each in list(self._minutes) if since < each.taken_at < fine]
        return thinned([*earlier, *self.after(since)], step_seconds, self.key, self.merge)

    def newest(self) -> S | None:
        """The last one."""
        return self._samples[-1] if self._samples else None

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
        self._minutes.clear()
        self._minute.clear()


@frozen
class Latest:
    """The newest of everything; a GPU that has not been heard of for a while is left out."""

    system: SystemSample | None = None
    gpus: tuple[GpuSample, ...] = ()


@frozen
class Samples:
    """What was seen in the last hour and day; of the GPUs and models one sample for each of them and look."""

    system: History[SystemSample] = field(factory=lambda: History(lambda _: None, mean_system))
    gpus: History[GpuSample] = field(factory=lambda: History(lambda gpu: (gpu.uuid, gpu.id), mean_gpu))
    processes: History[ProcessSample] = field(factory=lambda: History(lambda each: each.model, most_of_process))

    def latest(self, gpus_after: datetime) -> Latest:
        """The newest look at the system, and at each GPU that was seen after this moment, by its number."""
        newest = {gpu.id: gpu for gpu in self.gpus.after(gpus_after)}
        return Latest(self.system.newest(), tuple(newest[number] for number in sorted(newest)))

    def clear(self) -> None:
        """Forget everything."""
        self.system.clear()
        self.gpus.clear()
        self.processes.clear()


@frozen
class GpuStatus:
    """Which source tells of the GPUs, None for none, and why each that was asked in vain does not."""

    source: str | None = None
    failures: Mapping[str, str] = field(factory=dict)


@frozen
class Programs:
    """What the monitor knows of running models: how to look, which processes they are, and who is told."""

    probe: ProcessProbe
    leaders: Callable[[], Mapping[ModelId, int]]
    told: Callable[[Sequence[ProcessSample]], None]


@define(eq=False)
class PerformanceMonitor:
    """Run `run()` as long as the daemon lives; `use` says what it does, and may be called at any time."""

    system_probe: SystemProbe
    sources: Sequence[GpuSource]
    clock: Clock
    settings: Performance = OFF
    programs: Programs | None = None
    samples: Samples = field(factory=Samples, init=False)
    gpus: GpuStatus = field(factory=GpuStatus, init=False)
    _changed: asyncio.Event = field(factory=asyncio.Event, init=False)

    def use(self, settings: Performance) -> None:
        """Follow these settings from now on. Disabled, it measures nothing and forgets what it knew."""
        if settings != self.settings:
            self.settings = settings
            self._changed.set()
            if settings.disabled:
                self.samples.clear()
                self.gpus = GpuStatus()

    @property
    def is_enabled(self) -> bool:
        """Whether it measures."""
        return not self.settings.disabled

    def latest(self, now: datetime) -> Latest:
        """The newest samples; of the GPUs only those that are still watched."""
        age = max(SHORTEST_FRESH_SECONDS, ROUNDS_FRESH * self.settings.every_seconds)
        return self.samples.latest(now - timedelta(seconds=age))

    async def run(self) -> None:
        """Measure as the settings say, until cancelled. Returns when all that it had begun has ended."""
        while True:
            await self._measure_until_changed(self.settings)

    async def _measure_until_changed(self, settings: Performance) -> None:
        self._changed.clear()
        tasks: list[asyncio.Task[None]] = []
        if not settings.disabled:
            every = settings.every_seconds
            tasks = [
                spawn(self._watch_system(every), name="system samples"),
                spawn(self._watch_gpus(every), name="GPU samples"),
            ]
        try:
            await self._changed.wait()
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _watch_system(self, every_seconds: float) -> None:
        is_told = True
        while True:
            sample = await self.system_probe.sample()
            if sample is not None:
                self.samples.system.add(sample)
                await self._look_at_programs(sample.taken_at)
            elif is_told:
                _log.warning("the system does not tell how busy it is; asking again every %g s", every_seconds)
            is_told = sample is not None
            await self.clock.sleep(every_seconds)

    async def _look_at_programs(self, now: datetime) -> None:
        if self.programs is None or not (leaders := self.programs.leaders()):
            return
        held = await self.programs.probe.memory(list(leaders.values()))
        samples = [ProcessSample(now, model, held[pid]) for model, pid in leaders.items() if pid in held]
        for sample in samples:
            self.samples.processes.add(sample)
        self.programs.told(samples)

    async def _watch_gpus(self, every_seconds: float) -> None:
        """Follow the first source that tells, and go on to the next when it fails."""
        while True:
            failures: dict[str, str] = {}
            for source in self.sources:
                failures[source.name] = await source.run(every_seconds, self._receiver(source.name))
            if failures != self.gpus.failures:
                reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
                _log.debug("no GPU is watched (%s); looking again every %g s", reasons, RETRY_SECONDS)
            self.gpus = GpuStatus(None, failures)
            await self.clock.sleep(RETRY_SECONDS)

    def _receiver(self, source: str) -> Callable[[Sequence[GpuSample]], None]:
        def take(samples: Sequence[GpuSample]) -> None:
            if self.gpus.source != source:
                _log.info("GPUs are watched with %s", source)
                self.gpus = GpuStatus(source)
            system = self.samples.system.newest()
            for sample in samples:
                self.samples.gpus.add(with_system_memory(sample, system))

        return take
