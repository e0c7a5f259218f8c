"""The catalogue: every recipe of every folder, whose it is, and what is wrong with it. Values; no file is read here.

A recipe is identified by its backend and its path below the recipe folder. What cannot be read is listed with its
problem. A recipe of the user's that has the identity of a backend's own takes its place, and both are shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from attrs import evolve, frozen

from swaplab_core.adapters.recipe_folders import RecipeFile
from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts
from swaplab_core.domain.errors import InvalidRequest, NotThere
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.recipe import NOWHERE, BackendId, Recipe, RecipeId, RecipeReading
from swaplab_core.plugin.abilities import RunsRecipes
from swaplab_core.plugin.interface import Backend
from swaplab_core.plugin.recipe_parser import RecipeParser

PREFIX = "spark-"
UNRESOLVED = "backend not resolved; set backend: in recipe yaml"


@frozen
class Folder:
    """A folder with recipes: a backend's own, or (`state` None) one of the user's."""

    root: Path
    state: BackendState | None
    files: tuple[RecipeFile, ...]


@frozen
class Entry:
    """One recipe of the catalogue.

    `driver` is "" when nobody can launch it. `folder` are the facts of the backend's folder, of the user's own folder
    for a recipe that needs none. `hides` and `hidden_by` are files of recipes with the same identity.
    """

    id: RecipeId
    file: RecipeFile
    format: str
    reading: RecipeReading
    driver: str
    folder: FolderFacts
    is_users: bool
    hides: str = ""
    hidden_by: str = ""

    @property
    def recipe(self) -> Recipe | None:
        """What it says, None when it cannot be read."""
        return self.reading.recipe

    @property
    def ref(self) -> str:
        """How it is called: by the name it gives itself, else by its path without the suffix."""
        return (self.recipe.ref if self.recipe else "") or self.id.ref

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.recipe.name if self.recipe else self.id.stem

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep it from running."""
        return tuple(problem for problem in self.reading.problems if problem.severity is Severity.ERROR)


@frozen
class RecipeCatalogue:
    """All recipes, those of the user's first; the backend folders; and where a new recipe of the user's goes."""

    entries: tuple[Entry, ...] = ()
    backends: tuple[BackendState, ...] = ()
    primary: Path = Path()

    def find(self, reference: str, *, backend_dir: PurePosixPath | None = None) -> Entry:
        """Return the recipe that a reference means: identity, then its own name, path, and at last the bare stem.

        Of several, the one in `backend_dir` is meant. Raises NotThere, and InvalidRequest when it stays ambiguous.
        """
        wanted = reference.strip()
        seen = [entry for entry in self.entries if not entry.hidden_by]
        for names in _NAMINGS:
            found = [entry for entry in seen if wanted in names(entry)]
            if len(found) > 1 and backend_dir is not None:
                found = [entry for entry in found if entry.folder.path == backend_dir] or found
            if len(found) > 1:
                choices = ", ".join(str(entry.id) for entry in found)
                raise InvalidRequest(f"recipeRef {wanted!r} means several recipes", advice=f"write one of: {choices}")
            if found:
                return found[0]
        known = [name for entry in seen for name in (entry.ref, entry.id.stem)]
        guess = difflib.get_close_matches(wanted, known, n=1)
        advice = f"did you mean {guess[0]!r}?" if guess else "see GET /api/recipes/state"
        raise NotThere(f"recipeRef not found: {wanted}", advice=advice)

    def backend(self, key: str) -> BackendState:
        """Return the backend of an id or a folder. Raises NotThere."""
        for state in self.backends:
            if key in {state.id, str(state.folder)}:
                return state
        ids = ", ".join(state.id for state in self.backends) or "none"
        raise NotThere(f"there is no backend {key!r}", advice=f"there are: {ids}")


def _without_suffix(path: str) -> str:
    return path.removesuffix(".yaml").removesuffix(".yml").removesuffix(".ini")


_NAMINGS = (
    lambda entry: {str(entry.id)},
    lambda entry: {str(entry.file.path)},
    lambda entry: {entry.ref, _without_suffix(entry.ref)},
    lambda entry: {entry.id.ref, str(entry.id.path)},
    lambda entry: {entry.id.stem, entry.id.path.name},
    lambda entry: {entry.id.stem.lower()},
)
"""What a recipe may be called, from the most exact to the least."""


Reader = Callable[[RecipeFile, Sequence[str]], tuple[str, RecipeReading]]
"""Reads a file with the parser that knows it best, of equal ones the earliest named; answers its format, too."""


def build(folders: Sequence[Folder], drivers: Mapping[str, Backend], read: Reader) -> RecipeCatalogue:
    """Read everything and decide whose it is."""
    states = [folder.state for folder in folders if folder.state is not None]
    entries: list[Entry] = []
    for folder in folders:
        make = _of_a_backend if folder.state is not None else users_entry
        entries += [make(folder, file, states, drivers, read) for file in folder.files]
    entries.sort(key=lambda entry: not entry.is_users)
    shown = _shadowed(entries)
    with_recipes = tuple(_with_recipes(state, shown) for state in states)
    return RecipeCatalogue(tuple(shown), with_recipes)


def recipe_driver(drivers: Mapping[str, Backend], name: str) -> RunsRecipes | None:
    """Return the driver of that name, if it is there and runs recipes."""
    driver = drivers.get(name)
    if driver is None:
        return None
    return driver if isinstance(driver, RunsRecipes) else None


def recognise(facts: FolderFacts, drivers: Mapping[str, Backend]) -> str:
    """Return the driver of a folder: the most confident one, "" when nobody knows it."""
    sure = {name: driver.recognise(facts) for name, driver in drivers.items() if isinstance(driver, RunsRecipes)}
    best = max(sure.values(), default=Confidence.NO)
    return next((name for name in sorted(sure) if sure[name] == best), "") if best > Confidence.NO else ""


def read_recipe(
    file: RecipeFile, preferred: Sequence[str], parsers: Mapping[str, RecipeParser]
) -> tuple[str, RecipeReading]:
    """Read a file with the parser that knows it best; `preferred` ones first. Answers the format, too."""
    if file.text is None:
        return "", RecipeReading(None, (Problem(file.error, "check the file", file=file.path.name),))
    suffix = file.relative.suffix.lower()
    fitting = [name for name in (*preferred, *parsers) if name in parsers and suffix in parsers[name].suffixes]
    if not fitting:
        return "", RecipeReading(None, (Problem("nothing installed reads this kind of file", file=file.path.name),))
    unique = list(dict.fromkeys(fitting))
    best = max(unique, key=lambda name: (parsers[name].recognise(file.text or "", file.relative), -unique.index(name)))
    return best, parsers[best].parse(file.text, file.relative)


def runtimes_of(files: Iterable[RecipeFile], read: Reader) -> frozenset[str]:
    """Return the words that recipes use for their engine."""
    words: set[str] = set()
    for file in files:
        recipe = read(file, ())[1].recipe
        if recipe is not None and (word := recipe.runtime or recipe.engine):
            words.add(word)
    return frozenset(words)


def _of_a_backend(
    folder: Folder,
    file: RecipeFile,
    _: Sequence[BackendState],
    drivers: Mapping[str, Backend],
    read: Reader,
) -> Entry:
    state = folder.state
    assert state is not None
    format_, reading = read(file, _preferred(recipe_driver(drivers, state.driver)))
    reading = _checked(reading, recipe_driver(drivers, state.driver), state.facts)
    return Entry(RecipeId(state.id, file.relative), file, format_, reading, state.driver, state.facts, is_users=False)


def users_entry(
    folder: Folder,
    file: RecipeFile,
    states: Sequence[BackendState],
    drivers: Mapping[str, Backend],
    read: Reader,
) -> Entry:
    """Return what the catalogue makes of a file in a folder of the user's."""
    format_, reading = read(file, ())
    recipe = reading.recipe
    own = FolderFacts(PurePosixPath(folder.root))
    if recipe is None:
        return Entry(RecipeId(NOWHERE, file.relative), file, format_, reading, "", own, is_users=True)
    state = _backend_of(recipe, states, drivers)
    if state is not None:
        reading = _checked(reading, recipe_driver(drivers, state.driver), state.facts)
        return Entry(
            RecipeId(state.id, file.relative), file, format_, reading, state.driver, state.facts, is_users=True
        )
    driver = "" if recipe.backend else _claimant(recipe, drivers)
    if not driver:
        problem = Problem(f"recipe {file.relative.stem} {UNRESOLVED}", _known(states), "backend", file=file.path.name)
        reading = RecipeReading(recipe, (*reading.problems, problem))
    else:
        reading = _checked(reading, recipe_driver(drivers, driver), own)
    return Entry(RecipeId(BackendId(driver), file.relative), file, format_, reading, driver, own, is_users=True)


def _backend_of(recipe: Recipe, states: Sequence[BackendState], drivers: Mapping[str, Backend]) -> BackendState | None:
    """The folder that a recipe names, else the only one whose engine it asks for. The active one is no fallback."""
    if recipe.backend:
        names = {recipe.backend, f"{PREFIX}{recipe.backend}"}
        return next(
            (state for state in states if state.id in names or str(state.folder) == recipe.backend), None
        ) or next((state for state in states if state.facts.name in names), None)
    driver = _claimant(recipe, drivers)
    fitting = [state for state in states if state.driver == driver] if driver else []
    return fitting[0] if len(fitting) == 1 else None


def _claimant(recipe: Recipe, drivers: Mapping[str, Backend]) -> str:
    """The driver that the recipe's own words ask for."""
    sure = {name: driver.claims(recipe) for name, driver in drivers.items() if isinstance(driver, RunsRecipes)}
    best = max(sure.values(), default=Confidence.NO)
    return next((name for name in sorted(sure) if sure[name] == best), "") if best > Confidence.NO else ""


def _checked(reading: RecipeReading, driver: RunsRecipes | None, facts: FolderFacts) -> RecipeReading:
    if reading.recipe is None or driver is None:
        return reading
    return evolve(reading, problems=(*reading.problems, *driver.check_recipe(reading.recipe, facts)))


def _preferred(driver: RunsRecipes | None) -> tuple[str, ...]:
    return () if driver is None else driver.parsers


def _known(states: Sequence[BackendState]) -> str:
    names = ", ".join(state.id for state in states)
    return f"there are: {names}" if names else "no backend folder was found"


def _shadowed(entries: Sequence[Entry]) -> list[Entry]:
    """Note who takes whose place: of one identity the first counts, and those of the user's come first."""
    first: dict[RecipeId, int] = {}
    shown = list(entries)
    for number, entry in enumerate(entries):
        if entry.id.backend == NOWHERE or entry.id not in first:
            first.setdefault(entry.id, number)
            continue
        winner = first[entry.id]
        shown[winner] = evolve(shown[winner], hides=str(entry.file.path))
        shown[number] = evolve(entry, hidden_by=str(entries[winner].file.path))
    return shown


def _with_recipes(state: BackendState, entries: Sequence[Entry]) -> BackendState:
    mine = (entry.recipe for entry in entries if entry.id.backend == state.id and not entry.hidden_by)
    return evolve(state, recipes=tuple(recipe for recipe in mine if recipe is not None))
