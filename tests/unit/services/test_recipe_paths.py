"""Where recipes and backends are looked for: every variable of the older control plane keeps its meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from swaplab_core.services.recipes.paths import (
    Surroundings,
    backend_folders,
    default_backend,
    override_file,
    user_folders,
)


def here(**variables):
    return Surroundings(variables, Path("/home/me"), Path("/cwd"), Path("/etc/swaplab"), ("/their/backends",))


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"LLAMA_SWAP_RECIPES_DIR": "/mine"}, lambda at: user_folders(at)[0] == Path("/mine")),
        ({"LLAMA_SWAP_RECIPES_DIR": "~/mine"}, lambda at: user_folders(at)[0] == Path("/home/me/mine")),
        ({"LLAMA_SWAP_LOCAL_RECIPES_DIR": "/local"}, lambda at: Path("/local") in user_folders(at)),
        ({"LLAMA_SWAP_CONFIG_PATH": "/old/config.yaml"}, lambda at: Path("/old/recipes") in user_folders(at)),
        ({"LLAMA_SWAP_CONFIG_PATH": "/old/config.yaml"}, lambda at: Path("/old/backend") in backend_folders(at)),
        ({"LLAMA_SWAP_RECIPES_BACKEND_OVERRIDE_FILE": "/kept"}, lambda at: override_file(at) == Path("/kept")),
        (
            {"LLAMA_SWAP_RECIPES_BACKEND_OVERRIDE_FILE": " "},
            lambda at: override_file(at).name == ".recipes_backend_dir",
        ),
    ],
)
def test_a_variable_says_where(variables, found):
    assert found(here(**variables))


def test_a_new_recipe_goes_beside_the_configuration_when_nothing_says_otherwise():
    assert user_folders(here())[0] == Path("/etc/swaplab/recipes")
    assert override_file(here()) == Path("/etc/swaplab/.recipes_backend_dir")


def test_backends_are_found_where_the_configuration_says_and_beside_it_and_in_the_lab_at_home():
    assert backend_folders(here()) == (
        Path("/their/backends"),
        Path("/etc/swaplab/backend"),
        Path("/cwd/backend"),
        Path("/home/me/swap-laboratories/backend"),
    )
    assert default_backend(here()) == Path("/home/me/swap-laboratories/backend/spark-vllm-docker")
