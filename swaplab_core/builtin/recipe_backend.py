"""The backend of recipe folders that no other driver knows: whatever their `run-recipe.sh` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import frozen

from swaplab_core.domain.backend import Confidence, FolderFacts
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, RecipeLaunch
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.domain.recipe import Recipe
from swaplab_core.plugin.progress import mark, read_marks
from swaplab_core.plugin.recipe_runner import RecipeBackend, run_recipe
from swaplab_core.plugin.usage import read_usage

_MARKS = (
    mark("loading", r"(?i)\bload\w*\b[^%]*?(?P<pct>\d{1,3})\s?%"),
    mark("ready", r"Application startup complete\.|Uvicorn running on|server is listening on", 1.0),
)


@frozen
class CustomOptions:
    """A model of this backend is described by its recipe alone."""


class CustomBackend(RecipeBackend):
    """Runs recipes with a runner that nobody knows better."""

    name: ClassVar[str] = "custom"
    title: ClassVar[str] = "Custom recipes"
    options: ClassVar[type] = CustomOptions

    def recognise(self, folder: FolderFacts) -> Confidence:
        """Take every valid folder that nobody else wants."""
        return Confidence.GUESS if folder.is_valid else Confidence.NO

    def claims(self, recipe: Recipe) -> Confidence:  # noqa: ARG002 - it knows no engine
        """Claim nothing: a recipe must name such a folder."""
        return Confidence.NO

    def launch_recipe(self, request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
        """Give the runner its recipe and what its text knows of flags."""
        return run_recipe(request, launch, backend=self.name, readying=self.readying)

    def progress(self, line: str) -> Progress | None:
        """Read percentages and the usual last words."""
        return read_marks(line, _MARKS)

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read what the common engines write."""
        return read_usage(message)
