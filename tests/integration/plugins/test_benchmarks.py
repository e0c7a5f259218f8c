"""Benchmarks for real: llama-benchy through the proxy, against SmolLM2 and a scripted model on llama-server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from llama_benchy import llama_benchy, smollm2
from running_swaplab import Swaplab, marked_processes, run_swaplab, running_swaplab

from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.waiting import wait_until

ADMIN, USER = "the-administrators-key", "a-users-key"
KEYS = [{"key": ADMIN, "admin": True}, USER]
QUICK = {"pp": [32], "tg": [8], "runs": 1, "skipCoherence": True, "noWarmup": True, "latencyMode": "none"}
SECONDS = 90.0
pytestmark = pytest.mark.xdist_group("benchmarks")


@pytest.fixture(scope="module")
def runner() -> dict[str, str]:
    return {"LLAMA_BENCHY_CMD": str(llama_benchy())}


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, tiny_gguf, llama_server, runner) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("benchmarks")
    models = {
        "smol": {"backend": "llamacpp", "model": str(smollm2()), "ctxSize": 2048, "server": str(llama_server)},
        "tiny": tiny(tiny_gguf, llama_server),
    }
    with running_swaplab(folder, models, env=runner, apiKeys=KEYS, healthCheckTimeout=60) as daemon:
        yield daemon


def tiny(tiny_gguf, llama_server) -> dict[str, object]:
    model = str(tiny_gguf("The capital is Paris.", endless=True))
    return {"backend": "llamacpp", "model": model, "ctxSize": 8192, "server": str(llama_server)}


def ask(swaplab: Swaplab, method: str, path: str, body: object = None, key: str = ADMIN):
    headers = {"Authorization": f"Bearer {key}", "X-Swaplab": "1", "Content-Type": "application/json"}
    return swaplab.ask(method, path, json_body=body, headers=headers)


def start(swaplab: Swaplab, model: str, **options: object) -> str:
    answer = ask(swaplab, "POST", "/api/benchy", {"model": model, **QUICK, **options})
    assert answer.status == 200, answer.text
    return str(answer.json()["id"])


def shown(swaplab: Swaplab, run: str) -> dict:
    return ask(swaplab, "GET", f"/api/benchy/{run}").json()


def over(swaplab: Swaplab, run: str) -> dict:
    wait_until(lambda: "finishedAt" in shown(swaplab, run), "the run to end", deadline_seconds=SECONDS)
    return shown(swaplab, run)


def command_lines() -> str:
    texts = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            texts.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(texts)


def test_a_run_is_measured_watched_and_stored_with_what_produced_it(swaplab):
    run = start(swaplab, "smol", runs=2)
    seen = set()
    while "finishedAt" not in (document := shown(swaplab, run)):
        seen.add(document["status"])
        lines = command_lines()
        assert ADMIN not in lines
        if "llama-benchy" in lines and "--base-url" in lines:
            seen.add("child")
    assert document["status"] == "done", document
    assert {"running", "child"} <= seen
    [result_id] = [each["result"] for each in document["results"]]
    result = ask(swaplab, "GET", f"/api/benchy/results/{result_id}").json()
    [point] = result["points"]
    assert (point["prompt"], point["response"], len(point["metrics"]["pp_throughput"]["values"])) == (32, 8, 2)
    origin = result["provenance"]
    assert origin["model"] == "smol"
    assert any(word.endswith(".gguf") for word in origin["launch"])
    assert origin["engine"]
    assert origin["options"]["pp"] == [32]
    for text in (document["stdout"], str(result), swaplab.log()):
        assert ADMIN not in text
        assert USER not in text


def test_a_cancelled_run_leaves_no_process_and_no_result(swaplab):
    before = ask(swaplab, "GET", "/api/benchy/results").json()["results"]
    run = start(swaplab, "tiny", pp=[64], tg=[512], runs=400)
    wait_until(
        lambda: (shown(swaplab, run).get("progress") or {}).get("fraction"), "half a run", deadline_seconds=SECONDS
    )
    assert ask(swaplab, "POST", f"/api/benchy/{run}/cancel").json() == {"status": "canceling"}
    assert over(swaplab, run)["status"] == "canceled"
    wait_until(lambda: not benchmarks_of(swaplab), "all of it to be gone")
    assert ask(swaplab, "GET", "/api/benchy/results").json()["results"] == before
    assert ask(swaplab, "POST", f"/api/benchy/{run}/cancel").status == 409


def benchmarks_of(swaplab: Swaplab) -> list[int]:
    def is_benchmark(pid: int) -> bool:
        try:
            return b"llama-benchy" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    return [pid for pid in marked_processes(swaplab.mark) if is_benchmark(pid)]


def test_two_runs_wait_for_each_other(swaplab):
    first = start(swaplab, "tiny", runs=3)
    second = start(swaplab, "tiny")
    states = set()
    while "finishedAt" not in (later := shown(swaplab, second)):
        states.add((shown(swaplab, first)["state"], later["state"]))
    assert ("running", "running") not in states
    assert any(state == "queued" for _, state in states)
    assert later["status"] == shown(swaplab, first)["status"] == "done"


def test_a_queue_of_models_leaves_a_result_for_each(swaplab):
    answer = ask(swaplab, "POST", "/api/benchy", {"queueModels": ["tiny", "smol"], **QUICK})
    document = over(swaplab, answer.json()["id"])
    assert document["status"] == "done", document
    assert document["queueCompletedCount"] == 2
    assert [each["model"] for each in document["results"]] == ["tiny", "smol"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pp": [9000]}, "does not fit the model's context"),
        ({"tokenizer": "/nonexistent/tokenizer"}, "the tokenizer '/nonexistent/tokenizer' could not be loaded"),
    ],
)
def test_a_failed_run_says_what_happened(swaplab, options, message):
    document = over(swaplab, start(swaplab, "tiny", **options))
    assert document["status"] == "error"
    assert message in document["error"]


def test_a_server_that_is_down_is_named(swaplab):
    port = find_free_port()
    document = over(
        swaplab, start(swaplab, "tiny", baseUrl=f"http://127.0.0.1:{port}", noWarmup=False, tokenizer="tiny")
    )
    assert document["status"] == "error"
    assert f"nobody answers at 127.0.0.1:{port}" in document["error"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "model is required"),
        ({"model": "nobody"}, 404, "no model named 'nobody'"),
        ({"model": "tiny", "runs": -2}, 400, "runs must be a whole number > 0"),
        (
            {"model": "tiny", "intelligencePlugins": ["swebench_verified"]},
            400,
            "plugin 'swebench_verified' requires allowCodeExec=true",
        ),
    ],
)
def test_wrong_requests_are_refused_at_once(swaplab, body, status, message):
    answer = ask(swaplab, "POST", "/api/benchy", body)
    assert answer.status == status
    assert message in answer.error["message"]


def test_only_the_administrator_may_start_one(swaplab):
    assert ask(swaplab, "POST", "/api/benchy", {"model": "tiny", **QUICK}, key=USER).status == 403
    assert ask(swaplab, "GET", "/api/benchy", key=USER).status == 200


def test_the_command_line_runs_lists_compares_and_gates(swaplab):
    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_swaplab("bench", *arguments, env={"SWAPLAB_URL": swaplab.url, "SWAPLAB_API_KEY": ADMIN})

    made = [bench("run", "tiny", "--pp", "32", "--tg", "16", "--runs", "5", "--skip-coherence") for _ in range(2)]
    assert [each.returncode for each in made] == [0, 0], made
    a, b = (each.stdout.split()[1] for each in made)
    listed = bench("list", "--model", "tiny").stdout
    assert a in listed
    assert b in listed
    found = bench("compare", a, b, "--max-regress", "99%")
    assert found.returncode in {0, 3}, found
    assert "verdict:" in found.stdout
    assert bench("compare", a, "0" * 32).returncode == 1
    csv = ask(swaplab, "GET", f"/api/benchy/export?format=csv&ids={a},{b}").text
    assert csv.count("\n") == 3
    assert "pp32 tg16" in ask(swaplab, "GET", f"/api/benchy/export?format=markdown&ids={a}").text
    assert ask(swaplab, "DELETE", f"/api/benchy/results/{a}").status == 200
    assert ask(swaplab, "GET", f"/api/benchy/results/{a}").status == 404


def test_a_run_that_waits_for_its_time_is_cancelled_before_it_begins(swaplab):
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    run = start(swaplab, "tiny", startAt=at)
    assert shown(swaplab, run)["status"] == "scheduled"
    assert ask(swaplab, "POST", f"/api/benchy/{run}/cancel").json() == {"status": "canceling"}
    document = over(swaplab, run)
    assert (document["status"], document.get("exitCode")) == ("canceled", None)
    assert ask(swaplab, "POST", f"/api/benchy/{run}/cancel").status == 409
    assert not benchmarks_of(swaplab)


def test_a_run_waits_for_its_time_over_a_restart_and_one_in_the_middle_is_told_as_interrupted(
    tmp_path, tiny_gguf, llama_server, runner
):
    models, state = {"tiny": tiny(tiny_gguf, llama_server)}, ("--state-dir", str(tmp_path / "kept"))
    with running_swaplab(tmp_path, models, *state, env=runner, apiKeys=KEYS) as first:
        at = (datetime.now(UTC) + timedelta(seconds=8)).isoformat()
        later = start(first, "tiny", startAt=at, adaptPrompt=False, trustRemoteCode=False)
        assert shown(first, later)["status"] == "scheduled"
        cut = start(first, "tiny", pp=[64], tg=[512], runs=400)
        wait_until(lambda: shown(first, cut).get("progress"), "the run to move", deadline_seconds=SECONDS)
    with running_swaplab(tmp_path, models, *state, env=runner, apiKeys=KEYS) as second:
        told = shown(second, cut)
        assert (told["status"], told["state"], told["error"]) == ("error", "interrupted", "swaplab ended while it ran")
        document = over(second, later)
        assert document["status"] == "done", document
        assert document["scheduledAt"] <= document["finishedAt"]
        assert (document["adaptPrompt"], document["trustRemoteCode"]) == (False, False)
