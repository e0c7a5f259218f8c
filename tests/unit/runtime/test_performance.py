"""The monitor: when it looks, which source it follows, what it keeps. With a clock that moves when told."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from attrs import evolve

from swaplab_core.config.schema import Performance
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.performance import GpuSample, MemoryKind, ProcessSample
from swaplab_core.runtime.performance import (
    RETRY_SECONDS,
    SAMPLES_LIMIT,
    GpuStatus,
    PerformanceMonitor,
    Programs,
    Samples,
)
from swaplab_core.testing.fake_hardware import (
    GIB,
    FakeGpuSource,
    FakeProcessProbe,
    FakeSystemProbe,
    GpuScript,
    moment,
    system_sample,
)
from swaplab_core.testing.fakes import ManualClock

ON = Performance(every_seconds=5)
OFF = Performance(disabled=True)
HOUR = 3600
NOT_THERE = GpuScript()
ENDLESS = GpuScript(("NVIDIA L4", "NVIDIA L4"), rounds=None)


class Monitoring:
    """A running monitor with two GPU sources, `first` and `second`."""

    def __init__(self, first=NOT_THERE, second=NOT_THERE):
        self.clock = ManualClock()
        self.probe = FakeSystemProbe(self.clock)
        self.sources = [FakeGpuSource("first", self.clock, first), FakeGpuSource("second", self.clock, second)]
        self.monitor = PerformanceMonitor(self.probe, self.sources, self.clock)

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.monitor.run())
        await self.clock.settle()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.wait([self.task])

    async def use(self, settings):
        self.monitor.use(settings)
        await self.clock.settle()

    @property
    def system_times(self):
        return [(sample.taken_at - moment(0)).total_seconds() for sample in self.monitor.samples.system.after(None)]

    @property
    def gpu_ids(self):
        return [sample.id for sample in self.monitor.samples.gpus.after(None)]


def monitoring(scenario, *scripts):
    async def run():
        async with Monitoring(*scripts) as world:
            await scenario(world)

    asyncio.run(run())


def test_nothing_is_measured_before_anybody_says_so():
    async def scenario(world):
        await world.clock.advance(60)
        assert not world.monitor.is_enabled
        assert world.probe.looks == world.sources[0].runs == 0

    monitoring(scenario)


def test_start_collects_system_samples_at_once_and_at_intervals():
    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(12)
        assert world.monitor.is_enabled
        assert world.system_times == [0, 5, 10]

    monitoring(scenario)


def test_another_interval_is_followed_at_once_and_nothing_is_forgotten():
    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(7)
        await world.use(Performance(every_seconds=60))
        await world.clock.advance(61)
        assert world.system_times == [0, 5, 7, 67]
        assert world.sources[0].running == 1

    monitoring(scenario, ENDLESS)


def test_the_same_settings_again_change_nothing():
    async def scenario(world):
        await world.use(ON)
        await world.use(Performance(every_seconds=5))
        assert world.probe.looks == world.sources[0].runs == 1

    monitoring(scenario, ENDLESS)


def test_turned_off_by_a_reload_it_stops_and_forgets():
    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(7)
        await world.use(OFF)
        looks = world.probe.looks
        await world.clock.advance(60)
        assert world.probe.looks == looks
        assert world.system_times == world.gpu_ids == []
        assert world.sources[0].running == 0
        assert world.monitor.gpus == GpuStatus()

    monitoring(scenario, ENDLESS)


def test_turned_on_by_a_reload_it_works():
    async def scenario(world):
        await world.use(OFF)
        await world.clock.advance(60)
        await world.use(ON)
        await world.clock.advance(5)
        assert world.system_times == [60, 65]
        assert world.gpu_ids == [0, 1, 0, 1]

    monitoring(scenario, ENDLESS)


def test_many_changes_at_once_end_in_the_last_one():
    async def scenario(world):
        for settings in (ON, OFF, Performance(every_seconds=7), OFF, ON):
            world.monitor.use(settings)
        await world.clock.settle()
        await world.clock.advance(5)
        assert world.system_times == [0, 5]
        assert world.sources[0].running == 1

    monitoring(scenario, ENDLESS)


def test_stop_ends_everything_that_was_begun():
    async def run():
        async with Monitoring(ENDLESS) as world:
            await world.use(ON)
            assert world.sources[0].running == 1
        assert world.sources[0].running == 0

    asyncio.run(run())


def test_a_system_that_does_not_tell_is_reported_once_and_asked_again(caplog):
    async def scenario(world):
        world.probe.silent = True
        await world.use(ON)
        await world.clock.advance(20)
        assert caplog.text.count("does not tell how busy it is") == 1
        world.probe.silent = False
        await world.clock.advance(5)
        assert world.system_times == [25]

    monitoring(scenario)


def test_no_sample_of_several_gpus_is_lost():
    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(10)
        assert world.gpu_ids == [0, 1, 2, 3] * 3
        assert world.monitor.gpus == GpuStatus("first")

    monitoring(scenario, GpuScript(("a", "b", "c", "d"), rounds=None))


def test_the_second_source_is_followed_when_the_first_is_not_there():
    async def scenario(world):
        await world.use(ON)
        assert world.monitor.gpus.source == "second"
        assert world.gpu_ids == [0, 1]

    monitoring(scenario, GpuScript(), ENDLESS)


def test_the_second_source_is_followed_when_the_first_dies():
    async def scenario(world):
        await world.use(ON)
        assert world.monitor.gpus.source == "first"
        await world.clock.advance(10)
        assert world.monitor.gpus.source == "second"
        assert world.sources[0].running == 0

    monitoring(scenario, GpuScript(("a",), rounds=2, reason="died"), ENDLESS)


def test_a_machine_without_a_gpu_works_and_says_so_once(caplog):
    caplog.set_level(logging.DEBUG, "swaplab_core.runtime.performance")

    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(3 * RETRY_SECONDS)
        assert world.monitor.gpus == GpuStatus(None, {"first": "no socket", "second": "no program"})
        assert world.sources[1].runs == 4
        assert len(world.system_times) > 30
        assert [record.getMessage() for record in caplog.records] == [
            "no GPU is watched (first: no socket; second: no program); looking again every 60 s"
        ]

    monitoring(scenario, GpuScript(reason="no socket"), GpuScript(reason="no program"))


def test_a_driver_installed_later_is_found():
    async def scenario(world):
        await world.use(ON)
        world.sources[0].script = ENDLESS
        await world.clock.advance(RETRY_SECONDS)
        assert world.monitor.gpus == GpuStatus("first")

    monitoring(scenario)


def test_a_gpu_with_unified_memory_gets_the_systems():
    async def scenario(world):
        await world.use(ON)
        await world.clock.advance(5)
        spark = world.monitor.samples.gpus.newest()
        assert (spark.memory_kind, spark.memory_total_bytes) == (MemoryKind.UNIFIED, 8 * GIB)

    monitoring(scenario, GpuScript(("NVIDIA GB10",), rounds=None))


def gpu(number, seconds, busy=1.0):
    return GpuSample(moment(seconds), number, "card", busy_percent=busy)


def test_ring_keeps_one_hour():
    history = Samples().system
    for seconds in range(0, 2 * HOUR + 1, 5):
        history.add(system_sample(seconds))
    kept = history.after(None)
    assert (kept[0].taken_at, kept[-1].taken_at, len(kept)) == (moment(HOUR), moment(2 * HOUR), HOUR // 5 + 1)


def test_ring_is_bounded_even_when_the_clock_stands_still():
    history = Samples().gpus
    for number in range(SAMPLES_LIMIT + 5):
        history.add(gpu(number, 0))
    kept = history.after(None)
    assert (len(kept), kept[0].id) == (SAMPLES_LIMIT, 5)


def test_ring_survives_a_clock_that_is_set_back():
    history = Samples().gpus
    history.add(gpu(0, HOUR))
    history.add(gpu(1, 0))
    assert [sample.id for sample in history.after(None)] == [0, 1]


def test_a_day_is_kept_as_minutes_and_told_as_so_many_means():
    history = Samples().gpus
    for seconds in range(0, 30 * HOUR, 20):
        history.add(gpu(0, seconds, busy=float(seconds // HOUR)))
    newest = moment(30 * HOUR - 20)
    day = history.over(newest - timedelta(hours=24), 300)
    assert len(day) == pytest.approx(24 * 12, abs=2)
    assert (day[0].busy_percent, day[-1].busy_percent) == (6, 29)
    assert [each.busy_percent for each in day] == sorted(each.busy_percent for each in day)
    assert [each.taken_at for each in day] == sorted(each.taken_at for each in day)
    assert len(history.over(newest - timedelta(minutes=10), 60)) == pytest.approx(10, abs=1)


def test_a_minute_that_does_not_end_holds_a_bounded_number_of_samples():
    history = Samples().processes
    for number in range(1000):
        history.add(ProcessSample(moment(0), "m", number))
    history.add(ProcessSample(moment(2 * HOUR), "m", 1))
    assert [each.memory_bytes for each in history.over(moment(-1), 60)] == [999, 1]


def test_running_models_are_looked_at_with_the_system():
    async def scenario(world):
        told = []
        probe = FakeProcessProbe({7: 3 * GIB})
        world.monitor.programs = Programs(probe, lambda: {ModelId("m"): 7, ModelId("gone"): 8}, told.extend)
        await world.use(ON)
        await world.clock.advance(6)
        assert [(each.model, each.memory_bytes) for each in told] == [("m", 3 * GIB)] * 2
        assert world.monitor.samples.processes.after(None) == told

    monitoring(scenario)


def test_after_gives_only_what_came_later():
    history = Samples().system
    for seconds in (0, 5, 10):
        history.add(system_sample(seconds))
    assert history.after(moment(5)) == [system_sample(10)]
    assert history.after(moment(10)) == []
    assert history.after(moment(-1)) == history.after(None)


def test_an_empty_history_has_no_newest():
    assert Samples().system.newest() is None


def test_current_returns_copies():
    history = Samples().gpus
    history.add(gpu(0, 0))
    history.after(None).clear()
    assert len(history.after(None)) == 1


def test_latest_per_gpu_is_the_newest_of_each_by_number():
    samples = Samples()
    for sample in (gpu(1, 0, 10), gpu(0, 0, 20), gpu(1, 5, 30)):
        samples.gpus.add(sample)
    latest = samples.latest(moment(-1))
    assert [(sample.id, sample.busy_percent) for sample in latest.gpus] == [(0, 20), (1, 30)]
    assert latest.system is None


@pytest.mark.parametrize(
    ("every", "age", "is_there"), [(5, 29, True), (5, 31, False), (60, 179, True), (60, 181, False)]
)
def test_latest_leaves_out_a_gpu_that_has_not_been_heard_of_for_a_while(every, age, is_there):
    monitor = PerformanceMonitor(FakeSystemProbe(ManualClock()), [], ManualClock(), evolve(ON, every_seconds=every))
    monitor.samples.gpus.add(gpu(0, 0))
    monitor.samples.system.add(system_sample())
    latest = monitor.latest(moment(0) + timedelta(seconds=age))
    assert bool(latest.gpus) is is_there
    assert latest.system == system_sample()
