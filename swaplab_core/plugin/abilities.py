"""What a backend driver may be able to do beyond launching a model: small Protocols that the core asks with isinstance.

A driver that lacks one simply is not asked. All of it is pure: facts in, values out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts, ImageChoice
from swaplab_core.domain.plan import Plan
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeSettings


@runtime_checkable
class RunsRecipes(Protocol):
    """Launches recipes. Its `launch` finds the recipe in the request.

    `parsers` are the formats it understands, the usual one first. `node_macros` name the macros that may hold its
    cluster's nodes, best first.
    """

    parsers: ClassVar[tuple[str, ...]]
    node_macros: ClassVar[tuple[str, ...]]

    def recognise(self, folder: FolderFacts) -> Confidence:
        """Say how sure you are that this folder is one of yours. The most confident driver gets it."""
        ...

    def claims(self, recipe: Recipe) -> Confidence:
        """Say how sure you are that a recipe which names no folder is for your engine."""
        ...

    def check_recipe(self, recipe: Recipe, folder: FolderFacts) -> Sequence[Problem]:
        """Say what this recipe will run into in this folder, beyond what its parser found."""
        ...

    def settle(self, recipe: Recipe, settings: RecipeSettings) -> RecipeSettings:
        """Complete the settings that a person chose: the engine's default image, caches, what it cannot do."""
        ...


@runtime_checkable
class WritesRecipes(Protocol):
    """Writes recipes for weights that are in the model cache.

    `weights` are the formats that it loads, each with a rank: of several backends the one with the least is offered
    first. Whoever `needs_folder` is only asked where one of its backend folders is.
    """

    weights: ClassVar[Mapping[str, int]]
    needs_folder: ClassVar[bool]

    def recipe_for(self, weights: CachedWeights, folder: FolderFacts) -> Recipe:
        """Return a modest recipe that runs on one machine; `folder` is not valid where there is none."""
        ...


@runtime_checkable
class Described(Protocol):
    """Says what older clients want to know of a folder."""

    def kind(self, folder: FolderFacts) -> str:
        """Return the word for its kind in the API."""
        ...

    def vendor(self, folder: FolderFacts) -> str:
        """Return who makes the engine, "" when nobody asks."""
        ...


@runtime_checkable
class OffersActions(Protocol):
    """Has operations on its folders, each with a form, a guard and a plan."""

    def actions(self, state: BackendState) -> Sequence[ActionSpec]:
        """Say what can be done; what cannot be done now says why in `unavailable`. Ids are unique within the driver."""
        ...

    def plan(self, action: str, form: Any, state: BackendState) -> Plan:
        """Say what an action would do; `form` is an instance of its form class. Raises PluginFailed with advice."""
        ...


@runtime_checkable
class HasImages(Protocol):
    """Runs in containers, from images that a person may choose.

    `chooses` are its actions whose `image` becomes the chosen one when they succeed.
    """

    chooses: ClassVar[frozenset[str]]

    def images(self, state: BackendState) -> ImageChoice:
        """Say which image is chosen, and which others there are."""
        ...


@runtime_checkable
class Sleeps(Protocol):
    """Can put its engine to sleep instead of stopping it; `LaunchSpec.sleep` says how."""

    def may_sleep(self, options: Any) -> bool:
        """Has the operator asked for it in this model's entry?"""
        ...


@runtime_checkable
class NeedsOptions(Protocol):
    """Knows which options an entry without a recipe cannot do without."""

    def needed(self, options: Any) -> tuple[str, ...]:
        """Return the keys, as they stand in the file, that this entry lacks."""
        ...


@runtime_checkable
class RefusesFields(Protocol):
    """Its engine answers 400 to fields of requests that others ignore; the core strips them."""

    refused_fields: ClassVar[tuple[str, ...]]
