"""What clients of Swap Laboratories read of a model beside llama-swap's own keys: recipe, mode, split, image. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import ClientError
from swaplab_core.domain.recipe import RecipeSettings
from swaplab_core.services.recipes.catalogue import RecipeCatalogue
from swaplab_core.services.recipes.managed_entry import read_models

CONTAINER_MACRO = "vllm_container_image"
_OWN_KEYS = ("container_image", "containerImage")


def recipe_status(model: ModelConfig, macros: Mapping[str, Any], catalogue: RecipeCatalogue) -> dict[str, Any]:
    """Return the keys that there is something to say for; none for a model that uses no recipe and names no image.

    The image is the model's own, then what its metadata says, its recipe's, and at last that of the macro. `catalogue`
    is what was seen last.
    """
    settings = settings_of(model)
    found = {"containerImage": _image(model, settings, macros, catalogue)}
    if settings is not None:
        found["recipeRef"] = settings.recipe
    shown: dict[str, Any] = {key: value for key, value in found.items() if value}
    if settings is None:
        return shown
    return shown | {"mode": settings.mode.value, "tensorParallel": settings.tensor_parallel}


def settings_of(model: ModelConfig) -> RecipeSettings | None:
    """Which recipe a model uses and how, be it written in its metadata or in an older entry's command line."""
    if model.recipe is not None and model.recipe.recipe:
        return model.recipe
    command = shlex.join(getattr(model.options, "cmd", ()))
    read = read_models({model.id: {"cmd": command, "metadata": model.metadata}}, {})
    return read[model.id].settings if model.id in read else None


def _image(
    model: ModelConfig, settings: RecipeSettings | None, macros: Mapping[str, Any], catalogue: RecipeCatalogue
) -> str:
    if settings is not None and settings.container_image:
        return settings.container_image
    own = next((model.metadata[key] for key in _OWN_KEYS if isinstance(model.metadata.get(key), str)), "")
    if own or settings is None:
        return str(own)
    return _of_the_recipe(settings, catalogue) or str(macros.get(CONTAINER_MACRO) or "")


def _of_the_recipe(settings: RecipeSettings, catalogue: RecipeCatalogue) -> str:
    try:
        recipe = catalogue.find(settings.recipe, backend_dir=settings.backend_dir).recipe
    except ClientError:
        return ""
    return recipe.container if recipe is not None else ""
