"""The SGLang driver: folders with a runner, sparkrun recipes on one node and several, memory release."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from swaplab_core.builtin.recipe_schema2 import Schema2Parser
from swaplab_core.domain.backend import Confidence, FolderFacts
from swaplab_core.domain.plan import Step
from swaplab_core.domain.recipe import Mode, Recipe, RecipeSettings
from swaplab_core.plugin import ModelId, PluginFailed
from swaplab_core.testing.contracts.backend import BackendContract
from swaplab_core.testing.contracts.recipes import NODES, RecipeBackendContract, launch_of, request_of
from swaplab_core.testing.recipe_kit.facts import folder_facts
from swaplab_sglang.backend import SglangBackend
from swaplab_sglang.options import SglangOptions

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures" / "recipes"
FOLDER = folder_facts("spark-sqlang-docker", runtimes=frozenset({"sglang"}))
NOWHERE = FolderFacts(PurePosixPath("/lab/recipes"))
SCHEMA1 = Recipe(
    format="schema1",
    name="Small",
    container="sglang-node",
    command="python3 -m sglang.launch_server --model-path a/b --host {host} --port {port}",
    placeholders=("host", "port"),
    defaults={"host": "0.0.0.0", "port": 30000},
)


def schema2() -> Recipe:
    recipe = Schema2Parser().parse((FIXTURES / "f08-sglang-v2.yaml").read_text(), PurePosixPath("f08.yaml")).recipe
    assert recipe is not None
    return recipe


def launch(recipe: Recipe, settings: RecipeSettings, folder: FolderFacts = NOWHERE, *, options=None):
    return SglangBackend().launch(
        request_of(ModelId("m"), 5801, options or SglangOptions(), launch_of(recipe, folder, settings, own=True))
    )


def argv(step: Step) -> tuple[str, ...]:
    assert step.command is not None
    return step.command.argv


class TestSglang(BackendContract):
    backend = SglangBackend
    samples = (
        SglangOptions(model="org/model"),
        SglangOptions(model="-odd", image="a/b:1", context_length=8, mem_fraction_static=0.5, release=True),
    )


class TestSglangRecipes(RecipeBackendContract):
    backend = SglangBackend
    options = SglangOptions()
    folders = (FOLDER,)
    recipes = (SCHEMA1, schema2())


def test_a_folder_with_a_runner_is_launched_by_it():
    spec = launch(SCHEMA1, RecipeSettings("a"), FOLDER)

    assert spec.argv[:3] == ("./run-recipe.sh", "/lab/recipes/a.yaml", "--solo")
    assert spec.env["SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION"] == "0"


def test_a_command_is_built_from_the_defaults():
    settings = RecipeSettings("a", extra_args=("--max-total-tokens", "9"), tensor_parallel=1)
    words = launch(evolve(schema2(), min_nodes=1), settings).argv
    server = words[words.index("python3") :]

    assert server == (
        *("python3", "-m", "sglang.launch_server", "--model-path", "demo-org/Demo-70B-FP8"),
        *("--revision", "0123456789abcdef0123456789abcdef01234567"),
        *("--host", "127.0.0.1", "--port", "5801"),
        *("--tp-size", "1", "--mem-fraction-static", "0.8", "--context-length", "65536"),
        *("--served-model-name", "demo-70b", "--trust-remote-code"),
        *("--speculative-draft-model-path", "demo-org/Demo-70B-Eagle"),
        "--enable-metrics",
        *("--max-total-tokens", "9"),
    )
    assert words[: words.index("--gpus")] == (
        *("docker", "run", "--rm", "--init", "--name", "swaplab_m_5801"),
        *("--label", "swaplab.managed=1", "--label", "swaplab.model=m", "--label", "swaplab.backend=sglang"),
        *("--label", "swaplab.instance=5801"),
    )


def test_a_secret_is_handed_on_by_name():
    words = launch(evolve(schema2(), min_nodes=1, max_nodes=1), RecipeSettings("a")).argv

    assert "HF_TOKEN" in words
    assert not [word for word in words if word.startswith("HF_TOKEN=")]
    assert words[words.index("--shm-size") + 1] == "32gb"


def test_several_nodes_are_started_worker_first_and_removed_everywhere():
    spec = launch(schema2(), RecipeSettings("a", mode=Mode.CLUSTER, nodes=NODES, tensor_parallel=2))
    sweeps, [worker] = spec.before[:2], spec.before[2:]

    assert spec.argv[-6:] == ("--dist-init-addr", "192.0.2.10:25000", "--nnodes", "2", "--node-rank", "0")
    assert (worker.node, argv(worker)[:3]) == ("192.0.2.11", ("docker", "run", "-d"))
    assert argv(worker)[-2:] == ("--node-rank", "1")
    assert spec.after == sweeps
    assert [(step.node, argv(step)) for step in sweeps] == [
        ("", ("docker", "rm", "-f", "swaplab_m_5801")),
        ("192.0.2.11", ("docker", "rm", "-f", "swaplab_m_5801")),
    ]


def test_memory_is_released_only_where_the_weights_are_kept():
    options = SglangOptions(release=True)
    keeping = evolve(SCHEMA1, command=f"{SCHEMA1.command} --enable-memory-saver --enable-weights-cpu-backup")

    with pytest.raises(PluginFailed, match="would lose the weights"):
        launch(SCHEMA1, RecipeSettings("a"), options=options)
    sleep = launch(keeping, RecipeSettings("a"), options=options).sleep
    assert sleep is not None
    assert (sleep.sleep.path, sleep.wake.path) == ("/release_memory_occupation", "/resume_memory_occupation")


def test_what_a_recipe_will_run_into_is_said():
    said = [problem.message for problem in SglangBackend().check_recipe(evolve(schema2(), model="a/b-NVFP4"), NOWHERE)]

    assert said == [
        "an NVFP4 model usually needs --quantization modelopt_fp4",
        "restart_policy is left out: swaplab itself restarts a model",
    ]


@pytest.mark.parametrize("name", ["spark-sglang-docker", "spark-sqlang-docker"])
def test_both_spellings_are_known(name):
    assert SglangBackend().recognise(folder_facts(name)) is Confidence.NAME


@pytest.mark.parametrize(
    ("line", "stage", "fraction"),
    [
        ("[2026-05-20 TP0] Load weight begin. avail mem=98.1 GB", "weights", 0.0),
        ("Multi-thread loading shards:  75% Completed | 3/4 [00:01]", "weights", 0.75),
        ("Capturing batches (bs=8 avail_mem=10.2 GB):  20%|##", "graphs", 0.2),
        ("[2026] The server is fired up and ready to roll!", "ready", 1.0),
    ],
)
def test_the_steps_of_a_load_are_read_off_the_log(line, stage, fraction):
    progress = SglangBackend().progress(line)

    assert progress is not None
    assert (progress.stage, progress.fraction) == (stage, fraction)
