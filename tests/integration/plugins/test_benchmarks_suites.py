"""Intelligence suites through the server: scored, stored, run as somebody else where they execute code.

The runner is a test's own (see `llama_benchy.suite_runner`), the questions are asked for real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_benchy import PYTHON, suite_runner
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

ADMIN = "the-administrators-key"
INSTALL = (
    "llama-benchy is not installed (run the action “Install llama-benchy” of the page Benchmarks (or `swaplab bench "
    "install`), put llama-benchy or uvx on PATH, or name a command in LLAMA_BENCHY_CMD)"
)
TELLTALE = "A_SECRET_OF_THE_DAEMON"
pytestmark = pytest.mark.xdist_group("benchmarks")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="swaplab-suites-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_data(folder)
        yield folder


def make_data(folder: Path) -> None:
    (folder / "data").mkdir()
    questions = [{"question": "The capital?", "answer": "Paris"}, {"question": "Its height?", "answer": "42 m"}]
    for suite in ("gsm8k", "evalplus"):
        (folder / "data" / f"{suite}.jsonl").write_text("\n".join(map(json.dumps, questions)))
    return folder


@pytest.fixture(scope="module")
def swaplab(place):
    env = {"LLAMA_BENCHY_CMD": str(suite_runner(place)), TELLTALE: "yes", "OPENAI_API_KEY": "the-operators-own"}
    models = {"m": sim("--say", "Paris, I think.")}
    with running_swaplab(place, models, env=env, apiKeys=[{"key": ADMIN, "admin": True}]) as daemon:
        yield daemon


def ask(swaplab: Swaplab, method: str, path: str, body: object = None):
    return swaplab.ask(method, path, json_body=body, headers={"Authorization": f"Bearer {ADMIN}", "X-Swaplab": "1"})


def over(swaplab: Swaplab, place: Path, *suites: str, **more: object) -> dict:
    options = {"intelligencePlugins": suites, "datasetCacheDir": str(place / "data"), **more}
    answer = ask(swaplab, "POST", "/api/benchy", {"model": "m", "outputDir": str(place / "out"), **options})
    assert answer.status == 200, answer.text
    path = f"/api/benchy/{answer.json()['id']}"
    wait_until(lambda: "finishedAt" in ask(swaplab, "GET", path).json(), "the run to end")
    return ask(swaplab, "GET", path).json()


def stored(swaplab: Swaplab, document: dict) -> dict:
    assert document["status"] == "done", document
    return ask(swaplab, "GET", f"/api/benchy/results/{document['results'][0]['result']}").json()


def test_what_suites_find_is_kept_with_what_produced_it_and_exported(swaplab, place):
    result = stored(swaplab, over(swaplab, place, "gsm8k", "mmlu"))
    good, bad = result["scores"]
    assert (good["suite"], good["metric"], good["value"], good["error"]) == ("gsm8k", "exact_match,strict", 0.5, 0.25)
    assert (bad["suite"], bad["value"]) == ("mmlu", None)
    assert "mmlu.jsonl" in bad["failure"]
    assert result["provenance"]["options"]["intelligencePlugins"] == ["gsm8k", "mmlu"]
    assert result["provenance"]["ran_as"] == ""
    table = ask(swaplab, "GET", f"/api/benchy/export?format=markdown&ids={result['id']}").text
    assert "| m | gsm8k | exact_match,strict | 50.0% ± 25.0% |" in table
    assert "gsm8k" in ask(swaplab, "GET", f"/api/benchy/export?format=csv&ids={result['id']}").text


def test_the_key_is_nobodys_but_the_runners(swaplab, place):
    document = over(swaplab, place, "gsm8k")
    assert "key: ***" in document["stdout"], "it reached the runner, and what that blurts out is hidden"
    assert "the-operators-own" not in document["stdout"]
    elsewhere = over(swaplab, place, "gsm8k", baseUrl=swaplab.url)
    assert "key: EMPTY" in elsewhere["stdout"], "an address that was typed in gets none, nor the operator's own"


def test_a_run_in_which_no_suite_succeeds_has_failed_and_says_why(swaplab, place):
    document = over(swaplab, place, "mmlu")
    assert document["status"] == "error"
    assert "mmlu: FileNotFoundError" in document["error"]


def test_suites_that_execute_code_need_leave(swaplab, place):
    body = {"model": "m", "intelligencePlugins": ["evalplus"]}
    answer = ask(swaplab, "POST", "/api/benchy", body)
    assert (answer.status, answer.error["message"]) == (400, "plugin 'evalplus' requires allowCodeExec=true")


def test_suites_that_execute_code_run_as_somebody_else_where_that_can_be_and_it_is_said(swaplab, place):
    document = over(swaplab, place, "evalplus", allowCodeExec=True, outputDir=str(place / "apart"))
    result = stored(swaplab, document)
    who = json.loads(next((place / "apart").rglob("who.json")).read_text())
    said = result["provenance"]["ran_as"]
    assert f"as {said}" in document["stdout"]
    if os.geteuid() == 0 and shutil.which("setpriv") and can_be_started_by_nobody():
        assert "the user nobody" in said
        assert who["uid"] not in {0, os.geteuid()}, document["stdout"]
        assert who["home"] == str(place / "apart" / ".home")
        assert TELLTALE not in who["environment"]
    else:
        assert said.startswith("the user of this server (")
        assert who["uid"] == os.geteuid()
    assert [file.name for file in (place / "apart").glob(".run-*")] == [], "key and shim are gone"


def can_be_started_by_nobody() -> bool:
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--", PYTHON, "-V"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_the_preview_says_as_whom(swaplab, place):
    form = {"model": "m", "enableIntelligence": True, "intelligencePlugins": ["evalplus"], "allowCodeExec": True}
    answer = ask(swaplab, "POST", "/api/actions/benchy:run?dry_run=1", {"input": form, "target": "m"})
    assert "suites may run what the model wrote, as the user" in answer.json()["warnings"][0]


def test_where_no_runner_is_it_is_said_what_to_install_and_nothing_is_broken(tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}, env={"PATH": "/nowhere", "HOME": str(tmp_path)}) as daemon:
        answer = daemon.ask_as_admin("POST", "/api/benchy", json_body={"model": "m"})
        assert (answer.status, answer.error["message"]) == (409, INSTALL)
        [offer] = [
            each for each in daemon.ask_as_admin("GET", "/api/actions").json()["actions"] if each["id"] == "benchy:run"
        ]
        assert offer["available"] == {"ok": False, "reason": "llama-benchy is not installed"}
        [plan] = daemon.ask_as_admin(
            "POST", "/api/actions/benchy:install?dry_run=1", json_body={"input": {"intelligence": True}}
        ).json()["commands"][1:]
        assert "@564b66b8ce81492aa21ffafad0a9bbbba1d6fc8e" in str(plan)
