"""The lines must be read by the same patterns that read the real engines' lines."""

from __future__ import annotations

import re

import pytest

from swaplab_core.testing.sim.loading import load_plan, ready_text
from swaplab_core.testing.sim.options import LoadStage, LoadStyle

STAGES = (LoadStage("weights", 2.0), LoadStage("graphs", 1.0), LoadStage("torch.compile", 0.5))
TOTAL_SECONDS = 3.5


def printed(style: LoadStyle) -> str:
    return "".join(moment.text for moment in load_plan(style, STAGES)) + ready_text(style)


@pytest.mark.parametrize("style", LoadStyle)
def test_a_plan_goes_forward_in_time_to_the_end_of_the_load(style):
    times = [moment.at_seconds for moment in load_plan(style, STAGES)]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(TOTAL_SECONDS)


@pytest.mark.parametrize("style", LoadStyle)
def test_no_load_prints_nothing_before_it_is_ready(style):
    assert load_plan(style, ()) == ()
    assert ready_text(style).endswith("\n")


def test_generic_lines_count_percents_of_each_stage():
    lines = printed(LoadStyle.GENERIC).splitlines()
    assert "swaplab-sim: loading weights 45%" in lines
    assert "swaplab-sim: loading graphs 100%" in lines
    assert lines[-1] == "swaplab-sim: ready"


def test_carriage_style_stays_on_one_line_per_stage():
    text = printed(LoadStyle.CARRIAGE)
    assert "\rswaplab-sim: loading weights 50%" in text
    assert text.count("\n") == len(STAGES) + 1


@pytest.mark.parametrize(
    "pattern",
    [
        r"Loading (?P<what>[\w .]*?(?:shards|weights)):\s+(?P<pct>\d{1,3})% Completed \| (?P<n>\d+)/(?P<total>\d+)",
        r"Loading weights took (?P<s>[\d.]+) seconds",
        r"Capturing [\w -]*CUDA graphs(?: \([^)]*\))?:\s+(?P<pct>\d{1,3})%\|[^|]*\|\s*(?P<n>\d+)/(?P<total>\d+)",
        r"Graph capturing finished in (?P<s>\d+) secs",
        r"Starting torch\.compile",
        r"torch\.compile took (?P<s>[\d.]+) s",
        r"Application startup complete\.",
    ],
)
def test_vllm_style_matches_what_reads_vllm(pattern):
    assert re.search(pattern, printed(LoadStyle.VLLM))


def test_vllm_shards_end_in_newlines_and_graphs_return_the_carriage():
    text = printed(LoadStyle.VLLM)
    assert "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:01]\n" in text
    assert "\rCapturing CUDA graphs (decode, FULL):  50%|██  | 2/4" in text


def test_llamacpp_style_prints_dots_between_its_two_lines():
    text = printed(LoadStyle.LLAMACPP)
    assert re.search(r"\bloading model\b.*\n\.{20}\n", text)
    assert re.search(r"\bmodel loaded\b", text)
