"""`RecipeParser`: the driver base class of recipe formats, in the entry-point group `swaplab.recipe_parsers`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.recipe import Recipe, RecipeReading


class RecipeParser(ABC):
    """Reads and writes one format of recipe files. Pure: text in, values out.

    `suffixes` are those of the files it may be asked about. Of several parsers that recognise a text the most
    confident one reads it; when none does, the first of the backend's own parsers reads it, to say what is wrong.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = (".yaml", ".yml")

    @abstractmethod
    def recognise(self, text: str, path: PurePosixPath) -> Confidence:
        """Say how sure you are that this text is of your format. Never raises, whatever the text."""

    @abstractmethod
    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read a text; `path` is relative to the recipe folder. Never raises: what is wrong is in the problems."""

    @abstractmethod
    def render(self, recipe: Recipe) -> str:
        """Write a recipe in block style, so that `parse` gives the same recipe back."""

    @abstractmethod
    def template(self) -> str:
        """Return the text of a new recipe, for a person to fill in; it has no errors."""

    def schema(self) -> Mapping[str, Any]:
        """Return a JSON Schema by which an editor completes and explains keys; empty where none is known."""
        return {}
