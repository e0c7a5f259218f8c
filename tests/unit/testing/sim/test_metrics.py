from __future__ import annotations

import asyncio

import pytest

from swaplab_core.testing.sim.generation import Generation, Stopwatch
from swaplab_core.testing.sim.meter import Histogram, Meter
from swaplab_core.testing.sim.metrics import exposition
from swaplab_core.testing.sim.options import MetricsStyle
from swaplab_core.testing.waiting import wait_until_async

VLLM_NAMES = [
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:request_success_total",
    "vllm:engine_sleep_state",
    "vllm:time_to_first_token_seconds",
    "vllm:e2e_request_latency_seconds",
]
LLAMACPP_NAMES = [
    "llamacpp:prompt_tokens_total",
    "llamacpp:tokens_predicted_total",
    "llamacpp:predicted_tokens_seconds",
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
]


def busy_meter() -> Meter:
    meter = Meter()
    generation = Generation(words=("a", "b"), count=2, prompt_tokens=7, cached_tokens=3, is_cut=False)
    meter.record(generation, Stopwatch(10.0, first=10.2, ended=10.7, tokens=2), "stop")
    return meter


@pytest.mark.parametrize("name", VLLM_NAMES)
def test_vllm_names_are_there(name):
    assert f"# TYPE {name} " in exposition(MetricsStyle.VLLM, Meter(), "m", 0)


@pytest.mark.parametrize("name", LLAMACPP_NAMES)
def test_llamacpp_names_are_there(name):
    assert f"# TYPE {name} " in exposition(MetricsStyle.LLAMACPP, Meter(), "m", 0)


def test_vllm_counts_what_was_recorded():
    text = exposition(MetricsStyle.VLLM, busy_meter(), "m", 0)
    assert 'vllm:prompt_tokens_total{engine="0",model_name="m"} 7.0\n' in text
    assert 'vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 1.0\n' in text
    assert 'vllm:time_to_first_token_seconds_bucket{engine="0",le="0.25",model_name="m"} 1.0\n' in text
    assert 'vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="m"} 0.0\n' in text


def test_llamacpp_counts_evaluated_tokens_without_the_cached_ones():
    text = exposition(MetricsStyle.LLAMACPP, busy_meter(), "m", 0)
    assert "llamacpp:prompt_tokens_total 4\n" in text
    assert "llamacpp:prompt_tokens_cached_total 3\n" in text
    assert "llamacpp:tokens_predicted_total 2\n" in text


@pytest.mark.parametrize(("level", "state"), [(0, "awake"), (1, "weights_offloaded"), (2, "discard_all")])
def test_exactly_one_sleep_state_is_on(level, state):
    lines = exposition(MetricsStyle.VLLM, Meter(), "m", level).splitlines()
    on = [line for line in lines if line.startswith("vllm:engine_sleep_state{") and line.endswith(" 1.0")]
    assert on == [f'vllm:engine_sleep_state{{engine="0",model_name="m",sleep_state="{state}"}} 1.0']


def test_a_model_name_cannot_break_out_of_its_label():
    assert 'model_name="a\\"b\\nc"' in exposition(MetricsStyle.VLLM, Meter(), 'a"b\nc', 0)


def test_buckets_are_cumulative_and_end_in_infinity():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.5, 5.0):
        histogram.observe(value)
    assert list(histogram.buckets()) == [("1.0", 1), ("2.0", 2), ("+Inf", 3)]
    assert histogram.total == 7.0


def test_a_slot_is_given_back_when_its_holder_fails():
    async def main() -> tuple[int, int]:
        meter = Meter(slots=1)
        with pytest.raises(LookupError):
            async with meter.turn():
                raise LookupError
        async with meter.turn():
            return meter.running, meter.waiting

    assert asyncio.run(main()) == (1, 0)


def test_a_request_without_a_slot_waits():
    async def main() -> tuple[int, int]:
        meter = Meter(slots=1)
        async with asyncio.TaskGroup() as tasks, meter.turn():
            tasks.create_task(take_turn(meter))
            await wait_until_async(lambda: meter.waiting, "the second request to wait")
            return meter.running, meter.waiting

    async def take_turn(meter: Meter) -> None:
        async with meter.turn():
            pass

    assert asyncio.run(main()) == (1, 1)
