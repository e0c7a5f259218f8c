from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.problem import Severity
from swaplab_core.domain.recipe import Recipe, RecipeReading
from swaplab_core.plugin.recipe_template import render

FIXTURES = Path(__file__).parents[2] / "fixtures" / "recipes"


def read(name: str) -> RecipeReading:
    return Schema1Parser().parse((FIXTURES / name).read_text(), PurePosixPath(name))


def recipe(name: str) -> Recipe:
    reading = read(name)
    assert reading.recipe is not None, reading.problems
    return reading.recipe


def errors(reading: RecipeReading) -> list[str]:
    return [str(problem) for problem in reading.problems if problem.severity is Severity.ERROR]


def warnings(reading: RecipeReading) -> list[str]:
    return [str(problem) for problem in reading.problems if problem.severity is Severity.WARNING]


def rendered(found: Recipe, **values: object) -> str:
    return render(found.command, {**found.defaults, **values})  # type: ignore[dict-item] - values of a test


def test_a_number_is_shown_as_the_runner_will_write_it():
    solo = recipe("f01-vllm-solo-basic.yaml")

    assert "--gpu-memory-utilization 0.7 " in rendered(solo)
    assert solo.placeholders == ("host", "port", "max_model_len", "gpu_memory_utilization")
    assert (solo.engine, solo.solo_only, solo.mods) == ("vllm", True, ())


def test_a_default_that_the_command_has_no_place_for_is_reported():
    [warning] = read("f01-vllm-solo-basic.yaml").problems

    assert (warning.path, warning.line, warning.message) == (
        "defaults.tensor_parallel",
        14,
        "the command does not use `tensor_parallel`",
    )


def test_json_arguments_stay_one_word_each():
    import shlex

    words = shlex.split(rendered(recipe("f02-vllm-cluster-json.yaml")).replace("\\\n", " "))

    assert words[-1] == '{"method":"mtp","num_speculative_tokens":3}'
    assert words[words.index("--compilation-config") + 1] == (
        '{"cudagraph_mode":"FULL_AND_PIECEWISE","custom_ops":["all"]}'
    )


def test_environment_and_build_arguments_are_text():
    cluster = recipe("f02-vllm-cluster-json.yaml")

    assert cluster.env == {
        "VLLM_USE_DEEP_GEMM": "0",
        "NCCL_DEBUG": "WARN",
        "TORCH_CUDA_ARCH_LIST": "12.1a",
        "DEMO_SPACED": "two words",
    }
    assert len(cluster.build_args) == 5
    assert cluster.cluster_only


def test_a_nested_recipe_keeps_its_long_command():
    nested = recipe("3x-nodes/f03-vllm-pp3.yaml")

    assert "-pp=3" in rendered(nested)
    assert '{"top_p":0.95}' in rendered(nested)
    assert (nested.cluster_only, nested.tensor_parallel) == (True, 1)
    assert nested.mods == ("mods/demo-fp8-kv",)


def test_unknown_keys_are_kept():
    newer = recipe("f04-vllm-mods-unknown-keys.yaml")

    assert newer.extra["pull_image"] is True
    assert newer.extra["benchmark"]["args"] == {"pp": [2048], "depth": [0, 4096], "enable_prefix_caching": True}
    assert newer.mods == ("mods/install-ray", "mods/demo-parser")
    assert "vllm serve Demo/Demo-Flash-Next " in rendered(newer)


def test_an_empty_variable_survives():
    assert recipe("f05-vllm-sleep.yaml").env["PYTORCH_CUDA_ALLOC_CONF"] == ""


def test_a_server_that_is_not_vllm_is_told_by_its_program():
    images = recipe("f06-not-vllm-images.yaml")

    assert images.engine == "uvicorn"
    assert images.env["SKIP_MODULES"] == "proj_out,x_embedder,time_embed"
    assert images.env["DEFAULT_GUIDANCE"] == "4.0"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bad-a", "missing required field `container`"),
        ("bad-b", "the command uses {prot}, which defaults do not define (did you mean {port}?)"),
        ("bad-c", "double the braces of JSON"),
        ("bad-d", "{port.__class__.__mro__} is no plain placeholder"),
        ("bad-f", "bad-f.yaml:5:1: container: 'container' is written twice, first in line 4"),
        ("bad-h", "solo_only and cluster_only together can never run"),
        ("bad-j", "a recipe is a mapping of keys"),
    ],
)
def test_a_recipe_that_cannot_run_says_why(name, error):
    reading = read(f"bad/{name}.yaml")

    assert reading.recipe is None
    assert error in "\n".join(errors(reading))
    assert not reading.is_usable


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("bad-e", "uses a YAML anchor"),
        ("bad-g", "schema '9' is newer than what is known here"),
        ("bad-i", "DEMO expands inside the container"),
    ],
)
def test_a_recipe_that_surprises_runs_with_a_warning(name, warning):
    reading = read(f"bad/{name}.yaml")

    assert errors(reading) == []
    assert warning in "\n".join(warnings(reading))
    assert reading.is_usable


def test_an_alias_means_what_it_names():
    assert recipe("bad/bad-e.yaml").extra == {"image_copy": "vllm-node"}


def test_what_yaml_makes_of_a_word_is_said():
    text = 'recipe_version: "1"\nname: x\ncontainer: x\ncommand: run {a} {b} {c}\ndefaults: {a: yes, b: 012, c: 1:30}\n'

    reading = Schema1Parser().parse(text, PurePosixPath("x.yaml"))

    assert reading.recipe is not None
    assert reading.recipe.defaults == {"a": True, "b": 10, "c": 90}
    assert [problem.message for problem in reading.problems] == [
        "the runner will see True, not yes",
        "the runner will see 10, not 012",
        "the runner will see 90, not 1:30",
    ]


@pytest.mark.parametrize("container", ["-v", "a b", "x\\ny", "UPPER", "a:b:c", ""])
def test_an_image_must_be_one(container):
    text = f'recipe_version: "1"\nname: x\ncontainer: "{container}"\ncommand: run\n'

    assert Schema1Parser().parse(text, PurePosixPath("x.yaml")).recipe is None


def test_its_template_is_a_good_recipe():
    parser = Schema1Parser()
    reading = parser.parse(parser.template(), PurePosixPath("new.yaml"))

    assert reading.is_usable
    assert reading.problems == ()


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ('recipe_version: "1"', Confidence.CONTENT),
        ("recipe_version: 1", Confidence.CONTENT),
        ('recipe_version: "2"', Confidence.NO),
        ("container: x\ncommand: y", Confidence.NAME),
        ("{", Confidence.GUESS),
    ],
)
def test_it_knows_its_own(text, confidence):
    assert Schema1Parser().recognise(text, PurePosixPath("x.yaml")) is confidence
