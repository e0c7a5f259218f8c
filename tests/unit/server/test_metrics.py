"""Prometheus' page: llama-swap's names, what is counted for each model, and that other programs can read it."""

from __future__ import annotations

import pytest
from attrs import evolve
from prometheus_client.parser import text_string_to_metric_families

from swaplab_core.domain.metering import Usage
from swaplab_core.domain.performance import GpuSample
from swaplab_core.engine.phases import Phase
from swaplab_core.runtime.performance import Latest
from swaplab_core.server.metrics.counters import Metrics
from swaplab_core.server.metrics.tallies import Histogram, Standing
from swaplab_core.testing.fake_hardware import GIB, moment, system_sample

GPU = GpuSample(
    moment(0),
    0,
    "NVIDIA L4",
    "GPU-1",
    temperature_celsius=50,
    memory_temperature_celsius=60,
    busy_percent=70,
    memory_used_bytes=6 * GIB,
    memory_total_bytes=24 * GIB,
    fan_percent=30,
    power_watts=72.5,
)


def samples(page):
    """The page as a program reads it: (name, labels) → value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def value(page, metric, /, **labels):
    return samples(page)[metric, frozenset(labels.items())]


def names(page):
    return {name for name, _ in samples(page)}


def with_requests(*requests):
    metrics = Metrics()
    for request in requests:
        metrics.request_done(*request)
    return metrics.render()


def test_requests_are_counted_by_model_and_status():
    page = with_requests(("a", 200), ("a", 200), ("a", 500), ("b", 404))
    assert value(page, "swaplab_requests_total", model="a", code="200") == 2
    assert value(page, "swaplab_requests_total", model="a", code="500") == 1
    assert value(page, "swaplab_requests_total", model="b", code="404") == 1


def test_tokens_are_summed_by_kind():
    page = with_requests(("a", 200, Usage(100, 20, 60, 8, 5)), ("a", 200, Usage(1, 2)), ("a", 200))
    told = {kind: value(page, "swaplab_tokens_total", model="a", kind=kind) for kind in ("input", "output", "cached")}
    assert told == {"input": 101, "output": 22, "cached": 60}
    assert value(page, "swaplab_tokens_total", model="a", kind="drafted") == 8
    assert value(page, "swaplab_tokens_total", model="a", kind="draft_accepted") == 5


def test_the_time_to_the_first_token_is_a_histogram():
    page = with_requests(("a", 200, None, 0.03), ("a", 200, None, 0.2), ("a", 200, None, 1000.0), ("a", 200))
    name = "swaplab_time_to_first_token_seconds"
    assert value(page, f"{name}_bucket", model="a", le="0.025") == 0
    assert value(page, f"{name}_bucket", model="a", le="0.05") == 1
    assert value(page, f"{name}_bucket", model="a", le="300.0") == 2
    assert value(page, f"{name}_bucket", model="a", le="+Inf") == value(page, f"{name}_count", model="a") == 3
    assert value(page, f"{name}_sum", model="a") == pytest.approx(1000.23)


def test_loads_swaps_restarts_and_failed_starts_are_counted():
    metrics = Metrics()
    metrics.load_done("a", 7.0)
    metrics.swap_done("a", 12.0)
    metrics.restarted("a")
    metrics.start_failed("a")
    metrics.start_failed("a")
    page = metrics.render()
    assert value(page, "swaplab_load_seconds_bucket", model="a", le="10.0") == 1
    assert value(page, "swaplab_swap_seconds_sum", model="a") == 12
    assert value(page, "swaplab_model_restarts_total", model="a") == 1
    assert value(page, "swaplab_model_failed_starts_total", model="a") == 2


def test_the_state_is_one_of_all_states():
    page = Metrics().render([Standing("a", Phase.READY, serving=2, waiting=3)])
    states = {phase: value(page, "swaplab_model_state", model="a", state=phase.value) for phase in Phase}
    assert states == {phase: float(phase is Phase.READY) for phase in Phase}
    assert value(page, "swaplab_requests_serving", model="a") == 2
    assert value(page, "swaplab_queue_depth", model="a") == 3


def test_a_model_that_is_no_longer_configured_is_forgotten():
    metrics = Metrics()
    metrics.request_done("gone", 200)
    metrics.request_done("there", 200)
    metrics.forget(["gone", "never seen"])
    assert b"gone" not in metrics.render()
    assert b"there" in metrics.render()


def test_label_escaping():
    name = 'a "quoted" \\ back\\nslash\nand a line é'
    page = with_requests((name, 200))
    assert value(page, "swaplab_requests_total", model=name, code="200") == 1
    assert rb'model="a \"quoted\" \\ back\\nslash\nand a line' in page


def test_counting_goes_on_while_a_page_is_made():
    metrics = Metrics()
    metrics.request_done("a", 200)
    before = metrics.render()
    metrics.request_done("a", 200)
    assert value(before, "swaplab_requests_total", model="a", code="200") == 1
    assert value(metrics.render(), "swaplab_requests_total", model="a", code="200") == 2


def test_prometheus_text_of_the_system_has_llama_swaps_names():
    page = Metrics().render(latest=Latest(system_sample()))
    assert value(page, "llamaswap_cpu_util_percent", core="0") == 12.5
    assert value(page, "llamaswap_cpu_util_percent", core="1") == 100
    assert value(page, "llamaswap_memory_total_bytes") == 8 * GIB
    assert value(page, "llamaswap_memory_used_bytes") == 2 * GIB
    assert value(page, "llamaswap_memory_free_bytes") == 5 * GIB
    assert value(page, "llamaswap_swap_total_bytes") == GIB
    assert value(page, "llamaswap_swap_used_bytes") == 0
    assert [value(page, "llamaswap_load_average", interval=i) for i in ("1m", "5m", "15m")] == [0.5, 0.25, 0.125]
    assert value(page, "llamaswap_network_bytes_total", interface="eth0", direction="recv") == 1000
    assert value(page, "llamaswap_network_bytes_total", interface="eth0", direction="sent") == 2000
    assert b"# TYPE llamaswap_network_bytes_total counter" in page


def test_what_the_system_does_not_tell_is_left_out():
    sample = evolve(system_sample(), swap_total_bytes=None, swap_used_bytes=None, load_averages=None)
    page = Metrics().render(latest=Latest(sample))
    assert not {"llamaswap_swap_total_bytes", "llamaswap_swap_used_bytes", "llamaswap_load_average"} & names(page)


def test_prometheus_text_of_gpus_has_llama_swaps_names():
    page = Metrics().render(latest=Latest(gpus=(GPU,)))
    told = {
        name.removeprefix("llamaswap_gpu_"): number
        for (name, labels), number in samples(page).items()
        if labels == {("id", "0"), ("name", "NVIDIA L4"), ("uuid", "GPU-1")}
    }
    assert told == {
        "temperature_celsius": 50,
        "vram_temperature_celsius": 60,
        "util_percent": 70,
        "memory_util_percent": 25,
        "memory_used_bytes": 6 * GIB,
        "memory_total_bytes": 24 * GIB,
        "fan_speed_percent": 30,
        "power_draw_watts": 72.5,
    }


def test_a_gpu_without_a_uuid_has_no_such_label_and_what_it_does_not_tell_is_left_out():
    page = Metrics().render(latest=Latest(gpus=(GPU, GpuSample(moment(0), 1, "card1", busy_percent=3))))
    assert value(page, "llamaswap_gpu_util_percent", id="1", name="card1") == 3
    assert ("llamaswap_gpu_fan_speed_percent", frozenset({("id", "1"), ("name", "card1")})) not in samples(page)


def test_without_samples_there_is_no_family_of_theirs():
    assert b"llamaswap_" not in Metrics().render()


def test_each_family_is_told_once():
    metrics = Metrics()
    for model in ("a", "b"):
        metrics.request_done(model, 200, Usage(1, 1), 1.0)
        metrics.load_done(model, 1.0)
    page = metrics.render(
        [Standing("a", Phase.READY, 0, 0), Standing("b", Phase.STOPPED, 0, 0)], Latest(system_sample())
    )
    types = [line.split()[2] for line in page.decode().splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_what_engines_tell_is_added_as_it_is():
    assert Metrics().render(engines=b"vllm:x 1\n").endswith(b"vllm:x 1\n")


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, [1, 1, 1]), (1, [1, 1, 1]), (1.5, [0, 1, 1]), (3, [0, 0, 1])])
def test_a_histogram_counts_up_to_and_with_its_bounds(seconds, expected):
    histogram = Histogram((1, 2))
    histogram.observe(seconds)
    assert (histogram.cumulated(), histogram.total) == (expected, seconds)
