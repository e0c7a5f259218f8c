"""The model hub for real: a daemon, the library, a hub on this machine, the cache on disk."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_swaplab import Swaplab, marked_processes, running_swaplab

from swaplab_core.testing.recipe_kit.folders import Kit, Style, make_kit
from swaplab_core.testing.waiting import wait_until
from swaplab_hub.testing import FakeHub, make_cached, running_hub

LEGACY = "/api/recipes/backend/hf-models"
BIG = os.urandom(9_000_000)
REPO, FOLDER = "org/model", "models--org--model"
MODEL = {"config.json": b'{"max_position_embeddings": 4096}', "tokenizer.json": b"{}", "model.safetensors": BIG}
TOKEN = "hf_a_secret_of_ours"
pytestmark = pytest.mark.xdist_group("model-hub")


@pytest.fixture(scope="module")
def serving() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Kit:
    made = make_kit(tmp_path_factory.mktemp("model-hub"))
    made.folder(
        "spark-vllm-docker",
        Style.GEN2,
        {"a.yaml": 'recipe_version: "1"\nname: a\nmodel: o/a\ncommand: vllm serve o/a\n'},
    )
    return made


@pytest.fixture(scope="module")
def environment(kit, serving) -> dict[str, str]:
    return {**kit.env, "HF_ENDPOINT": serving.url, "HF_HOME": str(kit.root / "hf"), "HF_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def daemon(kit, environment) -> Iterator[Swaplab]:
    models = {"named": {"cmd": "some-engine --model org/used --port ${PORT}"}}
    with running_swaplab(kit.root, models, env=environment, recipes={"backends": ["backend"]}) as running:
        yield running


@pytest.fixture
def hub(serving) -> FakeHub:
    serving.renew()
    serving.add(REPO, MODEL)
    return serving


@pytest.fixture
def swaplab(daemon, cache) -> Swaplab:
    return daemon


@pytest.fixture
def cache(kit) -> Iterator[Path]:
    yield kit.root / "hf" / "hub"
    shutil.rmtree(kit.root / "hf", ignore_errors=True)


def ask(swaplab: Swaplab, method: str, path: str, body: object = None, status: int = 200):
    answer = swaplab.ask_as_admin(method, path, json_body=body)
    assert answer.status == status, answer.text
    return answer.json()


def act(swaplab: Swaplab, action: str, target: str = "", **form: object) -> str:
    return str(ask(swaplab, "POST", f"/api/actions/hub:{action}", {"input": form, "target": target}, 202)["job"]["id"])


def job(swaplab: Swaplab, name: str) -> dict:
    return ask(swaplab, "GET", f"/api/jobs/{name}")


def over(swaplab: Swaplab, name: str) -> dict:
    return wait_until(
        lambda: found if (found := job(swaplab, name))["ended"] else None, "the job to end", deadline_seconds=60
    )


def workers(swaplab: Swaplab) -> list[int]:
    def is_worker(pid: int) -> bool:
        try:
            return b"swaplab_hub.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    return [pid for pid in marked_processes(swaplab.mark) if is_worker(pid)]


def view(swaplab: Swaplab, name: str) -> list[dict]:
    return ask(swaplab, "GET", f"/api/plugins/hub/view/{name}")["items"]


def test_a_download_is_weighed_watched_and_listed(swaplab, hub, cache):
    hub.repos[REPO].token, hub.repos[REPO].gated = TOKEN, True
    plan = ask(swaplab, "POST", "/api/actions/hub:download?dry_run=1", {"input": {"repo": REPO}})
    assert plan["warnings"][0].startswith("3 files, 8.6 MiB: 8.6 MiB to come, ")
    assert plan["locks"] == ["download:org/model"]
    hub.hold_after = 5_000_000
    started = act(swaplab, "download", repo=REPO)
    hub.wait_until_held()
    seen = wait_until(
        lambda: p if (p := job(swaplab, started)["progress"] or {}).get("fraction") else None, "bytes on their way"
    )
    assert 0 < seen["fraction"] < 1
    assert seen["stage"].split(" of ")[1].startswith("8.6 MiB")
    [pid] = workers(swaplab)
    assert TOKEN not in Path(f"/proc/{pid}/cmdline").read_text()
    hub.release()
    done = over(swaplab, started)
    assert (done["state"], done["result"]["bytes"]) == ("succeeded", len(BIG) + sum(map(len, list(MODEL.values())[:2])))
    log = swaplab.ask_as_admin("GET", f"/api/jobs/{started}/log").text
    assert TOKEN not in log + swaplab.log()
    [model] = (listed := ask(swaplab, "GET", LEGACY))["models"]
    assert listed["hubPath"] == str(cache)
    assert model["cacheDir"] == FOLDER
    assert model["modelId"] == REPO
    assert model["path"] == str(cache / FOLDER)
    assert model["sizeBytes"] == done["result"]["bytes"]
    assert model["hasRecipe"] is False
    assert model["finished"] is True
    assert model["modifiedAt"].endswith("Z")
    assert [revision["refs"] for revision in model["revisions"]] == [["main"]]
    [row] = view(swaplab, "models")
    assert (row["repo"], row["format"], row["state"]["text"]) == (REPO, "safetensors", "complete")


def test_a_cancelled_download_leaves_no_process_and_goes_on_as_it_was_meant(swaplab, hub, cache):
    hub.add("org/gguf", {"m-Q4_K_M.gguf": BIG, "m-Q8_0.gguf": BIG[::-1], "config.json": b"{}"})
    hub.hold_after = 5_000_000
    started = act(swaplab, "download", repo="org/gguf", weights="gguf:Q4_K_M")
    hub.wait_until_held()
    wait_until(lambda: list(cache.glob("*/blobs/*.incomplete")), "the first bytes")
    ask(swaplab, "DELETE", LEGACY, {"cacheDir": "models--org--gguf"}, 409)
    ask(swaplab, "POST", f"/api/jobs/{started}/cancel", {})
    assert over(swaplab, started)["state"] == "cancelled"
    wait_until(lambda: not workers(swaplab), "the worker to be gone")
    [row] = view(swaplab, "unfinished")
    assert (row["repo"], row["wanted"], row["files"]) == ("org/gguf", "gguf:Q4_K_M", 1)
    hub.release()
    done = over(swaplab, act(swaplab, "resume", "org/gguf"))
    assert done["state"] == "succeeded", done
    assert hub.transfers()[-1].start > 0
    [snapshot] = (cache / "models--org--gguf" / "snapshots").iterdir()
    assert {path.name for path in snapshot.iterdir()} == {"m-Q4_K_M.gguf", "config.json"}
    assert (snapshot / "m-Q4_K_M.gguf").read_bytes() == BIG
    assert view(swaplab, "unfinished") == []


def test_a_download_goes_on_after_the_daemon_was_killed(kit, environment, hub, tmp_path, cache):
    hub.hold_after = 5_000_000
    kept = ("--state-dir", str(tmp_path / "state" / "swaplab"))
    with running_swaplab(tmp_path, {}, *kept, env=environment, killed=True) as first:
        act(first, "download", repo=REPO)
        hub.wait_until_held()
        wait_until(lambda: list(cache.glob("*/blobs/*.incomplete")), "the first bytes")
        first.process.send(signal.SIGKILL)
    hub.release()
    with running_swaplab(tmp_path, {}, *kept, env=environment) as second:
        [row] = view(second, "unfinished")
        assert (row["repo"], row["wanted"]) == (REPO, "auto")
        assert over(second, act(second, "resume", REPO))["state"] == "succeeded"
    assert hub.transfers()[-1].start > 0


def test_what_a_cancelled_download_has_left_can_be_discarded(swaplab, cache):
    make_cached(cache, FOLDER, loose=["1" * 64], incomplete=["2" * 64])
    make_cached(cache, "models--org--begun", revisions={}, refs={}, incomplete=["2" * 64])
    for repo in (REPO, "org/begun"):
        assert over(swaplab, act(swaplab, "discard", repo))["state"] == "succeeded"
    assert [path.name for path in cache.iterdir() if path.name.startswith("models--")] == [FOLDER]
    assert len(list((cache / FOLDER / "blobs").iterdir())) == 1


def test_a_revision_is_deleted_alone(swaplab, hub, cache):
    hub.repos[REPO].push({**MODEL, "config.json": b"{}"}, branch="next")
    for revision in ("main", "next"):
        assert over(swaplab, act(swaplab, "download", repo=REPO, revision=revision))["state"] == "succeeded"
    assert len(hub.transfers()) == 1
    impact = ask(swaplab, "GET", f"/api/plugins/hub/impact?repo={REPO}&revision=main")
    assert (impact["everything"], impact["freedBytes"], impact["keptBytes"]) == (False, 33, len(BIG) + 2)
    commit = hub.repos[REPO].find("main")
    assert over(swaplab, act(swaplab, "delete_revision", f"{REPO}@{commit}"))["state"] == "succeeded"
    [snapshot] = (cache / FOLDER / "snapshots").iterdir()
    assert snapshot.name == hub.repos[REPO].find("next")
    assert (snapshot / "model.safetensors").read_bytes() == BIG


def test_the_older_routes_refuse_as_they_always_did(swaplab, cache, tmp_path):
    for body in ({}, {"cacheDir": ""}, {"cacheDir": "../x"}, {"cacheDir": "models--a/b"}, {"cacheDir": "other"}):
        assert isinstance(ask(swaplab, "DELETE", LEGACY, body, 400)["error"], str)
    assert FOLDER in ask(swaplab, "DELETE", LEGACY, {"cacheDir": FOLDER}, 404)["error"]
    (tmp_path / "file").write_text("")
    json = {"Content-Type": "application/json"}
    told = swaplab.ask_as_admin("DELETE", LEGACY, body=b"{oops", headers=json)
    assert (told.status, told.json()["error"]) == (400, "invalid JSON body")
    for path in ("relative", str(tmp_path / "file")):
        assert path in ask(swaplab, "PUT", f"{LEGACY}/path", {"hubPath": path}, 400)["error"]
    assert isinstance(ask(swaplab, "POST", f"{LEGACY}/recipe", {"cacheDir": "nothing"}, 400)["error"], str)
    ask(swaplab, "POST", f"{LEGACY}/recipe", {"cacheDir": FOLDER}, 400)


def test_another_folder_is_chosen_kept_and_taken_back(swaplab, kit, cache, tmp_path):
    other = tmp_path / "models"
    assert ask(swaplab, "PUT", f"{LEGACY}/path", {"hubPath": f" {other} "})["hubPath"] == str(other)
    assert other.is_dir()
    assert (swaplab.config.parent / ".hf_hub_path").read_text().strip() == str(other)
    make_cached(other)
    assert [model["modelId"] for model in ask(swaplab, "GET", LEGACY)["models"]] == [REPO]
    assert ask(swaplab, "PUT", f"{LEGACY}/path", {"hubPath": ""})["hubPath"] == str(cache)


def test_a_deletion_by_the_older_route_answers_the_new_list(swaplab, cache):
    make_cached(cache)
    make_cached(cache, "models--org--other")
    answer = ask(swaplab, "DELETE", LEGACY, {"cacheDir": FOLDER})
    assert [model["cacheDir"] for model in answer["models"]] == ["models--org--other"]
    assert job(swaplab, answer["job"])["state"] == "succeeded"
    assert not (cache / FOLDER).exists()


def test_what_a_model_names_is_not_deleted_by_accident(swaplab, cache):
    make_cached(cache, "models--org--used")
    refused = ask(swaplab, "DELETE", LEGACY, {"cacheDir": "models--org--used"}, 409)
    assert "is used by model named" in refused["error"]
    refused = ask(swaplab, "POST", "/api/actions/hub:delete", {"input": {}, "target": "org/used"}, 409)
    assert "model named" in refused["error"]["message"]
    assert ask(swaplab, "GET", "/api/plugins/hub/impact?repo=org/used")["usedBy"]["models"] == ["named"]
    assert view(swaplab, "cleanup") == []
    ask(swaplab, "DELETE", LEGACY, {"cacheDir": "models--org--used", "force": True})
    assert not (cache / "models--org--used").exists()


def test_a_cached_model_becomes_a_recipe_and_a_model_that_answers(swaplab, kit, cache):
    folder = "models--org--Tiny-GGUF"
    make_cached(cache, folder, revisions={"a" * 40: {"Tiny-Q8_0.gguf": b"GGUF" * 100, "config.json": b"{}"}})
    made = ask(swaplab, "POST", f"{LEGACY}/recipe", {"cacheDir": folder})
    reference = "autogen/models-org-tiny-gguf-gguf-auto"
    expected = {
        "cacheDir": folder, "modelId": "org/Tiny-GGUF", "format": "gguf", "recipeRef": reference,
        "modelEntryId": folder, "createdRecipe": True,
    }  # fmt: skip
    assert {key: made[key] for key in expected} == expected
    recipe = Path(made["recipePath"])
    assert f"gguf_file: {cache / folder}/snapshots/{'a' * 40}/Tiny-Q8_0.gguf" in recipe.read_text()
    recipe.write_text(recipe.read_text() + "# mine\n")
    again = ask(swaplab, "POST", f"{LEGACY}/recipe", {"cacheDir": folder})
    assert (again["createdRecipe"], recipe.read_text().endswith("# mine\n")) == (False, True)
    [listed] = ask(swaplab, "GET", LEGACY)["models"]
    assert (listed["hasRecipe"], listed["existingRecipeRef"], listed["existingModelEntryId"]) == (
        True,
        reference,
        folder,
    )
    assert swaplab.chat(folder).said
    refused = ask(swaplab, "DELETE", LEGACY, {"cacheDir": folder, "force": True}, 409)
    assert f"is loaded by {folder}" in refused["error"]
    ask(swaplab, "POST", "/api/models/unload")
    ask(swaplab, "DELETE", LEGACY, {"cacheDir": folder, "force": True})
    ask(swaplab, "DELETE", f"/api/recipes/models/{folder}")


def test_a_backend_folder_writes_the_recipe_for_weights_of_its_engine(swaplab, kit, hub, cache):
    assert over(swaplab, act(swaplab, "download", repo=REPO))["state"] == "succeeded"
    offered = ask(swaplab, "GET", f"/api/plugins/hub/backends?repo={REPO}")["items"]
    assert offered[0]["id"] == "spark-vllm-docker"
    done = over(swaplab, act(swaplab, "make_recipe", repo=REPO, modelId="mine"))
    assert done["state"] == "succeeded", done
    assert done["result"]["backendDir"] == str(kit.root / "backend" / "spark-vllm-docker")
    text = Path(done["result"]["recipePath"]).read_text()
    assert "vllm serve org/model" in text
    assert "max_model_len: 4096" in text
    state = ask(swaplab, "GET", "/api/recipes/state")
    [made] = [recipe for recipe in state["recipes"] if recipe["ref"] == done["result"]["recipeRef"]]
    assert (made["usable"], made["usedBy"], made["problems"]) == (True, ["mine"], [])
    [row] = view(swaplab, "models")
    assert "mine" in row["users"]
    ask(swaplab, "DELETE", "/api/recipes/models/mine?cascadeRecipe=true")


def test_the_older_route_for_actions_downloads_with_the_library(swaplab, hub, kit, cache):
    ask(swaplab, "PUT", "/api/recipes/backend", {"backendDir": str(kit.root / "backend" / "spark-vllm-docker")})
    body = {"action": "download_hf_model", "hfModel": REPO, "hfFormat": "safetensor"}
    done = ask(swaplab, "POST", "/api/recipes/backend/action", body)
    assert done["action"] == "download_hf_model"
    assert "swaplab_hub.worker download" in done["command"]
    assert "8.6 MiB" in done["output"]
    assert ask(swaplab, "GET", "/api/recipes/backend/action-status")["state"] == "success"
    assert [model["modelId"] for model in ask(swaplab, "GET", LEGACY)["models"]] == [REPO]
    missing = ask(swaplab, "POST", "/api/recipes/backend/action", {**body, "hfModel": "org/nothing"}, 502)
    assert "has no org/nothing" in missing["error"]
    ask(swaplab, "PUT", "/api/recipes/backend", {"backendDir": ""})


def test_each_failure_is_one_message_with_what_to_do(swaplab, hub):
    hub.repos[REPO].gated, hub.repos[REPO].token = True, "another"
    refused = over(swaplab, act(swaplab, "download", repo=REPO))
    assert refused["error"].startswith("org/model is gated, and your token has no access to it (ask for access at ")
    told = ask(swaplab, "POST", "/api/plugins/hub/downloads", {"repo": "org/nothing"}, 404)["error"]
    assert "check its name" in told["message"]
    for wrong in ({"repo": "--help"}, {"repo": REPO, "weights": "gguf:Q4"}, {"repo": REPO, "include": ["/etc/*"]}, {}):
        ask(swaplab, "POST", "/api/plugins/hub/downloads", wrong, 400)
    hub.status = 503
    told = ask(swaplab, "GET", "/api/plugins/hub/files?repo=org/other", None, 502)["error"]
    assert (told["code"], "answered with status 503" in told["message"]) == ("hub-failed", True)


def test_what_does_not_fit_on_the_disk_is_refused_before_the_job(environment, hub, tmp_path):
    env = {**environment, "HF_HOME": str(tmp_path / "hf")}
    with running_swaplab(tmp_path, {}, env=env, plugins={"hub": {"reserveGiB": 10**9}}) as swaplab:
        told = ask(swaplab, "POST", "/api/plugins/hub/downloads", {"repo": REPO}, 409)["error"]
    assert (told["code"], "are to come" in told["message"]) == ("disk-full", True)


def test_a_model_is_found_in_three_steps(swaplab, hub):
    hub.add("org/found-GGUF", {"m-Q4_K_M.gguf": b"4" * 200_000, "m-Q8_0.gguf": b"8" * 300_000}, downloads=7)
    first = ask(swaplab, "POST", "/api/plugins/hub/find", {"input": None})
    assert list(first["form"]["properties"]) == ["query", "format"]
    second = ask(swaplab, "POST", "/api/plugins/hub/find", {"input": {"query": "found"}, "state": first["state"]})
    [option] = second["form"]["properties"]["repo"]["oneOf"]
    assert option["title"] == "org/found-GGUF · 7 downloads · gguf"
    third = ask(swaplab, "POST", "/api/plugins/hub/find", {"input": {"repo": option["const"]}, "state": {}})
    titles = [each["title"] for each in third["form"]["properties"]["weights"]["oneOf"]]
    assert titles == ["Q4_K_M, 195.3 KiB", "Q8_0, 293.0 KiB", "everything, 488.3 KiB"]
    last = ask(swaplab, "POST", "/api/plugins/hub/find", {"input": {"weights": "gguf:Q8_0"}, "state": third["state"]})
    assert over(swaplab, last["job"])["state"] == "succeeded"
    nothing = ask(swaplab, "POST", "/api/plugins/hub/find", {"input": {"query": "nobody"}})
    assert "Nothing is called like nobody" in nothing["text"]


def test_machines_are_a_matrix_with_this_one(swaplab, cache):
    make_cached(cache)
    shown = ask(swaplab, "GET", "/api/plugins/hub/view/nodes")
    assert shown["columns"][0]["id"] == "local"
    assert shown["cells"][FOLDER]["local"]["state"] == "ok"


def test_from_the_hub_to_an_answer_of_the_real_engine(environment, hub, tmp_path, llama_server, tiny_gguf):
    hub.add("org/Speaks-GGUF", {"Speaks-F32.gguf": tiny_gguf("Hello from the hub.").read_bytes()})
    paths = f"{llama_server.parent}:{os.environ['PATH']}"
    env = {**environment, "HF_HOME": str(tmp_path / "hf"), "PATH": paths}
    with running_swaplab(tmp_path, {}, env=env) as swaplab:
        assert over(swaplab, act(swaplab, "download", repo="org/Speaks-GGUF"))["state"] == "succeeded"
        made = over(swaplab, act(swaplab, "make_recipe", repo="org/Speaks-GGUF", modelId="speaks"))
        assert made["state"] == "succeeded", made
        assert swaplab.chat("speaks", max_tokens=30).said.strip() == "Hello from the hub."
