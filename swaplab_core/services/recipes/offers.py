"""Recipes that backends would write for weights in the model cache: which there are, the likeliest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from attrs import evolve, frozen

from swaplab_core.domain.backend import FolderFacts
from swaplab_core.domain.recipe import BackendId, CachedWeights
from swaplab_core.plugin.abilities import WritesRecipes
from swaplab_core.plugin.interface import Backend
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.services.recipes.catalogue import RecipeCatalogue


@frozen
class RecipeOffer:
    """A recipe that `backend` would run: a backend folder, or the driver itself where none is needed."""

    backend: BackendId
    driver: str
    folder: FolderFacts
    text: str


@frozen
class _Place:
    """A backend folder, or a driver without one, and who writes its recipes."""

    backend: BackendId
    driver: str
    folder: FolderFacts
    writer: WritesRecipes


def offers(
    weights: CachedWeights,
    catalogue: RecipeCatalogue,
    drivers: Mapping[str, Backend],
    parsers: Mapping[str, RecipeParser],
) -> list[RecipeOffer]:
    """Ask every backend that loads such weights; one with a folder stands before one without."""
    found = [place for place in _places(catalogue, drivers) if weights.format in place.writer.weights]
    found.sort(key=lambda place: (not place.folder.is_valid, place.writer.weights[weights.format]))
    return [_offer(weights, place, parsers) for place in found]


def _places(catalogue: RecipeCatalogue, drivers: Mapping[str, Backend]) -> Iterator[_Place]:
    """Each backend folder whose driver writes recipes, then drivers that have none and need none."""
    with_folder = set()
    for state in catalogue.backends:
        driver: object = drivers.get(state.driver)
        if isinstance(driver, WritesRecipes):
            with_folder.add(state.driver)
            yield _Place(state.id, state.driver, state.facts, driver)
    nowhere = FolderFacts(PurePosixPath(catalogue.primary))
    for name in sorted(drivers.keys() - with_folder):
        driver = drivers[name]
        if isinstance(driver, WritesRecipes) and not driver.needs_folder:
            yield _Place(BackendId(name), name, nowhere, driver)


def _offer(weights: CachedWeights, place: _Place, parsers: Mapping[str, RecipeParser]) -> RecipeOffer:
    recipe = place.writer.recipe_for(weights, place.folder)
    recipe = evolve(recipe, backend=str(place.backend) if place.folder.is_valid else "")
    return RecipeOffer(place.backend, place.driver, place.folder, parsers[recipe.format].render(recipe))
