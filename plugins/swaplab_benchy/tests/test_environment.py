"""The variables of Swap Laboratories that say how benchmarks run."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve

from swaplab_benchy.api import BenchRoutes
from swaplab_benchy.bench import DEFAULT_OUTPUT_FOLDER, Bench, Settings
from swaplab_benchy.options import Intelligence, RunOptions
from swaplab_benchy.runner import Runner
from swaplab_benchy.store import ResultStore
from swaplab_benchy.surroundings import SWEBENCH, Child, environment
from swaplab_benchy.targets import Target

SUITES = RunOptions(models=("m",), intelligence=Intelligence((SWEBENCH,), output_dir="/tmp/out"))
TARGET = Target("m", "m", "t", trust_remote_code=False)
CHILD = Child(Runner(("/opt/llama-benchy",), "test"), "http://127.0.0.1:1/v1", TARGET, SUITES)
SPEED = evolve(CHILD, options=RunOptions(models=("m",)))


def env(tmp_path: Path, child: Child = CHILD, **variables: str) -> dict[str, str]:
    return environment(child, tmp_path / "run", {"LLAMA_BENCHY_HF_HOME": str(tmp_path / "hf"), **variables})


def test_the_caches_are_where_the_variable_says_and_are_made(tmp_path):
    found = env(tmp_path, LLAMA_BENCHY_HF_HOME=str(tmp_path / "mine"))
    assert (found["HF_HOME"], found["HF_HUB_CACHE"]) == (str(tmp_path / "mine"), str(tmp_path / "mine" / "hub"))
    assert (tmp_path / "mine" / "datasets").is_dir()


@pytest.mark.parametrize(("said", "found"), [("", "1"), ("1", "1"), ("0", None), ("off", None), ("FALSE", None)])
def test_the_text_of_swebench_is_made_to_fit_unless_that_is_switched_off(tmp_path, said, found):
    assert env(tmp_path, LLAMA_SWAP_SWEBENCH_TEXT_COMPAT=said).get("LLAMA_SWAP_SWEBENCH_TEXT_COMPAT") == found
    assert "LLAMA_SWAP_SWEBENCH_TEXT_COMPAT" not in env(tmp_path, SPEED, LLAMA_SWAP_SWEBENCH_TEXT_COMPAT="1")


def test_a_shim_of_the_operators_is_loaded_behind_ours_where_there_is_one(tmp_path):
    ours, theirs = str(tmp_path / "run" / "shim"), str(tmp_path)
    assert env(tmp_path, LLAMA_SWAP_BENCHY_PY_SHIM_DIR=theirs)["PYTHONPATH"] == ours
    (tmp_path / "sitecustomize.py").write_text("")
    assert env(tmp_path, LLAMA_SWAP_BENCHY_PY_SHIM_DIR=theirs)["PYTHONPATH"] == os.pathsep.join((ours, theirs))
    assert env(tmp_path, SPEED, LLAMA_SWAP_BENCHY_PY_SHIM_DIR=theirs)["PYTHONPATH"] == ours


def test_the_folder_of_a_shim_may_be_named_from_where_the_daemon_runs(tmp_path, monkeypatch):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("")
    monkeypatch.chdir(tmp_path)
    path = env(tmp_path, LLAMA_SWAP_BENCHY_PY_SHIM_DIR="theirs")["PYTHONPATH"]
    assert path == os.pathsep.join((str(tmp_path / "run" / "shim"), str(tmp_path / "theirs")))


def bench(tmp_path: Path, **variables: str) -> Bench:
    nothing = cast("Any", None)  # the daemon, which none of these questions needs
    store = ResultStore(tmp_path / "results")
    return Bench(nothing, store, tmp_path, Settings, variables, lambda _: None, lambda _: None)


@pytest.mark.parametrize("said", ["1", "true", " TRUE "])
def test_benchmarks_that_are_switched_off_are_refused_with_the_name_of_the_switch(tmp_path, said):
    nothing = cast("Any", None)
    routes = BenchRoutes(lambda: bench(tmp_path, LLAMA_BENCHY_DISABLE=said))
    reply = asyncio.run(routes.start(nothing, nothing))
    assert (reply.status, b"LLAMA_BENCHY_DISABLE" in reply.body) == (503, True)
    assert not bench(tmp_path, LLAMA_BENCHY_DISABLE="0").is_disabled


def test_results_of_suites_go_where_the_request_says_then_the_variable_then_the_usual_place(tmp_path):
    def folder(asked: str, **variables: str) -> str:
        suites = evolve(SUITES, intelligence=Intelligence((SWEBENCH,), output_dir=asked))
        found = bench(tmp_path, **variables).completed(suites).intelligence
        assert found is not None
        return found.output_dir

    assert folder("/asked", LLAMA_BENCHY_OUTPUT_DIR="/out") == "/asked"
    assert folder("", LLAMA_BENCHY_OUTPUT_DIR="/out") == "/out"
    assert folder("") == DEFAULT_OUTPUT_FOLDER
