"""Looks at the recipes and backend folders of this machine: a catalogue, whenever somebody asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import define, evolve, field

from swaplab_core.adapters.recipe_folders import RecipeFile, RecipeFolders
from swaplab_core.domain.backend import RECIPES, BackendState
from swaplab_core.domain.recipe import BackendId, RecipeReading
from swaplab_core.plugin.interface import Backend
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.services.recipes.catalogue import Folder, RecipeCatalogue, build, read_recipe, recognise, runtimes_of
from swaplab_core.services.recipes.paths import Surroundings, backend_folders, user_folders

_VARIABLES = "LLAMA_SWAP_"
_REMEMBERED = 5_000


@define(eq=False)
class RecipeWorld:
    """`more` names backend folders beside those that are found: the active one."""

    drivers: Mapping[str, Backend]
    parsers: Mapping[str, RecipeParser]
    here: Callable[[], Surroundings]
    more: Callable[[], Sequence[Path]] = lambda: ()
    files: RecipeFolders = field(factory=RecipeFolders)
    _readings: dict[tuple[Path, str, tuple[str, ...]], tuple[str, RecipeReading]] = field(factory=dict, init=False)

    async def look(self) -> RecipeCatalogue:
        """Look at everything, off the event loop; what has not changed is not read again."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> RecipeCatalogue:
        here = self.here()
        states = self._backends(here)
        own = [folder for folder in user_folders(here) if folder.is_dir()]
        folders = [Folder(folder, None, tuple(self._scan(folder))) for folder in own]
        folders += [Folder(Path(s.folder) / RECIPES, s, tuple(self._scan(Path(s.folder) / RECIPES))) for s in states]
        catalogue = build(folders, self.drivers, self.read)
        return evolve(catalogue, primary=own[0] if own else user_folders(here)[0])

    def read(self, file: RecipeFile, preferred: Sequence[str]) -> tuple[str, RecipeReading]:
        """Read a recipe, or remember what came of it."""
        if file.text is None:
            return read_recipe(file, preferred, self.parsers)
        key = (file.path, file.revision, tuple(preferred))
        if key not in self._readings:
            if len(self._readings) >= _REMEMBERED:
                self._readings.clear()
            self._readings[key] = read_recipe(file, preferred, self.parsers)
        return self._readings[key]

    def _scan(self, root: Path) -> list[RecipeFile]:
        return self.files.scan(
            root, frozenset(suffix for parser in self.parsers.values() for suffix in parser.suffixes)
        )

    def _backends(self, here: Surroundings) -> list[BackendState]:
        """Every valid backend folder once, each with an id of its own."""
        states: list[BackendState] = []
        taken: set[str] = set()
        for folder in self._candidates(here):
            facts = self.files.look(folder)
            if facts is None or not facts.is_valid:
                continue
            facts = evolve(facts, runtimes=runtimes_of(self._scan(folder / RECIPES), self.read))
            id_ = BackendId(str(folder) if facts.name in taken else facts.name)
            taken.add(facts.name)
            variables = {name: value for name, value in here.environment.items() if name.startswith(_VARIABLES)}
            states.append(BackendState(id_, facts, recognise(facts, self.drivers), environment=variables))
        return states

    def _candidates(self, here: Surroundings) -> list[Path]:
        roots = backend_folders(here)
        found = [*self.more(), *roots, *(child for root in roots for child in self.files.children(root))]
        return list({folder.resolve(): folder for folder in reversed(found)}.values())[::-1]
