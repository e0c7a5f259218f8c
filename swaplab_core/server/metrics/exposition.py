"""What has been counted, and how the machine is, in Prometheus' text format; the only importer of prometheus-client.

Pure. The names that begin with `llamaswap_` are llama-swap's, those of models begin with `swaplab_`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

import swaplab_core
from swaplab_core.domain.performance import GpuSample, SystemSample
from swaplab_core.engine.phases import Phase
from swaplab_core.runtime.performance import Latest
from swaplab_core.server.metrics.tallies import Histogram, Standing, Tally

Labels = Sequence[str]
Tallies = Sequence[tuple[str, Tally]]


def exposition(tallies: Tallies, standings: Sequence[Standing], latest: Latest) -> bytes:
    """Everything in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(tallies, standings, latest))
    return generate_latest(registry)


@frozen(eq=False)
class _Collector(Collector):
    """What the registry asks for families: nothing is kept in objects of the library."""

    tallies: Tallies
    standings: Sequence[Standing]
    latest: Latest

    def collect(self) -> Iterator[Metric]:
        """Every family that has something to say."""
        version = [([swaplab_core.__version__], 1.0)]
        yield _gauge("swaplab_info", "The version that runs, as a label.", ["version"], version)
        yield from _standing_families(self.standings)
        yield from _tally_families(self.tallies)
        if self.latest.system is not None:
            yield from _system_families(self.latest.system)
        yield from _gpu_families(self.latest.gpus)


def _standing_families(standings: Sequence[Standing]) -> Iterator[Metric]:
    one_hot = [([s.model, phase.value], float(s.phase is phase)) for s in standings for phase in Phase]
    yield _gauge("swaplab_model_state", "1 for the state a model is in, 0 for all others.", ["model", "state"], one_hot)
    serving = [([s.model], s.serving) for s in standings]
    yield _gauge("swaplab_requests_serving", "Requests that a model works on.", ["model"], serving)
    waiting = [([s.model], s.waiting) for s in standings]
    yield _gauge("swaplab_queue_depth", "Requests that wait for a model.", ["model"], waiting)


def _tally_families(tallies: Tallies) -> Iterator[Metric]:
    requests = [([model, str(code)], n) for model, tally in tallies for code, n in list(tally.requests.items())]
    yield _counter("swaplab_requests", "Answered requests by status.", ["model", "code"], requests)
    tokens = [([model, kind], n) for model, tally in tallies for kind, n in list(tally.tokens.items())]
    yield _counter("swaplab_tokens", "Tokens by kind, as engines tell them.", ["model", "kind"], tokens)
    restarts = [([model], tally.restarts) for model, tally in tallies]
    yield _counter("swaplab_model_restarts", "Starts after an engine had ended by itself.", ["model"], restarts)
    failed = [([model], tally.failed_starts) for model, tally in tallies]
    yield _counter("swaplab_model_failed_starts", "Starts that came to nothing.", ["model"], failed)
    about = "Seconds from a request's arrival to its first token."
    yield _histogram("swaplab_time_to_first_token_seconds", about, [(m, tally.first_token) for m, tally in tallies])
    about = "Seconds from the start of an engine until it was ready."
    yield _histogram("swaplab_load_seconds", about, [(model, tally.loads) for model, tally in tallies])
    about = "Seconds that a request waited for a model that was not ready, evictions and load included."
    yield _histogram("swaplab_swap_seconds", about, [(model, tally.swaps) for model, tally in tallies])


def _system_families(system: SystemSample) -> Iterator[Metric]:
    cores = [([str(core)], percent) for core, percent in enumerate(system.core_percent)]
    yield _gauge("llamaswap_cpu_util_percent", "CPU utilization per core (0-100)", ["core"], cores)
    plain: Mapping[str, tuple[str, float | None]] = {
        "llamaswap_memory_total_bytes": ("Total memory in bytes", system.memory_total_bytes),
        "llamaswap_memory_used_bytes": ("Used memory in bytes", system.memory_used_bytes),
        "llamaswap_memory_free_bytes": ("Free memory in bytes", system.memory_free_bytes),
        "llamaswap_swap_total_bytes": ("Total swap in bytes", system.swap_total_bytes),
        "llamaswap_swap_used_bytes": ("Used swap in bytes", system.swap_used_bytes),
    }
    for name, (about, value) in plain.items():
        if value is not None:
            yield _gauge(name, about, [], [([], value)])
    if system.load_averages is not None:
        loads = [([interval], load) for interval, load in zip(("1m", "5m", "15m"), system.load_averages, strict=True)]
        yield _gauge("llamaswap_load_average", "Load average", ["interval"], loads)
    network = [
        ([each.name, direction], count)
        for each in system.network
        for direction, count in (("recv", each.received_bytes), ("sent", each.sent_bytes))
    ]
    about = "Total network bytes transferred"
    yield _counter("llamaswap_network_bytes", about, ["interface", "direction"], network)


def _gpu_families(gpus: Sequence[GpuSample]) -> Iterator[Metric]:
    """A GPU without a UUID has no such label; what it does not tell has no sample."""
    told: Mapping[str, tuple[str, list[float | None]]] = {
        "temperature_celsius": ("temperature in Celsius", [gpu.temperature_celsius for gpu in gpus]),
        "vram_temperature_celsius": ("VRAM temperature in Celsius", [gpu.memory_temperature_celsius for gpu in gpus]),
        "util_percent": ("utilization percent (0-100)", [gpu.busy_percent for gpu in gpus]),
        "memory_util_percent": ("memory utilization percent (0-100)", [gpu.memory_percent for gpu in gpus]),
        "memory_used_bytes": ("memory used in bytes", [gpu.memory_used_bytes for gpu in gpus]),
        "memory_total_bytes": ("memory total in bytes", [gpu.memory_total_bytes for gpu in gpus]),
        "fan_speed_percent": ("fan speed percent (0-100)", [gpu.fan_percent for gpu in gpus]),
        "power_draw_watts": ("power draw in watts", [gpu.power_watts for gpu in gpus]),
    }
    for name, (about, values) in told.items():
        family = _gauge(f"llamaswap_gpu_{name}", f"GPU {about}", [], [])
        for gpu, value in zip(gpus, values, strict=True):
            if value is not None:
                family.add_sample(family.name, _gpu_labels(gpu), value)
        if family.samples:
            yield family


def _gpu_labels(gpu: GpuSample) -> dict[str, str]:
    labels = {"id": str(gpu.id), "name": gpu.name}
    return {**labels, "uuid": gpu.uuid} if gpu.uuid else labels


def _gauge(name: str, about: str, labels: Labels, values: Iterable[tuple[Labels, float]]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for value_labels, value in values:
        family.add_metric(value_labels, value)
    return family


def _counter(name: str, about: str, labels: Labels, values: Iterable[tuple[Labels, float]]) -> Metric:
    """The name gets the suffix `_total`."""
    family = CounterMetricFamily(name, about, labels=labels)
    for value_labels, value in values:
        family.add_metric(value_labels, value)
    return family


def _histogram(name: str, about: str, histograms: Iterable[tuple[str, Histogram]]) -> Metric:
    """One that is empty is left out."""
    family = HistogramMetricFamily(name, about, labels=["model"])
    for model, histogram in histograms:
        counts = histogram.cumulated()
        if counts[-1]:
            bounds = (*(str(float(bound)) for bound in histogram.bounds), "+Inf")
            family.add_metric([model], list(zip(bounds, map(float, counts), strict=True)), histogram.total)
    return family
