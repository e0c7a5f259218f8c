"""From a recipe to a model that answers, and back to nothing: the whole way, for every backend."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from recipe_lab import RecipeLab
from recipe_texts import LLAMACPP, SGLANG, TRTLLM, VLLM
from running_swaplab import running_swaplab

from swaplab_core.testing.llama_server import ADVICE, find_llama_server
from swaplab_core.testing.recipe_kit.folders import Style, make_kit
from swaplab_core.testing.require import require
from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes
from swaplab_core.testing.waiting import wait_until

CUSTOM = SGLANG.replace("runtime: sglang\n", "").replace("python3 -m sglang.launch_server", "uvicorn server:app")
FOLDERS = (
    ("spark-vllm-docker", Style.GEN2, VLLM, "vllm"),
    ("older-vllm", Style.GEN1, VLLM, "vllm"),
    ("spark-sqlang-docker", Style.GEN1, SGLANG, "sglang"),
    ("spark-trtllm-docker", Style.GEN1, TRTLLM, "trtllm"),
    ("spark-llama-cpp", Style.LLAMACPP, LLAMACPP, "llamacpp"),
    ("somebodys-runner", Style.GEN1, CUSTOM, "custom"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("managed")
    kit = make_kit(folder)
    for name, style, recipe, _ in FOLDERS:
        kit.folder(name, style, {"small.yaml": recipe})
    hinted = LLAMACPP.replace("container:", "gguf_file: small-Q8_0.gguf\ncontainer:")
    kit.folder("spark-llama-cpp", Style.LLAMACPP, {"hinted.yaml": hinted})
    own = {"LLAMA_CPP_CACHE_DIR": "/srv/llama-cache", "LLAMA_CPP_PREFER_HF_SNAPSHOT": "0"}
    with running_swaplab(folder, {}, env={**kit.env, **own}) as swaplab:
        yield RecipeLab(kit, swaplab)
    assert kit.containers() == []


@pytest.fixture
def running(world):
    world.swaplab.renew()
    return world


@pytest.mark.parametrize(("folder", "style", "recipe", "backend"), FOLDERS)
def test_a_recipe_becomes_a_model_that_answers_and_leaves_nothing(running, folder, style, recipe, backend):
    asked = {"modelId": folder, "recipeRef": f"{folder}:small.yaml"}
    state = running.call("POST", "/api/recipes/models", asked)
    [model] = [model for model in state["models"] if model["modelId"] == folder]

    assert (model["mode"], model["backend"], model["group"]) == ("solo", backend, "managed-recipes")
    assert running.swaplab.chat(folder).said
    [container] = running.kit.containers()
    assert folder in container or backend == "llamacpp"
    running.swaplab.ask("POST", f"/api/models/unload/{folder}")
    running.swaplab.wait_for(folder, state="stopped")
    assert running.kit.containers() == []


def test_a_runner_has_the_environment_of_the_daemon_with_the_variables_that_are_its_own(running):
    running.call("POST", "/api/recipes/models", {"modelId": "hinted", "recipeRef": "spark-llama-cpp:hinted.yaml"})
    assert running.swaplab.chat("hinted").said
    [call] = [call for call in running.kit.docker_calls() if any("_hinted" in word for word in call) and "run" in call]
    assert call[call.index("-v") + 1] == "/srv/llama-cache:/root/.cache/llama.cpp"
    assert "-hf" in call, "the hint of the file is passed over, as LLAMA_CPP_PREFER_HF_SNAPSHOT asks"


def test_models_of_different_backends_make_room_for_each_other(running):
    for folder, *_ in FOLDERS[:3]:
        running.call("POST", "/api/recipes/models", {"modelId": folder, "recipeRef": f"{folder}:small.yaml"})
        assert running.swaplab.chat(folder).said
        assert len(running.kit.containers()) == 1


def test_a_load_is_followed_by_the_engines_own_log(running):
    asked = {"modelId": "slow", "recipeRef": "spark-vllm-docker:small.yaml", "options": {"extraArgs": []}}
    running.call("POST", "/api/recipes/models", asked)
    text = running.config().replace("  slow:\n", "  slow:\n    env: ['SWAPLAB_KIT_SIM=--load-stage weights:2']\n")
    running.swaplab.write_text(text)
    running.swaplab.process.send(signal.SIGHUP)
    wait_until(lambda: "slow" in running.swaplab.models(), "the model")
    with running.swaplab.waiting("slow") as answer:
        stages = wait_until(lambda: (running.swaplab.model("slow").get("progress") or {}).get("stage"), "a stage")
        assert stages in {"weights", "container"}
        assert answer().said


def test_a_container_that_a_killed_daemon_left_is_swept_away_by_the_next_start(tmp_path):
    kit = make_kit(tmp_path)
    kit.folder("spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM})
    entry = {"backend": "vllm", "metadata": {"recipe_ui": {"managed": True, "recipe_ref": "small"}}}
    state = ("--state-dir", str(tmp_path / "one-state"))
    with running_swaplab(tmp_path, {"chat": entry}, *state, env=kit.env, killed=True) as killed:
        assert killed.chat("chat").said
        os.kill(killed.process.pid, signal.SIGKILL)
        killed.process.wait()
        [left] = kit.containers()
        assert killed.living(), "an engine lives on in its container"
        start = killed.ports.start
        with running_swaplab(tmp_path, {"chat": entry}, *state, env=kit.env, startPort=start) as swaplab:
            assert swaplab.chat("chat").said
            assert kit.containers() == [left]
    assert kit.containers() == []


def test_strangers_are_left_alone(running):
    docker = str(running.kit.root / "bin" / "docker")
    env = {**os.environ, **running.kit.env}
    stranger = ["run", "-d", "--name", "somebodys_vllm", "vllm-node", "vllm", "serve", "x", "--port", "0"]
    subprocess.run([docker, *stranger], env=env, check=True)
    running.call("POST", "/api/recipes/models", {"modelId": "chat", "recipeRef": "spark-vllm-docker:small.yaml"})
    assert running.swaplab.chat("chat").said
    assert running.swaplab.ask("GET", "/unload").status == 200
    running.swaplab.wait_for("chat", state="stopped")

    assert running.kit.containers() == ["somebodys_vllm"]
    subprocess.run([docker, "rm", "-f", "somebodys_vllm"], env=env, check=True)


def test_hot_swap_changes_the_model_and_keeps_the_container(running):
    nodes = {"nodes": "127.0.0.1,127.0.0.2", "mode": "cluster", "hotSwap": True}
    earlier = len(running.kit.docker_calls())  # other tests had a container of this name
    for name in ("first", "second"):
        asked = {"modelId": name, "recipeRef": "spark-vllm-docker:small.yaml", **nodes}
        running.call("POST", "/api/recipes/models", asked)
        assert running.swaplab.chat(name).said
        [container] = running.kit.containers()
    assert running.swaplab.starts() == ["first", "second"]
    started = [call for call in running.kit.docker_calls()[earlier:] if call[:2] == ["run", "-d"] and container in call]
    assert len(started) == 1
    assert running.swaplab.ask("GET", "/unload").status == 200
    running.swaplab.wait_for("second", state="stopped")
    docker = [str(running.kit.root / "bin" / "docker"), "rm", "-f", container]
    subprocess.run(docker, env={**os.environ, **running.kit.env}, check=True)


@pytest.mark.llamacpp
def test_a_gguf_recipe_runs_on_the_real_llama_server(tmp_path):
    server = require("llamacpp", find_llama_server(), ADVICE)
    weights = tmp_path / "tiny.gguf"
    weights.write_bytes(tiny_gguf_bytes(say="tiny words", name="tiny"))
    kit = make_kit(tmp_path, llama_server=server)
    recipe = LLAMACPP.replace("container:", f"gguf_file: {weights}\ncontainer:")
    kit.folder("spark-llama-cpp", Style.LLAMACPP, {"tiny.yaml": recipe})
    with running_swaplab(tmp_path, {}, env=kit.env) as swaplab:
        lab = RecipeLab(kit, swaplab)
        asked = {"modelId": "tiny", "recipeRef": "tiny", "extraArgs": ["-c", "512", "-ngl", "0"]}
        lab.call("POST", "/api/recipes/models", asked)
        assert "tiny" in swaplab.chat("tiny", max_tokens=8).said
    assert kit.containers() == []
