"""What machines told over the last hours: one ring of samples per node, for charts. In memory only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from swaplab_cluster.facts import Metrics

SAMPLES = 720
"""Three hours at one sample every 15 seconds."""


@frozen
class Sample:
    """How busy a machine was at one moment (unix seconds); None is what it did not tell."""

    at: float
    reachable: bool
    cpu_percent: float | None = None
    memory_used_mib: int | None = None
    gpu_percent: float | None = None
    gpu_memory_used_mib: int | None = None
    latency_ms: float | None = None


@define(eq=False)
class History:
    """The samples of all machines."""

    _rings: dict[str, deque[Sample]] = field(factory=dict)

    def add(self, node: str, sample: Sample) -> None:
        """Remember one sample; the oldest goes."""
        self._rings.setdefault(node, deque(maxlen=SAMPLES)).append(sample)

    def keep_only(self, nodes: Sequence[str]) -> None:
        """Forget machines that are no longer enrolled."""
        for gone in self._rings.keys() - set(nodes):
            del self._rings[gone]

    def of(self, node: str, since: float = 0.0) -> Iterator[Sample]:
        """The samples of one machine, oldest first."""
        return (sample for sample in self._rings.get(node, ()) if sample.at > since)


def sample(at: float, metrics: Metrics | None, latency_ms: float | None, *, reachable: bool) -> Sample:
    """Take from the metrics what is charted."""
    if metrics is None:
        return Sample(at, reachable, latency_ms=latency_ms)
    used = [gpu.used_mib for gpu in metrics.gpus.devices if gpu.used_mib is not None]
    busy = [gpu.utilization_pct for gpu in metrics.gpus.devices if gpu.utilization_pct is not None]
    return Sample(
        at,
        reachable,
        metrics.cpu.usage_percent,
        metrics.memory.used_mib or None,
        max(busy, default=None),
        sum(used) if used else None,
        latency_ms,
    )


CHARTS: Mapping[str, tuple[str, str, Callable[[Sample], float | None]]] = {
    "cpu": ("Processor", "percent", lambda one: one.cpu_percent),
    "memory": ("Memory used", "MiB", lambda one: one.memory_used_mib),
    "gpu": ("GPU", "percent", lambda one: one.gpu_percent),
    "gpuMemory": ("GPU memory used", "MiB", lambda one: one.gpu_memory_used_mib),
    "latency": ("Latency of the shell", "ms", lambda one: one.latency_ms),
}
"""Title, unit and value of each chart."""


def chart(history: History, nodes: Sequence[str], name: str, since: float = 0.0) -> dict[str, Any]:
    """One chart: a line per machine."""
    title, unit, value = CHARTS[name]
    series = [
        {"name": node, "points": [[round(one.at, 1), value(one)] for one in history.of(node, since)]} for node in nodes
    ]
    return {"title": title, "unit": unit, "series": series}
