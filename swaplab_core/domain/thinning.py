"""Many samples as fewer: one for each span of time, a mean of what was measured in it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from attrs import evolve

from swaplab_core.domain.performance import GpuSample, ProcessSample, SystemSample


class Timed(Protocol):
    """Anything that was seen at a moment."""

    @property
    def taken_at(self) -> datetime:
        """The moment."""
        ...


S = TypeVar("S", bound=Timed)


def span_of(moment: datetime, seconds: float) -> int:
    """Which span of this length a moment is in, counted from the beginning of unix time."""
    return int(moment.timestamp() // seconds)


def thinned(
    samples: Iterable[S], seconds: float, key: Callable[[S], Hashable], merge: Callable[[Sequence[S]], S]
) -> list[S]:
    """One sample for each thing (`key`) and span of `seconds`, oldest first."""
    spans: dict[tuple[int, Hashable], list[S]] = {}
    for sample in samples:
        spans.setdefault((span_of(sample.taken_at, seconds), key(sample)), []).append(sample)
    return sorted((merge(each) for each in spans.values()), key=lambda sample: sample.taken_at)


def mean_system(samples: Sequence[SystemSample]) -> SystemSample:
    """Means, told at the time of the last one; counters of the network are the last ones."""
    last = samples[-1]
    alike = [each.core_percent for each in samples if len(each.core_percent) == len(last.core_percent)]
    loads = [each.load_averages for each in samples if each.load_averages is not None]
    return evolve(
        last,
        core_percent=tuple(sum(core) / len(core) for core in zip(*alike, strict=True)),
        memory_used_bytes=_whole([each.memory_used_bytes for each in samples]),
        memory_free_bytes=_whole([each.memory_free_bytes for each in samples]),
        swap_used_bytes=_maybe_whole([each.swap_used_bytes for each in samples]),
        load_averages=_three(loads),
    )


def mean_gpu(samples: Sequence[GpuSample]) -> GpuSample:
    """Means of what was told, at the time of the last one."""
    return evolve(
        samples[-1],
        temperature_celsius=_mean([each.temperature_celsius for each in samples]),
        memory_temperature_celsius=_mean([each.memory_temperature_celsius for each in samples]),
        busy_percent=_mean([each.busy_percent for each in samples]),
        memory_used_bytes=_maybe_whole([each.memory_used_bytes for each in samples]),
        fan_percent=_mean([each.fan_percent for each in samples]),
        power_watts=_mean([each.power_watts for each in samples]),
    )


def most_of_process(samples: Sequence[ProcessSample]) -> ProcessSample:
    """The most that it held: what must be there for it."""
    return evolve(samples[-1], memory_bytes=max(each.memory_bytes for each in samples))


def _three(loads: Sequence[tuple[float, float, float]]) -> tuple[float, float, float] | None:
    if not loads:
        return None
    one, five, fifteen = (sum(each) / len(each) for each in zip(*loads, strict=True))
    return one, five, fifteen


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None


def _maybe_whole(values: Sequence[int | None]) -> int | None:
    mean = _mean(values)
    return None if mean is None else round(mean)


def _whole(values: Sequence[int]) -> int:
    return round(sum(values) / len(values))
