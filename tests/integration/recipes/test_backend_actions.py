"""Backend folders: which is active, what can be done with them as jobs, and what the older routes answer."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from recipe_api import recipe_runner
from recipe_texts import VLLM

from swaplab_core.testing.recipe_kit.folders import Style

IMAGE = "nvcr.io/nvidia/tensorrt-llm/release:1.3.0"


@pytest.fixture
def run(tmp_path, monkeypatch):
    return recipe_runner(tmp_path, monkeypatch)


@pytest.fixture
def vllm(run, monkeypatch):
    folder = run.kit.folder("spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM})
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_DIR", str(folder))
    return folder


@pytest.fixture
def trtllm(run):
    return run.kit.folder("spark-trtllm-docker", Style.GEN1, {"small.yaml": VLLM.replace("vllm serve", "trtllm-serve")})


def git(folder, *words):
    env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    env |= {"GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(["git", "-C", str(folder), *words], check=True, env=env, capture_output=True)


def act(api, action, *, status=200, **more):
    return api.ask("POST", "/api/recipes/backend/action", {"action": action, **more}, status=status)


async def until_true(look, wanted):
    """Return when `look` answers what is wanted."""
    async with asyncio.timeout(120):
        while await look() != wanted:  # noqa: ASYNC110 - what is waited for is outside of this process
            await asyncio.sleep(0.02)


async def until(api, **wanted):
    async with asyncio.timeout(120):
        while True:
            found = await api.ask("GET", "/api/recipes/backend/action-status")
            if all(found.get(key) == value for key, value in wanted.items()):
                return found
            await asyncio.sleep(0.02)


# which is active


def test_the_choice_wins_over_the_variable_and_that_over_the_default(run, tmp_path, monkeypatch, trtllm):
    chosen = run.kit.folder("spark-vllm-docker", Style.GEN1, {"small.yaml": VLLM})

    async def default(api):
        found = await api.ask("GET", "/api/recipes/backend")
        assert (found["backendSource"], found["valid"]) == ("default", False)
        assert found["backendDir"] == str(tmp_path / "home/swap-laboratories/backend/spark-vllm-docker")

    async def by_variable(api):
        found = await api.ask("GET", "/api/recipes/backend")
        assert (found["backendDir"], found["backendSource"], found["backendKind"]) == (str(trtllm), "env", "trtllm")
        assert set(found["options"]) == {str(trtllm), str(chosen)}
        found = await api.ask("PUT", "/api/recipes/backend", {"backendDir": str(chosen)})
        assert (found["backendDir"], found["backendSource"]) == (str(chosen), "override")

    async def kept(api):
        found = await api.ask("GET", "/api/recipes/backend")
        assert (found["backendDir"], found["backendSource"]) == (str(chosen), "override")
        assert (tmp_path / ".recipes_backend_dir").stat().st_mode & 0o777 == 0o600
        found = await api.ask("PUT", "/api/recipes/backend", {"backendDir": ""})
        assert found["backendSource"] == "env"
        assert not (tmp_path / ".recipes_backend_dir").exists()

    run(default)
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_DIR", str(trtllm))
    run(by_variable)
    run(kept)


def test_a_folder_that_is_no_backend_is_refused_with_what_it_lacks(run, vllm, tmp_path):
    (tmp_path / "half" / "recipes").mkdir(parents=True)

    async def scenario(api):
        for folder, message in ((tmp_path / "half", "it lacks run-recipe.sh"), (tmp_path / "none", "is not a folder")):
            refused = await api.ask("PUT", "/api/recipes/backend", {"backendDir": str(folder)}, status=400)
            assert message in refused["error"]

    run(scenario)


def test_the_override_may_lie_elsewhere(run, vllm, tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_OVERRIDE_FILE", str(tmp_path / "kept" / "here"))

    async def scenario(api):
        await api.ask("PUT", "/api/recipes/backend", {"backendDir": str(vllm)})
        assert (tmp_path / "kept" / "here").read_text() == f"{vllm}\n"

    run(scenario)


# actions


def test_actions_are_offered_where_they_can_be_done(run, vllm, trtllm, monkeypatch):
    git(vllm, "init", "-b", "main")
    git(vllm, "remote", "add", "origin", "https://example.invalid/team/spark-vllm.git")
    script = vllm / "hf-download.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    async def scenario(api):
        found = await api.ask("GET", "/api/recipes/backend")
        assert [action["action"] for action in found["actions"]][:6] == [
            "git_pull", "git_pull_rebase", "download_hf_model", "build_vllm", "build_mxfp4", "build_vllm_12_0f",
        ]  # fmt: skip
        assert found["actions"][0]["label"] == "Git Pull (team/spark-vllm)"
        assert str(script) in found["actions"][2]["commandHint"]
        assert found["repoUrl"] == "https://example.invalid/team/spark-vllm.git"
        cards = {card["id"]: card for card in (await api.ask("GET", "/api/recipes/backends"))["backends"]}
        offered = {action["action"]: action["unavailable"] for action in cards["spark-trtllm-docker"]["actions"]}
        assert "no git checkout" in offered["git_pull"]
        assert offered["build_trtllm_image"] == ""
        refused = await act(api, "git_pull", backend="spark-trtllm-docker", status=400)
        assert "no git checkout" in refused["error"]
        hints = {action["action"]: action["commandHint"] for action in found["actions"]}
        assert hints["git_pull"] == f"git -C {vllm} pull --ff-only"
        assert hints["build_mxfp4"] == "./build-and-copy.sh -t vllm-node-mxfp4 --exp-mxfp4 -c"

    run(scenario)


def test_a_build_is_a_job_that_the_older_route_waits_for(run, vllm):
    async def scenario(api):
        done = await act(api, "build_mxfp4")
        assert (done["action"], done["backendDir"]) == ("build_mxfp4", str(vllm))
        assert "Building with: -t vllm-node-mxfp4 --exp-mxfp4 -c" in done["output"]
        assert done["command"].startswith("./build-and-copy.sh")
        status = await api.ask("GET", "/api/recipes/backend/action-status")
        assert (status["running"], status["state"], status["action"]) == (False, "success", "build_mxfp4")
        assert status["job"] == done["job"]

    run(scenario)


def test_a_build_that_fails_answers_502_with_its_output(run, vllm, monkeypatch):
    monkeypatch.setenv("SWAPLAB_KIT_BUILD_FAILS", "1")

    async def scenario(api):
        failed = await act(api, "build_vllm", status=502)
        assert "no kernel image is available" in failed["output"]
        assert {"error", "action", "backendDir", "command", "durationMs", "job"} <= failed.keys()
        assert (await api.ask("GET", "/api/recipes/backend/action-status"))["state"] == "failed"

    run(scenario)


def test_the_status_shows_the_output_while_it_runs_and_a_second_action_has_to_wait(run, vllm, monkeypatch):
    monkeypatch.setenv("SWAPLAB_KIT_BUILD_SECONDS", "60")

    async def scenario(api):
        job = (await act(api, "build_vllm", wait=False, status=202))["job"]
        running = await until(api, running=True, state="running")
        async with asyncio.timeout(120):
            while "Building with" not in running["output"]:
                running = await until(api, running=True)
        busy = await act(api, "build_mxfp4", status=409)
        assert "action build_vllm is already running" in busy["error"]
        await api.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert (await until(api, running=False))["state"] == "failed"

    run(scenario)


def test_a_cancelled_build_leaves_no_process(run, vllm, monkeypatch):
    monkeypatch.setenv("SWAPLAB_KIT_BUILD_SECONDS", "4711")

    def sleepers():
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"sleep", b"4711"]:
                found.append(folder.name)
        return found

    async def scenario(api):
        job = (await act(api, "build_vllm", wait=False, status=202))["job"]
        await until_true(lambda: asyncio.to_thread(lambda: bool(sleepers())), True)
        await api.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert sleepers() == []

    run(scenario)


def test_two_backends_work_at_once_and_one_works_in_turn(run, vllm, trtllm, monkeypatch):
    monkeypatch.setenv("SWAPLAB_KIT_BUILD_SECONDS", "60")

    async def states(api, *jobs):
        return [(await api.lab.get(f"/api/jobs/{job}")).json["state"] for job in jobs]

    async def scenario(api):
        first = (await act(api, "build_vllm", wait=False, status=202))["job"]
        second = (await act(api, "build_mxfp4", wait=False, status=202))["job"]
        more = {"backend": "spark-trtllm-docker", "input": {"image": IMAGE}, "wait": False}
        other = (await act(api, "build_trtllm_image", **more, status=202))["job"]
        await until_true(lambda: states(api, first, second, other), ["running", "queued", "running"])
        for job in (second, first, other):
            await api.ask("POST", f"/api/jobs/{job}/cancel", {})

    run(scenario)


def test_the_log_of_a_job_is_there_after_a_restart(run, vllm):
    kept = {}

    async def before(api):
        kept["job"] = (await act(api, "build_vllm"))["job"]

    async def after(api):
        status = await api.ask("GET", "/api/recipes/backend/action-status")
        assert (status["job"], status["state"]) == (kept["job"], "success")
        assert "Successfully built" in status["output"]

    run(before)
    run(after)


def test_a_pull_of_diverged_branches_fails_with_a_hint(run, vllm, tmp_path):
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-b", "main")
    git(origin, "commit", "--allow-empty", "-m", "one")
    clone = tmp_path / "backend" / "clone"
    git(tmp_path, "clone", str(origin), str(clone))
    for name in ("run-recipe.sh", "run-recipe.py"):
        (clone / name).write_text((vllm / name).read_text())
    (clone / "recipes").mkdir()
    git(origin, "commit", "--allow-empty", "-m", "theirs")

    async def scenario(api):
        done = await act(api, "git_pull", backend="clone")
        assert done["output"]
        git(origin, "commit", "--allow-empty", "-m", "more")
        git(clone, "commit", "--allow-empty", "-m", "ours")
        failed = await act(api, "git_pull", backend="clone", status=502)
        assert "git_pull_rebase" in failed["error"]

    run(scenario)


def test_a_download_script_is_told_the_format_and_copies_only_when_asked(run, vllm, tmp_path, monkeypatch):
    script = tmp_path / "my-download.sh"
    script.write_text('#!/bin/sh\necho "got $* in $HF_HUB_PATH"\n')
    script.chmod(0o755)
    monkeypatch.setenv("LLAMA_SWAP_HF_DOWNLOAD_SCRIPT", str(script))
    monkeypatch.setenv("LLAMA_SWAP_HF_HUB_PATH", "/hub")

    async def scenario(api):
        done = await act(api, "download_hf_model", hfModel="org/small", hfFormat="safetensor")
        assert "got org/small --format safetensors in /hub" in done["output"]
        done = await act(api, "download_hf_model", hfModel="org/small", hfFormat="gguf", hfQuantization="Q4_K_M")
        assert "--format gguf --quantization Q4_K_M" in done["output"]
        for more in ({"hfModel": "-x"}, {"hfModel": "a b"}, {"hfModel": "org/small", "hfFormat": "exe"}, {}):
            await act(api, "download_hf_model", **more, status=400)

    run(scenario)


@pytest.mark.parametrize("body", [{}, {"action": "rm"}, {"action": "build_llamacpp"}])
def test_what_is_not_offered_is_refused(run, vllm, body):
    async def scenario(api):
        refused = await api.ask("POST", "/api/recipes/backend/action", body, status=400)
        assert "unsupported action" in refused["error"]

    run(scenario)


# images


def test_an_update_remembers_its_image_once_it_has_succeeded(run, trtllm, monkeypatch):
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_DIR", str(trtllm))

    async def scenario(api):
        await act(api, "update_trtllm_image", sourceImage="registry.example/missing:1", status=502)
        before = (await api.ask("GET", "/api/recipes/backend"))["trtllmImage"]
        assert before["selected"] == "nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc3"
        done = await act(api, "update_trtllm_image", sourceImage=IMAGE)
        assert f"-t trtllm-node --source-image {IMAGE} -c" in done["output"]
        after = (await api.ask("GET", "/api/recipes/backend"))["trtllmImage"]
        assert after["selected"] == IMAGE
        assert not list(trtllm.glob(".llama-swap-*"))
        refused = await act(api, "pull_trtllm_image", sourceImage="x; rm -rf /", status=400)
        assert "is no image reference" in refused["error"]

    async def kept(api):
        assert (await api.ask("GET", "/api/recipes/backend"))["trtllmImage"]["selected"] == IMAGE

    run(scenario)
    run(kept)


def test_an_image_that_an_older_control_plane_has_chosen_counts(run, trtllm, monkeypatch):
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_DIR", str(trtllm))
    monkeypatch.setenv("LLAMA_SWAP_TRTLLM_SOURCE_IMAGE", "a/variable:1")
    (trtllm / ".llama-swap-trtllm-source-image").write_text("a/chosen:1\n")

    async def scenario(api):
        assert (await api.ask("GET", "/api/recipes/backend"))["trtllmImage"]["selected"] == "a/chosen:1"

    run(scenario)


def test_containers_are_those_of_recipes_builds_and_this_machine(run, vllm):
    run.kit.state.mkdir()
    (run.kit.state / "images.txt").write_text("vllm-node-old:1\npostgres:16\n")

    async def scenario(api):
        found = await api.ask("GET", "/api/recipes/containers")
        assert found[:2] == ["vllm-node:latest", "vllm-node-mxfp4:latest"]
        assert "vllm-node-old:1" in found
        assert "postgres:16" not in found
        refused = await api.ask("PUT", "/api/recipes/selected-container", {"container": "x"}, status=400)
        assert refused["error"].startswith("invalid container")
        await api.ask("PUT", "/api/recipes/selected-container", {"container": "vllm-node-old:1"})
        chosen = await api.ask("GET", "/api/recipes/selected-container")
        assert chosen == {"selectedContainer": "vllm-node-old:1"}

    run(scenario)


def test_without_a_container_engine_the_known_images_are_still_told(run, vllm, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    async def scenario(api):
        assert "vllm-node:latest" in await api.ask("GET", "/api/recipes/containers")
        cards = await api.ask("GET", "/api/recipes/backends")
        assert "docker" in cards["imagesError"]

    run(scenario)


def test_the_newest_build_is_taken_not_the_last_name(run, tmp_path, monkeypatch):
    folder = run.kit.folder("spark-llama-cpp", Style.LLAMACPP, {})
    (folder / "recipes").mkdir()
    (folder / "Dockerfile.llama-cpp-spark").touch()
    origin = tmp_path / "llama.cpp"
    origin.mkdir()
    git(origin, "init", "-b", "main")
    git(origin, "commit", "--allow-empty", "-m", "one")
    for tag in ("b999", "b8000", "master-abc"):
        git(origin, "tag", tag)
    git(tmp_path, "clone", str(origin), str(folder / "llama.cpp"))
    says = "image $IMAGE_TAG arch $CUDA_DOCKER_ARCH from $DOCKERFILE at $(git -C $SRC_DIR describe --tags)"
    script = f'#!/bin/sh\necho "{says}"\n'
    (folder / "build-llama-cpp-spark.sh").write_text(script)
    monkeypatch.setenv("LLAMA_SWAP_RECIPES_BACKEND_DIR", str(folder))

    async def scenario(api):
        done = await act(api, "build_llamacpp")
        assert (
            f"image llama-cpp-spark:last arch 121 from {folder}/Dockerfile.llama-cpp-spark at b8000" in done["output"]
        )

    run(scenario)
