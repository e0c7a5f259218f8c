"""Results on disk."""

from __future__ import annotations

import pytest

from swaplab_benchy.results import Point, Provenance, Result, Run, Samples
from swaplab_benchy.store import ResultStore
from swaplab_core.domain.errors import NotThere

RESULT = Result("0.4.0", 1.0, {Point(0, 8, 4): {"tg_throughput": Samples((1.0, 2.0))}})


def run(number, created=0.0, model="m", recipe=""):
    return Run(f"{number:032x}", created, Provenance(model=model, recipe=recipe), RESULT)


def test_results_are_there_after_a_restart_newest_first(tmp_path):
    store = ResultStore(tmp_path / "results")
    store.save(run(1, created=1.0))
    store.save(run(2, created=3.0, model="other", recipe="r"))
    again = ResultStore(tmp_path / "results")
    assert again.runs() == [run(2, 3.0, "other", "r"), run(1, 1.0)]
    assert again.runs(model="m") == [run(1, 1.0)]
    assert again.runs(recipe="r") == [run(2, 3.0, "other", "r")]


def test_a_spoilt_file_hides_nothing_else(tmp_path):
    store = ResultStore(tmp_path)
    store.save(run(1))
    (tmp_path / "spoilt.json").write_text("{")
    again = ResultStore(tmp_path)
    assert again.runs() == [run(1)]
    assert "spoilt.json" in again.broken
    assert (tmp_path / "spoilt.json").exists()


def test_a_deleted_result_is_gone(tmp_path):
    store = ResultStore(tmp_path)
    store.save(run(1))
    store.delete(run(1).id)
    assert ResultStore(tmp_path).runs() == []
    with pytest.raises(NotThere):
        store.run(run(1).id)


@pytest.mark.parametrize("name", ["../secret", "", "x/y", "%2e%2e"])
def test_an_id_is_never_a_path(tmp_path, name):
    with pytest.raises(NotThere):
        ResultStore(tmp_path).delete(name)
