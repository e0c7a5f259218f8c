"""Recipe files: read, check, create, save, delete, and what one would run. A backend's checkout is never written to.

A recipe of a backend's own is changed by a copy in the user's folder, which takes its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import define, evolve, frozen

from swaplab_core.adapters.recipe_folders import RecipeFile, revision_of
from swaplab_core.domain.backend import RECIPES
from swaplab_core.domain.errors import (
    ConfigError,
    Conflict,
    InvalidRequest,
    NotThere,
    PluginFailed,
    StartFailed,
    SwaplabError,
)
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, RecipeLaunch
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import Command
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.recipe import Mode, RecipeReading, RecipeSettings
from swaplab_core.domain.text import unified
from swaplab_core.plugin.hooks import guarded
from swaplab_core.plugin.lab import Output
from swaplab_core.plugin.recipe_template import BadTemplate, render
from swaplab_core.services.recipes.catalogue import Entry, RecipeCatalogue
from swaplab_core.services.recipes.world import RecipeWorld

_GIT_DIFF = ("-c", "core.fsmonitor=false", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD", "--")
"""Nothing that the checkout's own settings name is run."""


@frozen
class Preview:
    """What a recipe would run: the launch, and the command as its runner renders it ("" when it cannot be told).

    `doubts` are what may keep it from running, though it can be planned.
    """

    spec: LaunchSpec
    rendered: str
    doubts: tuple[str, ...] = ()


@define(eq=False)
class Recipes:
    """The use cases.

    `local_addresses` are this machine's, `nodes` the enrolled machines, `runs` a folder of ours, `run` runs git.
    """

    world: RecipeWorld
    find_program: Callable[[str], str | None]
    nodes: Callable[[], tuple[Node, ...]]
    local_addresses: Callable[[], frozenset[str]]
    runs: Path
    run: Callable[[Command], Awaitable[Output]]

    # files

    async def get(self, reference: str) -> Entry:
        """One recipe; the first of the catalogue when the reference is empty. Raises NotThere."""
        catalogue = await self.world.look()
        if reference.strip():
            return catalogue.find(reference)
        if not catalogue.entries:
            raise NotThere("there are no recipes", advice="add a backend folder, or create a recipe")
        return min(catalogue.entries, key=lambda entry: (entry.id.stem, str(entry.id)))

    async def check(self, text: str, path: PurePosixPath, like: str = "") -> tuple[str, RecipeReading]:
        """What is wrong with a text; `like` is the recipe that it would replace. Answers its format, too."""
        catalogue = await self.world.look()
        preferred = () if not like else (catalogue.find(like).format,)
        file = RecipeFile(path, Path(path), text, "", 0.0)
        return await asyncio.to_thread(self.world.read, file, preferred)

    async def save(self, reference: str, text: str, revision: str | None) -> Entry:
        """Save a recipe; a backend's own becomes one of the user's. Raises Conflict, ConfigError and NotThere."""
        entry = await self.get(reference)
        await self._refuse_broken(text, entry.id.path, str(entry.id))
        if revision is not None and revision != entry.file.revision:
            raise Conflict(f"{entry.ref} was changed by somebody else meanwhile", advice="load it again, then save")
        if entry.is_users:
            await asyncio.to_thread(
                partial(self.world.files.write, entry.file.path, text, based_on=entry.file.revision)
            )
            return await self.get(str(entry.file.path))
        file = saved_as(entry, text, (await self.world.look()).primary)
        await asyncio.to_thread(partial(self.world.files.write, file.path, file.text or "", based_on=""))
        return await self.get(str(file.path))

    async def create(self, reference: str, text: str, *, overwrite: bool) -> Entry:
        """Write a new recipe into the user's folder. Raises InvalidRequest and ConfigError."""
        relative = relative_path(reference)
        catalogue = await self.world.look()
        target = catalogue.primary / relative
        await self._refuse_broken(text, relative, "")
        if not overwrite and await asyncio.to_thread(target.exists):
            raise InvalidRequest(f"recipe already exists: {relative}", advice="choose another name, or overwrite it")
        await asyncio.to_thread(partial(self.world.files.write, target, text, based_on=None))
        return await self.get(str(target))

    async def delete(self, entry: Entry) -> None:
        """Delete a recipe of the user's. Raises Conflict for a backend's own."""
        if not entry.is_users:
            raise Conflict(
                f"{entry.id} belongs to its backend's folder, which is not written to",
                advice="delete the models that use it, or remove the file yourself",
            )
        await asyncio.to_thread(self.world.files.delete, entry.file.path)

    async def _refuse_broken(self, text: str, path: PurePosixPath, like: str) -> None:
        _, reading = await self.check(text, path, like)
        errors = [problem for problem in reading.problems if problem.severity is Severity.ERROR]
        if reading.recipe is None or errors:
            raise ConfigError(errors or [Problem("it cannot be read", file=path.name)])

    def original(self, catalogue: RecipeCatalogue, entry: Entry) -> Entry | None:
        """The backend's own recipe whose place this one takes."""
        return next((other for other in catalogue.entries if str(other.file.path) == entry.hides), None)

    def difference(self, catalogue: RecipeCatalogue, entry: Entry) -> str:
        """What the user's recipe changes of the backend's own, as a unified diff; "" for any other."""
        original = self.original(catalogue, entry)
        if original is None or original.file.text is None or entry.file.text is None:
            return ""
        names = (f"{RECIPES}/{original.id.path}", str(entry.id.path))
        return unified(original.file.text, entry.file.text, *names)

    async def since_commit(self, entry: Entry) -> str:
        """What a recipe changes of the last commit of its checkout, as a unified diff. Raises Conflict without one."""
        folder, name = entry.file.path.parent, entry.file.path.name
        command = Command(("git", "-C", str(folder), *_GIT_DIFF, name))
        output = await self.run(command)
        if output.exit_code != 0:
            said = output.stderr.decode(errors="replace").strip().split("\n")[0][:200]
            raise Conflict(f"{folder} cannot be compared with a commit: {said}", advice="it may be no git checkout")
        return output.stdout.decode(errors="replace")

    # launches

    async def launch_of(self, model: ModelId, settings: RecipeSettings) -> RecipeLaunch:
        """What a driver needs to launch a model: its recipe as it is now. Raises StartFailed."""
        catalogue = await self.world.look()
        try:
            entry = catalogue.find(settings.recipe, backend_dir=settings.backend_dir)
        except SwaplabError as error:
            raise StartFailed(f"{model}: {error.message}", advice=error.advice) from None
        if entry.recipe is None or entry.errors:
            problem = next(iter(entry.errors), "it cannot be read")
            raise StartFailed(f"{model}: its recipe {entry.id} cannot be used: {problem}", advice="mend the recipe")
        return self._launch(model, entry, settings)

    def _launch(self, model: str, entry: Entry, settings: RecipeSettings) -> RecipeLaunch:
        assert entry.recipe is not None
        here = self.world.here()
        home = PurePosixPath(here.home)
        hf_home = here.environment.get("HF_HOME") or home / ".cache" / "huggingface"
        return RecipeLaunch(
            recipe=entry.recipe,
            settings=settings,
            folder=entry.folder,
            file=PurePosixPath(entry.file.path.absolute()),
            relative=None if entry.is_users else entry.id.path,
            home=home,
            hf_home=PurePosixPath(hf_home),
            runs=PurePosixPath(self.runs) / revision_of(model),
            nodes=tuple(self._node(name) for name in settings.nodes),
        )

    def _node(self, name: str) -> Node:
        """The machine that a person means by an id or an address; this one is itself, however it is enrolled."""
        local = self.local_addresses()
        if name in local:
            return Node(LOCAL, name, "local", name)
        known = next((node for node in self.nodes() if node.is_called(name) and node.id != LOCAL), None)
        if known is None:
            return Node(NodeId(name), name, "", name)
        is_here = not local.isdisjoint((known.address, *known.addresses))
        return evolve(known, id=LOCAL, executor="local") if is_here else known

    async def preview(self, entry: Entry, settings: RecipeSettings, options: Any, *, model: str, port: int) -> Preview:
        """What would run, without running anything. Raises PluginFailed and InvalidRequest."""
        if entry.recipe is None or not entry.driver:
            raise InvalidRequest(f"{entry.id} cannot be run", advice="mend its problems first")
        driver = self.world.drivers[entry.driver]
        launch = self._launch(model, entry, settings)
        machine = launch.machine
        host, node = (machine.address, machine.id) if machine is not None else ("127.0.0.1", LOCAL)
        find_program = self.find_program if machine is None else str
        request = LaunchRequest(ModelId(model), options, host, port, find_program, node, launch)
        spec = await asyncio.to_thread(guarded, partial(driver.launch, request))
        if isinstance(spec, SwaplabError):
            raise spec
        if isinstance(spec, Exception):
            raise PluginFailed(f"the backend {entry.driver!r} failed to plan {entry.id}: {spec!r}")
        return Preview(spec, rendered(entry, settings, port), self._doubts(launch))

    def _doubts(self, launch: RecipeLaunch) -> tuple[str, ...]:
        """Machines that nobody has enrolled: a model cannot be put on one, a runner takes it for a host name."""
        strangers = ", ".join(node.title for node in launch.nodes if not node.executor)
        enrolled = ", ".join(node.id for node in self.nodes() if node.id != LOCAL)
        if not strangers or (launch.settings.mode is Mode.CLUSTER and not enrolled):
            return ()
        fate = "it is taken for a host name" if launch.settings.mode is Mode.CLUSTER else "it will not start there"
        return (f"{strangers} is no enrolled machine: {fate} (enrolled: {enrolled or 'none but this one'})",)


def rendered(entry: Entry, settings: RecipeSettings, port: int) -> str:
    """Return the command as the runner renders it, for people."""
    recipe = entry.recipe
    assert recipe is not None
    values: Mapping[str, Any] = {
        "model": recipe.model,
        **recipe.defaults,
        "port": port,
        "tensor_parallel": settings.tensor_parallel,
    }
    try:
        return render(recipe.command, values, keep_unknown=True)
    except BadTemplate:
        return ""


def relative_path(reference: str) -> PurePosixPath:
    """Return where a new recipe goes below the user's folder. Raises InvalidRequest for any way out of it."""
    path = PurePosixPath(reference.strip())
    if not reference.strip() or path.is_absolute() or ".." in path.parts or "\\" in reference or "\0" in reference:
        raise InvalidRequest("recipeRef must be a relative path without ..", advice="write team/name")
    if any(part.startswith((".", "-")) or not part.isprintable() for part in path.parts):
        raise InvalidRequest("no part of recipeRef may begin with a dot or a dash", advice="write team/name")
    return path if path.suffix.lower() in {".yaml", ".yml", ".ini"} else path.with_name(f"{path.name}.yaml")


def saved_as(entry: Entry, text: str, primary: Path) -> RecipeFile:
    """Return the file that a recipe becomes when this text is saved: a backend's own is copied to the user's folder."""
    if entry.is_users:
        return RecipeFile(entry.file.relative, entry.file.path, text, "", entry.file.updated_at)
    return RecipeFile(entry.id.path, primary / entry.id.path, naming_its_backend(text, entry), "", 0.0)


def naming_its_backend(text: str, entry: Entry) -> str:
    """Return the text with the key that says whose recipe it is, which a copy outside of the backend's folder needs."""
    if entry.file.relative.suffix.lower() == ".ini" or (entry.recipe is not None and entry.recipe.backend):
        return text
    if any(line.startswith("backend:") for line in text.splitlines()):
        return text
    return f"backend: {entry.id.backend}\n{text}"
