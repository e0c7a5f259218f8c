"""Progress from the runner's events."""

from __future__ import annotations

import json

import pytest

from swaplab_benchy.options import RunOptions
from swaplab_benchy.progress import ProgressReader, requests_expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RunOptions(models=("m",), pp=(1,), tg=(1,), runs=2), 2),
        (RunOptions(models=("m",), pp=(1, 2), tg=(1,), depth=(0, 8), concurrency=(1, 4), runs=2), 2 * 2 * 5 * 2),
        (RunOptions(models=("m",), pp=(1,), tg=(1,), depth=(0, 8), runs=1, enable_prefix_caching=True), 3),
    ],
)
def test_all_requests_are_counted_beforehand(options, expected):
    assert requests_expected(options) == expected


def event(kind, **more):
    return json.dumps({"schema": "llama-benchy-progress.v1", "type": kind, "ts": 1.0, **more})


def test_a_run_moves_from_nothing_to_all():
    reader = ProgressReader(2)
    assert reader.read(event("header", llama_benchy_version="0.4.0")) is None
    start = reader.read(event("request_start", prompt_size=128, response_size=16, context_size=64, concurrency=2))
    assert start is not None
    assert (start.stage, start.fraction) == ("pp 128 · tg 16 · depth 64 · x2", 0.0)
    assert [reader.read(event("request_end")).fraction for _ in range(2)] == [0.5, 1.0]
    assert reader.read(event("bench_complete", status="ok")) is None
    assert (reader.version, reader.status) == ("0.4.0", "ok")


def test_requests_that_were_not_counted_never_pass_the_end():
    reader = ProgressReader(1)
    assert [reader.read(event("request_end")).fraction for _ in range(3)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("line", ["", "Warming up...", "[1]", "{broken", event("tokens", count=1)])
def test_other_lines_are_passed_over(line):
    assert ProgressReader(1).read(line) is None


def test_what_failed_requests_said_is_kept():
    reader = ProgressReader(2)
    reader.read(event("request_end", error="HTTP 400: too long"))
    assert reader.errors == ["HTTP 400: too long"]
