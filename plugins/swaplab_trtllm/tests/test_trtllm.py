"""The TensorRT-LLM driver: containers, extra options, several nodes, tags of images, refused fields."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
import yaml
from attrs import evolve

from swaplab_core.builtin.recipe_schema2 import Schema2Parser
from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts
from swaplab_core.domain.plan import Command, Step
from swaplab_core.domain.recipe import BackendId, Mode, Recipe, RecipeSettings
from swaplab_core.plugin import ModelId
from swaplab_core.testing.contracts.backend import BackendContract
from swaplab_core.testing.contracts.recipes import NODES, RecipeBackendContract, launch_of, request_of
from swaplab_core.testing.recipe_kit.facts import folder_facts
from swaplab_trtllm import images
from swaplab_trtllm.backend import TrtllmBackend
from swaplab_trtllm.options import TrtllmOptions

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures" / "recipes"
FOLDER = folder_facts("spark-trtllm-docker")
NOWHERE = FolderFacts(PurePosixPath("/lab/recipes"))
SCHEMA1 = Recipe(
    format="schema1",
    name="Small",
    container="trtllm-node",
    command="trtllm-serve a/b --host {host} --port {port}",
    placeholders=("host", "port"),
)


def schema2() -> Recipe:
    recipe = Schema2Parser().parse((FIXTURES / "f09-trtllm-v2.yaml").read_text(), PurePosixPath("f09.yaml")).recipe
    assert recipe is not None
    return recipe


def launch(recipe: Recipe, settings: RecipeSettings, folder: FolderFacts = NOWHERE):
    return TrtllmBackend().launch(
        request_of(ModelId("m"), 5801, TrtllmOptions(), launch_of(recipe, folder, settings, own=True))
    )


def command(step: Step) -> Command:
    assert step.command is not None
    return step.command


class TestTrtllm(BackendContract):
    backend = TrtllmBackend
    samples = (TrtllmOptions(model="org/model"), TrtllmOptions(model="-odd", image="a/b:1", max_batch_size=4))


class TestTrtllmRecipes(RecipeBackendContract):
    backend = TrtllmBackend
    options = TrtllmOptions()
    folders = (FOLDER,)
    recipes = (SCHEMA1, schema2())


def test_four_defaults_go_to_the_extra_options_and_the_others_to_the_command():
    spec = launch(evolve(schema2(), min_nodes=1), RecipeSettings("a"))
    [write] = [command(step) for step in spec.before if "write" in step.title]

    assert write.argv == ("install", "-D", "-m", "755", "/dev/stdin", "/lab/runs/m/extra.yml")
    assert yaml.safe_load(write.stdin) == {
        "kv_cache_config": {"free_gpu_memory_fraction": 0.9, "dtype": "auto"},
        "cuda_graph_config": {"enable_padding": True},
        "print_iter_log": False,
    }
    server = spec.argv[spec.argv.index("trtllm-serve") :]
    assert server == (
        *("trtllm-serve", "nvidia-demo/Demo-235B-FP4", "--host", "127.0.0.1", "--port", "5801"),
        *("--tp_size", "1", "--backend", "pytorch", "--max_num_tokens", "32768", "--max_batch_size", "4"),
        *("--extra_llm_api_options", "/swaplab/extra.yml"),
    )
    assert "/lab/runs/m:/swaplab:ro" in spec.argv
    assert "TRITON_PTXAS_PATH=/usr/local/cuda/bin/ptxas" in spec.argv


def test_several_nodes_wait_in_containers_and_run_under_mpirun():
    spec = launch(schema2(), RecipeSettings("a", mode=Mode.CLUSTER, nodes=NODES, tensor_parallel=2))

    assert spec.argv[:6] == ("docker", "exec", "swaplab_m_5801", "mpirun", "--allow-run-as-root", "-np")
    assert spec.argv[spec.argv.index("-H") + 1] == "192.0.2.10,192.0.2.11"
    assert spec.argv[spec.argv.index("trtllm-llmapi-launch") + 1] == "trtllm-serve"
    started = [(step.node, command(step).argv[-2:]) for step in spec.before if "start" in step.title]
    assert started == [("192.0.2.11", ("sleep", "infinity")), ("", ("sleep", "infinity"))]
    [rsh, _] = [command(step).stdin.decode() for step in spec.before if step.title == "write rsh"]
    assert 'exec ssh -o BatchMode=yes -- "$host" docker exec swaplab_m_5801 "$@"' in rsh
    assert [command(step).argv for step in spec.after] == [("docker", "rm", "-f", "swaplab_m_5801")] * 2
    assert spec.stop.argv[:2] == ("docker", "stop")


def test_a_folder_with_a_runner_is_launched_by_it():
    assert launch(SCHEMA1, RecipeSettings("a"), FOLDER).argv[0] == "./run-recipe.sh"


def test_fields_that_the_engine_refuses_are_named():
    assert TrtllmBackend.refused_fields == ("return_token_ids",)


def test_release_candidates_come_before_their_version_and_posts_after():
    tags = ["1.3.0rc3", "latest", "1.3.0", "1.4.0rc1", "1.3.0.post1", "1.3.0rc13", "devel-1.0"]

    assert images.newest_first(tags) == ("1.4.0rc1", "1.3.0.post1", "1.3.0", "1.3.0rc13", "1.3.0rc3")


def state(**more) -> BackendState:
    return BackendState(BackendId("spark-trtllm-docker"), more.pop("facts", FOLDER), **more)


def test_the_latest_image_is_a_final_version():
    tags = {images.REPOSITORY: ("1.4.0rc1", "1.3.0", "1.3.0rc13")}
    choice = TrtllmBackend().images(state(remote_tags=tags, local_images=("trtllm-node:latest",)))

    assert choice.latest == f"{images.REPOSITORY}:1.3.0"
    assert choice.update_available
    assert choice.available[:2] == (images.DEFAULT, f"{images.REPOSITORY}:1.3.0")
    assert f"{images.REPOSITORY}:1.4.0rc1" in choice.available


def test_the_choice_of_a_person_wins_then_the_variable_then_the_script():
    scripted = evolve(FOLDER, texts={"build-and-copy.sh": 'SOURCE_IMAGE="nvcr.io/nvidia/tensorrt-llm/release:1.2.0"\n'})
    variable = {"LLAMA_SWAP_TRTLLM_SOURCE_IMAGE": "a/variable:1"}

    assert images.images(state(facts=scripted)).selected.endswith(":1.2.0")
    assert images.images(state(facts=scripted, environment=variable)).selected == "a/variable:1"
    chosen = state(facts=scripted, environment=variable, chosen_image="a/chosen:1")
    assert images.images(chosen).selected == "a/chosen:1"


@pytest.mark.parametrize(("name", "confidence"), [("spark-trtllm-docker", Confidence.NAME), ("x", Confidence.NO)])
def test_the_folder_is_known_by_its_name(name, confidence):
    assert TrtllmBackend().recognise(folder_facts(name)) is confidence


@pytest.mark.parametrize(
    ("line", "stage", "fraction"),
    [
        ("Loading safetensors weights in parallel:  50%|#####", "weights", 0.5),
        ("[TRT-LLM] [I] Model init total -- 12.5s", "weights", 1.0),
        ("INFO:     Uvicorn running on http://127.0.0.1:8355", "ready", 1.0),
    ],
)
def test_the_steps_of_a_load_are_read_off_the_log(line, stage, fraction):
    progress = TrtllmBackend().progress(line)

    assert progress is not None
    assert (progress.stage, progress.fraction) == (stage, fraction)
