"""Dry runs: what a recipe would run, also one that is not saved yet. Nothing is written and nothing is started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import define, evolve, frozen

from swaplab_core.adapters.recipe_folders import RecipeFile
from swaplab_core.domain.errors import InvalidRequest, SwaplabError
from swaplab_core.domain.recipe import RecipeReading, RecipeSettings
from swaplab_core.domain.recipe_settings import MACRO, split_args, split_nodes
from swaplab_core.plugin.forms import read_form
from swaplab_core.services.recipes.catalogue import Entry, Folder, RecipeCatalogue, users_entry
from swaplab_core.services.recipes.files import Preview, Recipes, saved_as
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.managed_request import ModelRequest

PORT = 8000
MOST_NESTED = 20


@frozen
class Trial:
    """What came of a text: its format and problems, and what it would run; else why that cannot be told."""

    format: str
    reading: RecipeReading
    preview: Preview | None = None
    refusal: str = ""


def expanded(settings: RecipeSettings, macros: Mapping[str, Any], environment: Mapping[str, str]) -> RecipeSettings:
    """Settings as they are when the file is loaded: with what macros stand for. What nobody defines stays."""

    def meant(found: re.Match[str]) -> str:
        name = found[0][2:-1]
        value = environment.get(name[4:]) if name.startswith("env.") else macros.get(name)
        return found[0] if value is None else str(value)

    def text(value: str) -> str:
        for _ in range(MOST_NESTED):
            before, value = value, MACRO.sub(meant, value)
            if before == value:
                break
        return value

    def words(args: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word for arg in args for word in (_split(text(arg)) if MACRO.fullmatch(arg) else (text(arg),)))

    return evolve(
        settings,
        nodes=split_nodes(",".join(map(text, settings.nodes))),
        extra_args=words(settings.extra_args),
        extra_docker_args=words(settings.extra_docker_args),
        container_image=text(settings.container_image),
    )


def _split(text: str) -> tuple[str, ...]:
    try:
        return split_args(text)
    except ValueError:  # the file is refused for it, so it is shown as it is
        return (text,)


@define(eq=False)
class Trials:
    """The use cases."""

    recipes: Recipes
    managed: ManagedModels

    async def of_model(self, reference: str, body: Mapping[str, Any]) -> tuple[RecipeSettings, Preview]:
        """What a recipe would run with the fields of a request for a managed model. Raises as `Recipes.preview`."""
        entry = await self.recipes.get(reference)
        return await self._preview(entry, body)

    async def of_text(self, text: str, path: PurePosixPath, like: str = "") -> Trial:
        """What a text would run in the place of the recipe `like`, or as a new one at `path`."""
        catalogue = await self.recipes.world.look()
        before = catalogue.find(like) if like else None
        format_, reading = await self.recipes.check(text, before.id.path if before else path, like)
        if not reading.is_usable:
            return Trial(format_, reading)
        entry = self._entry(text, path, before, catalogue)
        try:
            _, preview = await self._preview(entry, {})
        except SwaplabError as error:
            return Trial(format_, reading, refusal=str(error))
        return Trial(format_, reading, preview)

    def _entry(self, text: str, path: PurePosixPath, before: Entry | None, catalogue: RecipeCatalogue) -> Entry:
        """The recipe as the catalogue would have it, were the text saved."""
        if before is not None and text == before.file.text:
            return before
        world = self.recipes.world
        primary = catalogue.primary
        new = RecipeFile(path, Path(primary / path), text, "", 0.0)
        file = new if before is None else saved_as(before, text, primary)
        return users_entry(Folder(primary, None, ()), file, catalogue.backends, world.drivers, world.read)

    async def _preview(self, entry: Entry, body: Mapping[str, Any]) -> tuple[RecipeSettings, Preview]:
        if entry.recipe is None or not entry.driver:
            raise InvalidRequest(f"{entry.id} cannot be run", advice="mend its problems first")
        asked = ModelRequest(str(body.get("modelId") or entry.id.stem), body)
        settings = self.managed.settings(asked, entry, self.managed.models().get(asked.model))
        options = self._options(entry, asked)
        shown = expanded(settings, self.managed.edits.macros(), self.recipes.world.here().environment)
        return settings, await self.recipes.preview(entry, shown, options, model=asked.model, port=PORT)

    def _options(self, entry: Entry, asked: ModelRequest) -> Any:
        form = self.recipes.world.drivers[entry.driver].options
        options, problems = read_form(form, asked.options() or {})
        if problems:
            raise InvalidRequest(f"options{problems[0].path}: {problems[0].message}")
        return options
