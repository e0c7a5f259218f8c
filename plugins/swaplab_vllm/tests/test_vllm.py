"""The vLLM driver: what it gives the runner of either generation, and what it says of recipes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from attrs import evolve

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.domain.backend import BackendState, Confidence
from swaplab_core.domain.recipe import BackendId, Limits, Mode, Recipe, RecipeSettings
from swaplab_core.plugin import LaunchSpec, ModelId, PluginFailed
from swaplab_core.testing.contracts.backend import BackendContract
from swaplab_core.testing.contracts.recipes import NODES, RecipeBackendContract, launch_of, request_of
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.recipe_kit.facts import GEN1, GEN2
from swaplab_core.testing.recipe_kit.facts import folder_facts as facts
from swaplab_vllm import recipes
from swaplab_vllm.backend import END, VllmBackend
from swaplab_vllm.options import VllmOptions

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures" / "recipes"
FIRST, SECOND = facts("spark-vllm-docker", flags=GEN1), facts("spark-vllm-docker", flags=GEN2)
SOLO = RecipeSettings("a")
CLUSTER = RecipeSettings("a", mode=Mode.CLUSTER, nodes=NODES, tensor_parallel=2)


def recipe(name: str) -> Recipe:
    found = Schema1Parser().parse((FIXTURES / f"{name}.yaml").read_text(), PurePosixPath(f"{name}.yaml")).recipe
    assert found is not None
    return found


def launch(name: str, settings=SOLO, folder=SECOND, *, options=None, own=False, model="m") -> LaunchSpec:
    found = recipe(name)
    driver = VllmBackend()
    recipe_launch = launch_of(found, folder, driver.settle(found, settings), own=own)
    return driver.launch(request_of(ModelId(model), 5801, options or VllmOptions(), recipe_launch))


class TestVllm(BackendContract):
    backend = VllmBackend
    samples = (
        VllmOptions(model="org/model"),
        VllmOptions(
            model="-odd", binary="my-vllm", tensor_parallel=2, max_model_len=8, sleep_level=1, extra_args=("-x",)
        ),
    )


class TestVllmRecipes(RecipeBackendContract):
    backend = VllmBackend
    options = VllmOptions()
    folders = (FIRST, SECOND)
    recipes = tuple(
        recipe(name)
        for name in (
            "f01-vllm-solo-basic",
            "f02-vllm-cluster-json",
            "f04-vllm-mods-unknown-keys",
            "f06-not-vllm-images",
        )
    )


def test_a_solo_launch_is_the_recipe_and_its_flags():
    spec = launch("f01-vllm-solo-basic", evolve(SOLO, extra_args=("--max-num-seqs", "4", '{"a b": 1}')))

    assert spec.argv == (
        "./run-recipe.sh",
        "recipes/a.yaml",
        "--solo",
        *("--tp", "1"),
        *("--port", "5801"),
        *("--host", "127.0.0.1"),
        *("--name", "swaplab_m_5801"),
        *("--", "--max-num-seqs", "4", '{"a b": 1}'),
    )
    assert spec.cwd == PurePosixPath("/lab/backend/spark-vllm-docker")
    assert spec.base_url == "http://127.0.0.1:5801"


def test_a_recipe_of_the_users_is_named_by_its_whole_path():
    assert launch("f01-vllm-solo-basic", own=True).argv[1] == "/lab/recipes/a.yaml"


def test_a_cluster_launch_names_its_nodes_and_a_port_of_its_own():
    spec = launch("f02-vllm-cluster-json", CLUSTER)

    assert spec.argv[2:] == (
        *("-n", "192.0.2.10,192.0.2.11"),
        *("--tp", "2"),
        *("--port", "5801"),
        *("--host", "127.0.0.1"),
        *("--name", "swaplab_m_5801"),
        *("--master-port", "31302"),
    )
    assert spec.readiness.at_least_seconds == 1800
    assert spec.stop.at_least_seconds == 25


@pytest.mark.parametrize(
    ("flags", "ray", "given"),
    [
        (GEN1, None, ()),
        (GEN1, True, ()),
        (GEN1, False, ("--no-ray",)),
        (GEN2, None, ()),
        (GEN2, True, ("--ray",)),
        (GEN2, False, ("--no-ray",)),
    ],
)
def test_ray_is_asked_for_as_the_generation_knows_it(flags, ray, given):
    spec = launch(
        "f02-vllm-cluster-json", CLUSTER, facts("spark-vllm-docker", flags=flags), options=VllmOptions(ray=ray)
    )

    assert tuple(word for word in spec.argv if word.endswith("ray")) == given


def test_only_flags_that_the_runner_knows_are_given():
    old = facts("spark-vllm-docker", flags=("--solo", "-n", "--port", "--tp"))

    assert launch("f01-vllm-solo-basic", folder=old).argv[2:] == ("--solo", "--tp", "1", "--port", "5801")
    with pytest.raises(PluginFailed, match="does not know -t"):
        launch("f01-vllm-solo-basic", evolve(SOLO, container_image="other:1"), old)


def test_an_image_of_the_model_is_an_option_and_the_recipe_stays_as_it_is():
    spec = launch("f01-vllm-solo-basic", evolve(SOLO, container_image="vllm-node-mxfp4"))

    assert spec.argv[spec.argv.index("-t") + 1] == "vllm-node-mxfp4:latest"


def test_limits_of_an_unprivileged_container_are_given_in_order():
    spec = launch("f01-vllm-solo-basic", evolve(SOLO, limits=Limits(True, 100, 110, 4096, 64)))

    start = spec.argv.index("--non-privileged")
    assert spec.argv[start:] == (
        "--non-privileged",
        *("--mem-limit-gb", "100", "--mem-swap-limit-gb", "110", "--pids-limit", "4096", "--shm-size-gb", "64"),
    )


def test_containers_are_labelled_and_keep_their_compile_caches():
    words = launch("f01-vllm-solo-basic", model="org/name:Q4").env["VLLM_SPARK_EXTRA_DOCKER_ARGS"].split(" ")

    assert words[0] == "--init"
    [label] = [word for word in words if word.startswith("swaplab.model=")]
    assert re.fullmatch(r"swaplab\.model=org-name-Q4-[0-9a-f]{8}", label)
    assert "/home/me/.cache/torchinductor:/tmp/torchinductor_root" in words
    assert "TRITON_CACHE_DIR=/tmp/torchinductor_root/triton" in words


def test_an_argument_for_docker_may_hold_no_blank():
    with pytest.raises(PluginFailed, match="holds a blank"):
        launch("f01-vllm-solo-basic", evolve(SOLO, extra_docker_args=("-e", "A=two words")))


def test_the_port_is_certain_where_the_recipe_has_none():
    found = evolve(recipe("f01-vllm-solo-basic"), command="vllm serve x", placeholders=())
    spec = VllmBackend().launch(request_of(ModelId("m"), 5801, VllmOptions(), launch_of(found, SECOND, SOLO)))

    assert spec.argv[-3:] == ("--", "--port", "5801")


def test_containers_go_before_and_after_whatever_happened():
    spec = launch("f02-vllm-cluster-json", CLUSTER)

    assert spec.before == spec.after
    assert [step.command.argv for step in spec.after if step.command] == [
        ("./launch-cluster.sh", "-n", "192.0.2.10,192.0.2.11", "--name", "swaplab_m_5801", "stop"),
        ("docker", "rm", "-f", "swaplab_m_5801"),
    ]
    assert all(step.optional for step in spec.after)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("f01-vllm-solo-basic", CLUSTER, "runs on one node only"),
        ("f02-vllm-cluster-json", SOLO, "needs several nodes"),
        ("f02-vllm-cluster-json", evolve(CLUSTER, nodes=()), "names none"),
    ],
)
def test_a_mode_that_the_recipe_excludes_is_refused_with_advice(name, settings, message):
    with pytest.raises(PluginFailed, match=message) as refusal:
        launch(name, settings)
    assert refusal.value.advice


def test_a_hot_swap_runs_the_engine_in_the_container_that_is_up():
    spec = launch("f02-vllm-cluster-json", evolve(CLUSTER, hot_swap=True))

    assert spec.argv[:2] == ("docker", "exec")
    container = spec.argv.index("swaplab_spark-vllm-docker_5801")
    assert spec.argv[container + 1 : container + 3] == ("vllm", "serve")
    assert spec.argv[-1] == '{"method":"mtp","num_speculative_tokens":3}'
    assert ("-e", "DEMO_SPACED=two words") in list(zip(spec.argv, spec.argv[1:], strict=False))
    assert spec.stop.argv == ("docker", "exec", "swaplab_spark-vllm-docker_5801", "sh", "-c", END, "end", "5801")
    assert spec.after == ()
    [start] = spec.before
    assert start.command is not None
    assert start.command.argv[-1] == "start"


def engine(*words: str) -> subprocess.Popen[bytes]:
    """A process that waits, with these arguments, in a session of its own as `docker exec` makes one."""
    return subprocess.Popen(["/bin/sh", "-c", "read _", "vllm", *words], stdin=subprocess.PIPE, start_new_session=True)


def end(port: str, tools: Path) -> subprocess.CompletedProcess[str]:
    argv = ["/bin/sh", "-c", END, "end", port]
    return subprocess.run(argv, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)


def test_the_stop_of_a_hot_swap_ends_the_engine_of_that_port_alone_and_needs_no_pkill(tmp_path):
    (tmp_path / "tr").symlink_to(shutil.which("tr") or "/usr/bin/tr")
    port = str(find_free_port())
    with (
        engine("--port", port, "--host", "::") as one,
        engine(f"--port={port}") as two,
        engine(f"--port={port}1") as other,
    ):
        try:
            done = end(port, tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            assert (one.wait(120), two.wait(120)) == (-signal.SIGTERM, -signal.SIGTERM)
            assert other.poll() is None
            again = end(port, tmp_path)
            assert (again.returncode, again.stderr) == (1, f"nothing with --port {port} runs here\n")
        finally:
            for process in (one, two, other):
                process.kill()


def test_only_a_cluster_can_hot_swap():
    assert not VllmBackend().settle(recipe("f01-vllm-solo-basic"), evolve(SOLO, hot_swap=True)).hot_swap


def test_a_recipe_that_can_sleep_is_put_to_sleep_when_its_entry_says_so():
    assert launch("f05-vllm-sleep").sleep is None
    sleep = launch("f05-vllm-sleep", options=VllmOptions(sleep_level=1)).sleep

    assert sleep is not None
    assert (sleep.sleep.path, sleep.wake.path) == ("/sleep?level=1&mode=wait", "/wake_up")
    assert sleep.cycles == 3
    assert sleep.canary is not None
    assert b'"model": "demo-org/Demo-8B-FP8"' in sleep.canary.call.body
    assert VllmBackend().may_sleep(VllmOptions(sleep_level=2))
    assert not VllmBackend().may_sleep(VllmOptions())
    with pytest.raises(PluginFailed, match="its recipe 'Demo-30B-A3B-NVFP4' cannot"):
        launch("f01-vllm-solo-basic", options=VllmOptions(sleep_level=1))


def test_how_a_model_is_split_is_read_off_its_command():
    assert recipes.world(recipe("f02-vllm-cluster-json")).size == 2
    split = recipes.world(recipe("3x-nodes/f03-vllm-pp3"))

    assert (split.size, split.pipeline, split.unseen) == (3, 3, ("-pp=3",))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("3x-nodes/f03-vllm-pp3", "the launcher does not read -pp=3"),
        ("f04-vllm-mods-unknown-keys", "mods/demo-parser is not in spark-vllm-docker"),
        ("f06-not-vllm-images", "the engine is uvicorn, not vLLM"),
    ],
)
def test_what_a_recipe_will_run_into_is_said(name, said):
    assert said in "\n".join(str(problem) for problem in VllmBackend().check_recipe(recipe(name), SECOND))


def test_developer_routes_are_fine_on_loopback_only():
    sleeper = recipe("f05-vllm-sleep")

    assert not VllmBackend().check_recipe(sleeper, SECOND)
    opened = evolve(sleeper, defaults={**sleeper.defaults, "host": "0.0.0.0"})
    assert "opens routes without a key" in VllmBackend().check_recipe(opened, SECOND)[0].message


@pytest.mark.parametrize(
    ("name", "runtimes", "confidence"),
    [
        ("spark-vllm-docker", {"vllm"}, Confidence.CERTAIN),
        ("anything", {"vllm"}, Confidence.CERTAIN),
        ("spark-vllm-docker", {"vllm", "uvicorn"}, Confidence.CERTAIN),
        ("anything", {"vllm", "uvicorn"}, Confidence.CONTENT),
        ("spark-vllm-docker", set(), Confidence.NAME),
        ("spark-trtllm-docker", set(), Confidence.NO),
        ("anything", {"sglang"}, Confidence.NO),
    ],
)
def test_a_folder_is_recognised_by_its_recipes_and_less_by_its_name(name, runtimes, confidence):
    assert VllmBackend().recognise(facts(name, runtimes=frozenset(runtimes))) is confidence


def test_the_kind_of_nvidias_own_image_is_told_apart():
    assert VllmBackend().kind(facts("spark-vllm-nvidia-docker")) == "nvidia"
    assert VllmBackend().kind(SECOND) == "vllm"


def test_images_are_those_of_recipes_builds_and_this_machine():
    state = BackendState(
        BackendId("spark-vllm-docker"),
        SECOND,
        recipes=(recipe("f01-vllm-solo-basic"), recipe("f04-vllm-mods-unknown-keys")),
        local_images=("vllm-node-old:1", "postgres:16"),
        chosen_image="vllm-node-mxfp4",
    )
    choice = VllmBackend().images(state)

    assert (choice.selected, choice.default) == ("vllm-node-mxfp4:latest", "vllm-node:latest")
    assert choice.available == (
        "vllm-node-mxfp4:latest",
        "vllm-node:latest",
        "vllm-node-12.0f:latest",
        "vllm/vllm-openai:demo-flash-next",
        "vllm-node-old:1",
    )


@pytest.mark.parametrize(
    ("line", "stage", "fraction"),
    [
        (
            "(EngineCore pid=1) Loading safetensors checkpoint shards:  42% Completed | 3/7 [00:01<00:02]",
            "weights",
            0.42,
        ),
        ("Capturing CUDA graphs (decode, FULL):  50%|#####     | 4/8", "graphs", 0.5),
        ("INFO 05-20 [x.py:1] Loading weights took 12.3 seconds", "weights", 1.0),
        ("INFO Starting torch.compile", "compile", 0.0),
        ("INFO GPU KV cache size: 1,234 tokens", "kv cache", 1.0),
        ("INFO init engine (profile, create kv cache, warmup model) took 9.1 s", "warm-up", 1.0),
        ("INFO:     Application startup complete.", "ready", 1.0),
    ],
)
def test_the_steps_of_a_load_are_read_off_the_log(line, stage, fraction):
    progress = VllmBackend().progress(line)

    assert progress is not None
    assert (progress.stage, progress.fraction) == (stage, fraction)


def test_dropped_weights_are_read_again_before_the_cache_wakes():
    sleep = launch("f05-vllm-sleep", options=VllmOptions(sleep_level=2)).sleep

    assert sleep is not None
    assert [call.path for call in (sleep.wake, *sleep.then)] == [
        "/wake_up?tags=weights",
        "/collective_rpc",
        "/wake_up?tags=kv_cache",
        "/reset_prefix_cache",
    ]


@pytest.mark.parametrize(
    ("name", "served"),
    [("f02-vllm-cluster-json", "demo-v4-flash"), ("f05-vllm-sleep", "demo-org/Demo-8B-FP8")],
)
def test_the_name_under_which_the_engine_answers_is_known(name, served):
    assert recipes.served_name(recipe(name)) == served
    assert recipes.served_name(recipe(name), ("--served-model-name", "mine")) == "mine"
