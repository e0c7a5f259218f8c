"""A recipe written for weights that are in the cache: what is the same for every backend of schema 1. Pure."""

from __future__ import annotations

from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeValue

LONGEST_CONTEXT = 32_768
"""Tokens: what a first try gets of a longer context, for its memory is taken at the start."""


def recipe_for_cached(weights: CachedWeights, image: str, command: str, runtime: str = "") -> Recipe:
    """Return a schema 1 recipe with the usual defaults; `command` may name them, in braces."""
    defaults: dict[str, RecipeValue] = {
        "port": 8000,
        "host": "0.0.0.0",  # noqa: S104 - inside the container
        "tensor_parallel": 1,
        "gpu_memory_utilization": 0.7,
        "max_model_len": min(LONGEST_CONTEXT, weights.context or LONGEST_CONTEXT),
    }
    return Recipe(
        "schema1",
        weights.model,
        model=weights.model,
        runtime=runtime,
        container=image,
        command=command,
        defaults=defaults,
    )
