"""Recipes of llama.cpp: the schema of spark-llama-cpp, presets of a router, containers, the installed server."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts
from swaplab_core.domain.launch import LaunchRequest
from swaplab_core.domain.problem import Severity
from swaplab_core.domain.recipe import BackendId, Limits, Mode, Recipe, RecipeSettings
from swaplab_core.plugin import ModelId, PluginFailed
from swaplab_core.testing.contracts.recipes import (
    NODES,
    RecipeBackendContract,
    RecipeParserContract,
    launch_of,
    request_of,
)
from swaplab_core.testing.recipe_kit.facts import folder_facts
from swaplab_llamacpp import images, recipes
from swaplab_llamacpp.backend import LlamaCppBackend
from swaplab_llamacpp.options import LlamaCppOptions
from swaplab_llamacpp.recipes import LlamaCppRecipeParser, PresetsParser

FIXTURE = (Path(__file__).parents[3] / "tests" / "fixtures" / "recipes" / "f07-llamacpp-fork.yaml").read_text()
FOLDER = folder_facts("spark-llama-cpp", files=frozenset({"run-recipe.sh", "build-llama-cpp-spark.sh"}))
NOWHERE = FolderFacts(PurePosixPath("/lab/recipes"))
PRESETS = """\
version = 1
[*]                        ; for all
n-gpu-layers = 99
jinja = true
[demo-org/demo-8b-GGUF:Q4_K_M]
ctx-size = 32768
[small-chat]               ; own name: must name a source
model = /models/small.gguf
LLAMA_ARG_CACHE_RAM = 0
"""
SCHEMA2 = Recipe(
    format="schema2",
    name="Small",
    model="demo-org/demo-8b-GGUF:Q4_K_M",
    runtime="llama-cpp",
    container="ghcr.io/ggml-org/llama.cpp:server",
    defaults={"port": 8080, "ctx_size": 4096, "max_model_len": 1, "n_gpu_layers": 99, "temp": -1},
)


def forks() -> Recipe:
    recipe = LlamaCppRecipeParser().parse(FIXTURE, PurePosixPath("f07.yaml")).recipe
    assert recipe is not None
    return recipe


def launch(recipe: Recipe, settings: RecipeSettings, folder: FolderFacts = NOWHERE):
    options = LlamaCppOptions()
    return LlamaCppBackend().launch(
        request_of(ModelId("m"), 5801, options, launch_of(recipe, folder, settings, own=True))
    )


class TestForkParser(RecipeParserContract):
    parser = LlamaCppRecipeParser
    samples = (FIXTURE,)


class TestPresetsParser(RecipeParserContract):
    parser = PresetsParser
    samples = (PRESETS,)


class TestLlamaCppRecipes(RecipeBackendContract):
    backend = LlamaCppBackend
    options = LlamaCppOptions()
    folders = (FOLDER,)
    recipes = (forks(), SCHEMA2)


def test_a_later_part_is_mended_to_the_first():
    reading = LlamaCppRecipeParser().parse(FIXTURE, PurePosixPath("f07.yaml"))
    recipe = forks()

    assert recipes.gguf_file(recipe) == "UD-Q4_K_XL/Demo-120B-UD-Q4_K_XL-00001-of-00003.gguf"
    assert [(problem.severity, problem.line) for problem in reading.problems] == [(Severity.WARNING, 10)]
    assert (recipe.defaults["min_p"], recipe.defaults["temp"]) == ("0.00", 0.6)
    assert recipe.ref == "autogen/demo-120b-gguf-auto"


def test_the_name_of_a_cache_folder_is_the_repository_it_stands_for():
    text = "model: models--demo--Demo-GGUF:Q4_0\nruntime: llama-cpp\n"
    recipe = LlamaCppRecipeParser().parse(text, PurePosixPath("x.yaml")).recipe

    assert recipe is not None
    assert recipe.model == "demo/Demo-GGUF:Q4_0"


@pytest.mark.parametrize(
    ("line", "message"),
    [("runtime: vllm", "'vllm' is not llama.cpp"), ("gguf_file: mmproj-f16.gguf", "a projector, not a model")],
)
def test_mistakes_are_named(line, message):
    reading = LlamaCppRecipeParser().parse(f"model: a/b\n{line}\n", PurePosixPath("x.yaml"))

    assert message in "\n".join(map(str, reading.problems))
    assert reading.recipe is None


def test_the_folders_runner_gets_only_what_it_knows():
    settings = RecipeSettings("a", extra_args=("--ctx-size", "9"), limits=Limits(non_privileged=True, mem_limit_gb=9))
    spec = launch(forks(), evolve(settings, container_image="llama-cpp-spark:b1"), FOLDER)

    assert spec.argv == (*("./run-recipe.sh", "/lab/recipes/a.yaml", "--solo", "--port", "5801"), "--ctx-size", "9")
    assert spec.env["LLAMA_CPP_SPARK_IMAGE"] == "llama-cpp-spark:b1"


def test_it_runs_on_one_node_only():
    cluster = RecipeSettings("a", mode=Mode.CLUSTER, nodes=NODES)

    with pytest.raises(PluginFailed, match="one node"):
        launch(forks(), cluster, FOLDER)


def test_a_recipe_without_a_runner_runs_in_its_container():
    spec = launch(SCHEMA2, RecipeSettings("a"))
    image = spec.argv.index("ghcr.io/ggml-org/llama.cpp:server")

    assert spec.argv[image + 1 :] == (
        *("-hf", "demo-org/demo-8b-GGUF:Q4_K_M", "--alias", "m", "--host", "0.0.0.0", "--port", "5801"),
        *("--ctx-size", "4096", "--n-gpu-layers", "99", "--temp=-1", "--jinja", "--metrics"),
    )
    assert ("-p", "127.0.0.1:5801:5801") in list(zip(spec.argv, spec.argv[1:], strict=False))


def test_without_docker_the_installed_server_runs_it():
    request = LaunchRequest(
        ModelId("m"),
        LlamaCppOptions(),
        "127.0.0.1",
        5801,
        lambda name: None if name == "docker" else f"/usr/bin/{name}",
        recipe=launch_of(SCHEMA2, NOWHERE, RecipeSettings("a"), own=True),
    )
    spec = LlamaCppBackend().launch(request)

    assert spec.argv[:3] == ("/usr/bin/llama-server", "-hf", "demo-org/demo-8b-GGUF:Q4_K_M")
    assert spec.argv[spec.argv.index("--host") + 1] == "127.0.0.1"


def test_presets_are_one_router_with_many_models():
    reading = PresetsParser().parse(PRESETS, PurePosixPath("chat.ini"))

    assert reading.problems == ()
    assert reading.recipe is not None
    assert reading.recipe.serves == ("demo-org/demo-8b-GGUF:Q4_K_M", "small-chat")
    assert launch(reading.recipe, RecipeSettings("a")).argv == (
        "/usr/bin/llama-server",
        *("--models-preset", "/lab/recipes/a.yaml", "--models-max", "4"),
        *("--host", "127.0.0.1", "--port", "5801"),
    )


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("[own]\nctx-size = 1\n", "[own] does not say where its model is", 0),
        ("[*]\njinja = true\n", "no section names a model", 0),
        ("[a/b]\n[a/b]\n", "already exists", 2),
    ],
)
def test_mistakes_in_presets_are_named(text, message, line):
    reading = PresetsParser().parse(text, PurePosixPath("x.ini"))

    [problem] = reading.problems
    assert message in problem.message
    assert problem.line == line
    assert reading.recipe is None


def test_a_model_in_a_container_keeps_the_path_of_its_file():
    options = LlamaCppOptions(model="/models/a.gguf", image="ghcr.io/ggml-org/llama.cpp:server", gpu_layers=0)
    spec = LlamaCppBackend().launch(request_of(ModelId("m"), 5801, options, None))

    assert "/models:/models:ro" in spec.argv
    assert "--gpus" not in spec.argv
    assert spec.after[0].command is not None
    assert spec.after[0].command.argv == ("docker", "rm", "-f", "swaplab_m_5801")


def test_an_image_that_must_be_built_is_told():
    state = BackendState(BackendId("spark-llama-cpp"), FOLDER, local_images=("postgres:16",))

    assert LlamaCppBackend().images(state).warning == "llama-cpp-spark:last is not on this machine: build it"


def test_the_folder_is_known_by_its_build_script():
    assert LlamaCppBackend().recognise(FOLDER) is Confidence.CERTAIN


def test_the_image_is_the_choice_of_a_person_then_that_of_the_variable():
    variable = {"LLAMA_SWAP_LLAMACPP_SOURCE_IMAGE": "llama-cpp:variable"}
    state = BackendState(BackendId("spark-llama-cpp"), folder_facts("spark-llama-cpp"), environment=variable)
    assert images.images(state).selected == "llama-cpp:variable"
    assert images.images(evolve(state, chosen_image="llama-cpp:chosen")).selected == "llama-cpp:chosen"
