"""Reading, keeping and showing what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swaplab_benchy.results import (
    Point,
    Provenance,
    Run,
    from_document,
    markdown,
    read_result,
    rows,
    to_document,
)
from swaplab_core.plugin import PluginFailed

DOCUMENT = json.loads((Path(__file__).parent / "fixtures" / "result.json").read_text())


def a_run():
    provenance = Provenance(model="smol|lm2", launch=("llama-server", "-m", "x"), options={"pp": [64]})
    return Run("r1", 1.5, provenance, read_result(DOCUMENT))


def test_a_real_result_is_read():
    result = read_result(DOCUMENT)
    assert (result.version, len(result.points)) == ("0.4.0", 6)
    samples = result.samples("tg_throughput")[Point(0, 64, 8)]
    assert samples.values == (79.71172505149825, 74.674575401199)
    assert samples.mean == pytest.approx(77.1932, abs=1e-3)


def test_what_is_stored_reads_back_equal():
    run = a_run()
    assert from_document(json.loads(json.dumps(to_document(run)))) == run


@pytest.mark.parametrize(
    "document", [{}, {"benchmarks": [{}]}, {"benchmarks": 3}, {"benchmarks": [{"context_size": "x"}]}]
)
def test_an_unknown_shape_is_said(document):
    with pytest.raises(PluginFailed, match="unknown shape"):
        read_result(document)


@pytest.mark.parametrize("document", [{}, {"schema": 9}, {"schema": 1, "provenance": {"x": 1}, "points": []}])
def test_a_spoilt_file_is_said(document):
    with pytest.raises(PluginFailed, match="cannot be read"):
        from_document(document)


def test_points_have_names():
    assert str(Point(4096, 512, 128, 4)) == "pp512 tg128 @ d4096 x4"
    assert str(Point(64, 64, 8, is_prefill=True)) == "context pp64 @ d64"


def test_rows_are_flat_and_tables_hold_every_point():
    run = a_run()
    assert len(rows([run])) == 6
    assert rows([run])[0]["tg_throughput"] == pytest.approx(77.1932, abs=1e-3)
    assert markdown([run]).count("\n") == 8
    assert "smol&#124;lm2" in markdown([run])
