"""A real llama-server as the router of many models: one entry to swaplab, many names to its clients."""

from __future__ import annotations

import os

import pytest
from running_swaplab import running_swaplab

from swaplab_core.testing.llama_server import ADVICE, find_llama_server
from swaplab_core.testing.require import require
from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes
from swaplab_core.testing.waiting import wait_until

pytestmark = pytest.mark.llamacpp

SAYS = {"chat": "I chat.", "code": "I code.", "alone": "I stand alone."}
PRESETS = """\
version = 1
[*]
ctx-size = 2048
warmup = false
[chat]
model = {folder}/chat.gguf
[code]
model = {folder}/code.gguf
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of GGUF files."""
    folder = tmp_path_factory.mktemp("weights")
    for name, say in SAYS.items():
        (folder / f"{name}.gguf").write_bytes(tiny_gguf_bytes(say=say))
    return folder


@pytest.fixture(scope="module")
def swaplab(weights, tmp_path_factory):
    found = require("llamacpp", find_llama_server(), ADVICE)
    server = str(found)
    folder = tmp_path_factory.mktemp("router")
    recipes = folder / "recipes"
    recipes.mkdir()
    (recipes / "many.ini").write_text(f"[talk]\nmodel = {weights}/chat.gguf\nctx-size = 2048\n")
    (folder / "small.ini").write_text(PRESETS.format(folder=weights))
    common = {"backend": "llamacpp", "binary": server, "modelsMax": 1, "aliases": ["chat", "code"]}
    models = {
        "presets": {**common, "presets": str(folder / "small.ini")},
        "single": {"backend": "llamacpp", "binary": server, "model": str(weights / "alone.gguf"), "ctxSize": 2048},
    }
    files = {**common, "modelsDir": str(weights), "ctxSize": 2048, "aliases": ["alone"]}
    env = {"LLAMA_SWAP_LOCAL_RECIPES_DIR": str(recipes), "PATH": f"{found.parent}:{os.environ['PATH']}"}
    with running_swaplab(folder, {**models, "files": files}, env=env) as daemon:
        yield daemon


def loaded(swaplab, entry) -> list[str]:
    """The models that the router behind an entry holds."""
    rows = swaplab.ask("GET", f"/upstream/{entry}/models").json()["data"]
    return [row["id"] for row in rows if row["status"]["value"] == "loaded"]


def test_the_router_exchanges_its_models_by_itself_and_is_itself_exchanged_for_others(swaplab):
    swaplab.renew()
    assert swaplab.chat("chat").said == SAYS["chat"]
    assert swaplab.chat("code").said == SAYS["code"]
    assert swaplab.starts() == ["presets"], "one engine, whichever of its models is asked for"
    wait_until(lambda: loaded(swaplab, "presets") == ["code"], "the router to keep one model")
    assert swaplab.chat("single").said == SAYS["alone"]
    assert swaplab.model("presets")["state"] == "stopped"
    assert swaplab.chat("chat").said == SAYS["chat"]
    assert swaplab.starts() == ["presets", "single", "presets"]


def test_a_folder_of_files_is_served_under_their_names(swaplab):
    assert swaplab.renew().chat("alone").said == SAYS["alone"]
    assert loaded(swaplab, "files") == ["alone"]


def test_a_name_that_the_router_does_not_know_is_told_by_the_router(swaplab):
    assert "model 'presets' not found" in swaplab.renew().chat("presets").text


def test_a_presets_file_in_a_recipe_folder_becomes_a_model_under_the_names_it_serves(swaplab):
    answer = swaplab.ask_as_admin("POST", "/api/recipes/models", json_body={"modelId": "many", "recipeRef": "many"})
    assert answer.status == 200, answer.text
    assert swaplab.renew().chat("talk").said == SAYS["chat"]
    assert swaplab.starts() == ["many"]
