from __future__ import annotations

from pathlib import Path, PurePosixPath

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.builtin.recipe_schema2 import Schema2Parser
from swaplab_core.domain.recipe import RecipeReading

FIXTURES = Path(__file__).parents[2] / "fixtures" / "recipes"


def read(text: str) -> RecipeReading:
    return Schema2Parser().parse(text, PurePosixPath("x.yaml"))


def test_a_command_may_be_left_to_the_runtime():
    reading = read((FIXTURES / "f08-sglang-v2.yaml").read_text())

    assert reading.problems == ()
    recipe = reading.recipe
    assert recipe is not None
    assert (recipe.name, recipe.runtime, recipe.command) == ("demo-org/Demo-70B-FP8", "sglang", "")
    assert (recipe.min_nodes, recipe.max_nodes) == (2, 2)
    assert recipe.revision == "0123456789abcdef0123456789abcdef01234567"
    assert recipe.defaults["trust_remote_code"] is True
    assert recipe.env["HF_TOKEN"] == "${HF_TOKEN}"


def test_hooks_of_both_kinds_are_kept():
    recipe = read((FIXTURES / "f08-sglang-v2.yaml").read_text()).recipe

    assert recipe is not None
    assert recipe.extra["pre_exec"] == [
        "pip install --no-deps demo-plugin",
        {"copy": "/opt/patches/demo", "dest": "/workspace/mods/demo"},
    ]
    assert recipe.extra["executor_config"] == {
        "restart_policy": "unless-stopped",
        "shm_size": "32gb",
        "entrypoint": "",
    }


def test_the_model_is_injected_here_and_not_in_schema_1():
    text = (FIXTURES / "f09-trtllm-v2.yaml").read_text()

    assert read(text).problems == ()
    first = Schema1Parser().parse(text, PurePosixPath("x.yaml"))
    assert "the command uses {model}, which defaults do not define" in [problem.message for problem in first.problems]


def test_an_unresolved_placeholder_is_text_with_a_warning():
    reading = read('recipe_version: "2"\nmodel: a/b\ncommand: serve {nobody} {base_url}\n')

    assert [problem.message for problem in reading.problems] == ["{nobody} has no value and stays as text"]
    assert reading.is_usable


def test_mistakes_are_named():
    reading = read(
        'recipe_version: "2"\nmodel: a/b\nmin_nodes: 3\nmax_nodes: 2\n'
        "executor_config: {restart_policy: always, auto_remove: true}\n"
    )

    assert [problem.message for problem in reading.problems] == [
        "neither `runtime` nor `command` says what to run",
        "max_nodes is smaller than min_nodes",
        "restart_policy excludes auto_remove",
    ]


def test_its_template_is_a_good_recipe():
    assert read(Schema2Parser().template()).problems == ()
