"""From a recipe to a model that answers, and back to nothing: the whole way, for every backend."""

from __future__ import annotations

import pytest

from swaplab_core.testing.recipe_kit.folders import Style

SGLANG = """\
recipe_version: "1"
name: SGLang small
model: org/small
runtime: sglang
container: sglang-node
defaults: {port: 30000, host: 0.0.0.0}
command: python3 -m sglang.launch_server --model-path org/small --host {host} --port {port}
"""
TRTLLM = """\
recipe_version: "1"
name: TRT small
model: org/small
runtime: trtllm
container: trtllm-node
defaults: {port: 8355, host: 0.0.0.0}
command: trtllm-serve org/small --host {host} --port {port}
"""
LLAMACPP = """\
name: GGUF small
model: org/small-GGUF:Q4_K_M
runtime: llama-cpp
container: llama-cpp-spark:last
defaults: {port: 8000, host: 0.0.0.0}
"""


def test_a_recipe_becomes_a_model_that_answers_and_leaves_nothing(lab, vllm_folder):
    running = lab()
    state = running.call("POST", "/api/recipes/models", {"modelId": "chat", "recipeRef": "small"})
    [model] = state["models"]

    assert (model["modelId"], model["mode"], model["backend"]) == ("chat", "solo", "vllm")
    assert (model["useModelName"], model["description"], model["group"]) == (
        "org/small",
        "A small model",
        "managed-recipes",
    )
    assert running.swaplab.chat("chat").said
    [container] = running.kit.containers()
    assert container.startswith("swaplab_chat_")
    running.swaplab.ask("POST", "/api/models/unload/chat")
    running.swaplab.wait_for("chat", state="stopped")
    assert running.kit.containers() == []


CUSTOM = SGLANG.replace("runtime: sglang\n", "").replace("python3 -m sglang.launch_server", "uvicorn server:app")


@pytest.mark.parametrize(
    ("folder", "style", "recipe", "backend"),
    [
        ("spark-sqlang-docker", Style.GEN1, SGLANG, "sglang"),
        ("spark-trtllm-docker", Style.GEN1, TRTLLM, "trtllm"),
        ("spark-llama-cpp", Style.LLAMACPP, LLAMACPP, "llamacpp"),
        ("somebodys-runner", Style.GEN1, CUSTOM, "custom"),
    ],
)
def test_every_backend_goes_the_same_way(lab, kit, folder, style, recipe, backend):
    kit.folder(folder, style, {"small.yaml": recipe})
    running = lab()
    state = running.call("POST", "/api/recipes/models", {"modelId": "m", "recipeRef": f"{folder}:small.yaml"})

    assert [model["backend"] for model in state["models"]] == [backend]
    assert running.swaplab.chat("m").said
    assert len(running.kit.containers()) == 1
