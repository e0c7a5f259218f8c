"""A format of recipes: TOML files with `engine = "echo"`. Text in, values out; no file is opened here."""

from __future__ import annotations

import json
import tomllib
from pathlib import PurePosixPath
from typing import ClassVar

from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import Recipe, RecipeReading
from swaplab_core.plugin.recipe_parser import RecipeParser

TEMPLATE = """\
engine = "echo"
name = "New recipe"
model = "parrot"
command = "swaplab-sim --port {port}"
"""
KEYS = ("name", "description", "model", "container", "command")


class EchoRecipes(RecipeParser):
    """Reads and writes `*.toml`."""

    name: ClassVar[str] = "echo-toml"
    title: ClassVar[str] = "Echo recipe (TOML)"
    suffixes: ClassVar[tuple[str, ...]] = (".toml",)

    def recognise(self, text: str, path: PurePosixPath) -> Confidence:  # noqa: ARG002 - the text says enough
        """Look for the one line that every such recipe has."""
        return Confidence.CERTAIN if 'engine = "echo"' in text else Confidence.NO

    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read it; whatever is wrong becomes a problem that a person is shown."""
        try:
            values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            return RecipeReading(None, (Problem(f"is no TOML: {error}", file=path.name),))
        wrong = [
            Problem("must be a text", f'write {key} = "…"', key, file=path.name)
            for key in KEYS
            if not isinstance(values.get(key, ""), str)
        ]
        if "model" not in values:
            wrong.append(Problem("is missing", 'add model = "…"', "model", file=path.name))
        if wrong:
            return RecipeReading(None, tuple(wrong))
        texts = {"name": path.stem, **{key: values[key] for key in KEYS if key in values}}
        return RecipeReading(Recipe(self.name, runtime="echo", **texts))

    def render(self, recipe: Recipe) -> str:
        """Write the keys that say something; what JSON calls a string is one in TOML as well."""
        said = {"engine": recipe.runtime, **{key: getattr(recipe, key) for key in KEYS}}
        return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items() if value)

    def template(self) -> str:
        """Return what a person begins with."""
        return TEMPLATE
