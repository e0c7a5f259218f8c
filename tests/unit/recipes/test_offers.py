"""Which backends write a recipe for cached weights, and what plugins offer for backend folders."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.backend import BackendState, FolderFacts
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.recipe import BackendId, CachedWeights
from swaplab_core.plugin import Action, Command, Plan, Step, hookimpl
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.services.backends.hooked_actions import HookedActions
from swaplab_core.services.recipes.catalogue import RecipeCatalogue
from swaplab_core.services.recipes.offers import offers
from swaplab_core.testing.fake_lab import FakeLab
from swaplab_llamacpp.backend import LlamaCppBackend
from swaplab_llamacpp.recipes import LlamaCppRecipeParser
from swaplab_sglang.backend import SglangBackend
from swaplab_trtllm.backend import TrtllmBackend
from swaplab_vllm.backend import VllmBackend

DRIVERS = {
    "vllm": VllmBackend(), "sglang": SglangBackend(), "trtllm": TrtllmBackend(), "llamacpp": LlamaCppBackend(),
}  # fmt: skip
PARSERS = {"schema1": Schema1Parser(), "llamacpp": LlamaCppRecipeParser()}
GGUF = CachedWeights("o/m-GGUF", "gguf", "m.gguf", "/cache/m.gguf", 8192)
SAFETENSORS = CachedWeights("o/m", "safetensors", context=1024)


def folder(name, driver):
    facts = FolderFacts(PurePosixPath("/b", name), frozenset({"run-recipe.sh"}), frozenset({"recipes"}))
    return BackendState(BackendId(name), facts, driver)


def offered(weights, *states):
    catalogue = RecipeCatalogue((), states, Path("/mine"))
    return offers(weights, catalogue, DRIVERS, PARSERS)


def test_a_backend_with_a_folder_stands_before_those_without():
    found = offered(SAFETENSORS, folder("spark-trtllm", "trtllm"), folder("spark-vllm", "vllm"))
    assert [each.backend for each in found] == ["spark-vllm", "spark-trtllm", "sglang"]
    assert "backend: spark-vllm\n" in found[0].text
    assert "backend:" not in found[2].text


def test_one_that_needs_a_folder_is_not_offered_without():
    assert [each.driver for each in offered(SAFETENSORS)] == ["sglang", "trtllm"]
    assert [each.driver for each in offered(GGUF)] == ["llamacpp"]
    assert offered(CachedWeights("o/m", "onnx")) == []


@pytest.mark.parametrize("weights", [SAFETENSORS, GGUF])
def test_what_is_offered_is_read_back_without_a_problem_and_claimed_by_its_backend(weights):
    states = [folder("spark-vllm", "vllm"), folder("spark-llama-cpp", "llamacpp")]
    for each in [*offered(weights, *states), *offered(weights)]:
        parser = max(PARSERS.values(), key=lambda parser: parser.recognise(each.text, PurePosixPath("x.yaml")))
        reading = parser.parse(each.text, PurePosixPath("x.yaml"))
        assert reading.problems == ()
        assert reading.recipe is not None
        assert reading.recipe.model == weights.model
        sure = {name: driver.claims(reading.recipe) for name, driver in DRIVERS.items()}
        assert max(sure, key=sure.__getitem__) == each.driver
        assert min(weights.context, 16384) in reading.recipe.defaults.values()


@pytest.mark.parametrize(
    ("weights", "home", "image", "defaults"),
    [
        (
            CachedWeights("o/m", "safetensors"),
            folder("spark-vllm-docker", "vllm"),
            "vllm-node:latest",
            {"port": 8000, "tensor_parallel": 1, "gpu_memory_utilization": 0.7, "max_model_len": 32768},
        ),
        (GGUF, folder("spark-llama-cpp", "llamacpp"), "llama-cpp-spark:last", {"port": 8000, "n_gpu_layers": 99}),
    ],
)
def test_a_recipe_for_cached_weights_has_the_image_and_the_defaults_of_its_folder(weights, home, image, defaults):
    [first, *_] = offered(weights, home)
    parser = max(PARSERS.values(), key=lambda parser: parser.recognise(first.text, PurePosixPath("x.yaml")))
    recipe = parser.parse(first.text, PurePosixPath("x.yaml")).recipe
    assert recipe.container == image
    assert defaults.items() <= recipe.defaults.items()


def test_a_folders_runner_gets_the_file_as_a_hint_and_the_server_of_this_machine_its_path():
    assert "gguf_file: m.gguf\n" in offered(GGUF, folder("spark-llama-cpp", "llamacpp"))[0].text
    alone = offered(GGUF)[0].text
    assert "gguf_file: /cache/m.gguf\n" in alone
    assert "container:" not in alone


class Offers:
    def __init__(self, word):
        self.word = word

    @hookimpl
    def swaplab_backend_actions(self, state):
        spec = ActionSpec("look", f"Look with {self.word}")
        return [Action(spec, lambda _, target: Plan((Step("look", Command(("ls", "--", target, self.word))),)))]


class Broken:
    @hookimpl
    def swaplab_backend_actions(self):
        return [Action(ActionSpec("odd", "Odd"), lambda _, __: "no plan")]


def test_plugins_act_on_backend_folders_and_of_two_with_one_id_the_first_counts():
    catalogue = Catalogue.of(plugins={"a": Offers("a"), "b": Offers("b"), "c": Broken()})
    hooked, state = HookedActions(catalogue.hooks, FakeLab()), folder("spark", "vllm")
    assert [spec.title for spec in hooked.actions(state)] == ["Odd", "Look with a"]
    assert hooked.plan("look", None, state).steps[0].command == Command(("ls", "--", "/b/spark", "a"))
    with pytest.raises(PluginFailed, match="which is no Plan"):
        hooked.plan("odd", None, state)
    with pytest.raises(PluginFailed, match="any more"):
        hooked.plan("gone", None, state)
