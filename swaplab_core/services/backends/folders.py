"""Backend folders: which there are, which is active, which image each uses, and what can be done with them."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from attrs import define, evolve, field, frozen

from swaplab_core.adapters.files import replace_text
from swaplab_core.adapters.recipe_folders import IMAGE_FILE
from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.backend import BackendState, ImageChoice
from swaplab_core.domain.errors import Conflict, FileFailed, InvalidRequest, NodeError, NotThere, SwaplabError
from swaplab_core.domain.image import KnownImages, is_image, with_tag
from swaplab_core.domain.plan import Command, Plan, Step, Work
from swaplab_core.plugin.abilities import HasImages, OffersActions
from swaplab_core.plugin.forms import read_form
from swaplab_core.plugin.lab import LabView
from swaplab_core.services.backends.hooked_actions import HookedActions
from swaplab_core.services.recipes.catalogue import RecipeCatalogue
from swaplab_core.services.recipes.paths import BACKEND_DIR, default_backend, override_file
from swaplab_core.services.recipes.world import RecipeWorld

IMAGES_SECONDS = 5.0
LISTING_AGE_SECONDS = 60.0


@frozen
class Active:
    """The active backend: its folder, and who says so: `override`, `env` or `default`."""

    folder: Path
    source: str


@frozen
class BackendAction:
    """An action as one folder has it, and who plans it."""

    spec: ActionSpec
    planner: OffersActions


@define(eq=False)
class Backends:
    """`common` offers actions for folders of every backend; `choices` is a file with the chosen images.

    `known` answers what plugins know of images.
    """

    world: RecipeWorld
    view: LabView
    choices: Path
    common: Sequence[OffersActions] = ()
    known: Callable[[], Sequence[KnownImages]] = lambda: ()
    last: RecipeCatalogue = field(factory=RecipeCatalogue, init=False)
    _images: tuple[float, tuple[str, ...], str] = field(default=(0.0, (), ""), init=False)

    # which there are

    async def look(self) -> RecipeCatalogue:
        """Look at everything, images included; `last` keeps it for those who must answer from memory."""
        catalogue, local, chosen = await asyncio.gather(
            self.world.look(), self.local_images(), asyncio.to_thread(self._chosen)
        )
        tags = {name: tags for known in self.known() for name, tags in known.tags.items()}
        states = tuple(
            evolve(state, local_images=local, chosen_image=_chosen_image(state, chosen), remote_tags=tags)
            for state in catalogue.backends
        )
        self.last = evolve(catalogue, backends=states)
        return self.last

    async def active(self) -> Active:
        """Which folder is active: the persisted choice, the environment's, the default."""
        return await asyncio.to_thread(self._active)

    def _active(self) -> Active:
        here = self.world.here()
        chosen = _read_line(override_file(here))
        if chosen:
            return Active(here.path(chosen), "override")
        named = here.variable(BACKEND_DIR)
        return Active(named, "env") if named is not None else Active(default_backend(here), "default")

    def named(self) -> Sequence[Path]:
        """The folder that the operator has named, if any: it counts as a backend wherever it lies. Blocks."""
        active = self._active()
        return [active.folder]

    async def activate(self, written: str) -> Active:
        """Choose the active backend, "" for none, and keep the choice. Raises InvalidRequest and FileFailed."""
        here = self.world.here()
        folder = here.path(written.strip()) if written.strip() else None
        if folder is not None:
            await asyncio.to_thread(self._check, folder)
        await asyncio.to_thread(_keep_line, override_file(here), "" if folder is None else str(folder))
        return await self.active()

    def _check(self, folder: Path) -> None:
        facts = self.world.files.look(folder)
        if facts is None:
            raise InvalidRequest(f"{folder} is not a folder", advice="name the folder of a backend")
        if not facts.is_valid:
            missing = " and ".join(facts.missing)
            raise InvalidRequest(f"{folder} is no backend folder: it lacks {missing}", advice="name another one")

    async def active_state(self) -> tuple[Active, BackendState | None, RecipeCatalogue]:
        """The active backend as it is now; None when its folder is none."""
        active, catalogue = await self.active(), await self.look()
        state = await asyncio.to_thread(_state_of, active.folder, catalogue)
        return active, state, catalogue

    # images

    async def local_images(self) -> tuple[str, ...]:
        """The images of this machine's container engine, asked at most once a minute; none when there is no engine."""
        listed = [known.local for known in self.known() if known.local is not None]
        if listed:
            self._images = (0.0, (), "")
            return tuple(dict.fromkeys(image for images in listed for image in images))
        now = asyncio.get_running_loop().time()
        if not self._images[0] or now - self._images[0] > LISTING_AGE_SECONDS:
            found, error = await self._list_images()
            self._images = (now, found, error)
        return self._images[1]

    @property
    def images_error(self) -> str:
        """Why the images could not be listed, "" when they could."""
        return self._images[2]

    def forget_images(self) -> None:
        """Ask again next time: something was pulled, built or deleted."""
        self._images = (0.0, (), "")

    async def _list_images(self) -> tuple[tuple[str, ...], str]:
        command = Command(("docker", "images", "--no-trunc", "--format", "{{json .}}"))
        try:
            output = await self.view.run(command, timeout_seconds=IMAGES_SECONDS)
        except NodeError as error:
            return (), str(error)
        if output.exit_code != 0:
            return (), output.stderr.decode(errors="replace").strip()[:300]
        return _image_names(output.stdout.decode(errors="replace")), ""

    def image_choice(self, state: BackendState) -> ImageChoice | None:
        """Which image a backend uses; None for one that has none."""
        driver = self.world.drivers.get(state.driver)
        return driver.images(state) if driver is not None and _has_images(driver) else None

    async def choose_image(self, state: BackendState, image: str) -> None:
        """Keep the choice of an image, "" for none. Raises InvalidRequest and FileFailed."""
        if image and not is_image(image):
            raise InvalidRequest(f"{image!r} is no image reference", advice="write [registry/]name[:tag]")
        await asyncio.to_thread(self._keep_choice, str(state.folder), image)

    def _chosen(self) -> dict[str, str]:
        try:
            read = json.loads(self.choices.read_text())
        except (OSError, ValueError):
            return {}
        return {str(folder): str(image) for folder, image in read.items()} if isinstance(read, dict) else {}

    def _keep_choice(self, folder: str, image: str) -> None:
        chosen = {**self._chosen(), folder: image}
        replace_text(
            self.choices, json.dumps({name: value for name, value in chosen.items() if value}, indent=2) + "\n"
        )

    # actions

    def actions(self, state: BackendState) -> Mapping[str, BackendAction]:
        """What can be done with a folder, by id: what every folder has, then what its driver offers."""
        driver = self.world.drivers.get(state.driver)
        planners = [*self.common, *([driver] if driver is not None and _offers_actions(driver) else [])]
        return {spec.id: BackendAction(spec, planner) for planner in planners for spec in planner.actions(state)}

    def plan(self, action: str, form: Any, state: BackendState) -> Plan:
        """What an action would do. Raises NotThere, Conflict and what the planner raises."""
        offered = self.actions(state)
        if action not in offered:
            raise NotThere(f"unsupported action {action!r} for {state.id}", advice=f"offered: {', '.join(offered)}")
        found = offered[action]
        if found.spec.unavailable:
            raise Conflict(f"{found.spec.title} cannot be done: {found.spec.unavailable}")
        plan = found.planner.plan(action, form, state)
        return evolve(plan, steps=(*plan.steps, self._after(action, form, state)))

    def hint(self, found: BackendAction, state: BackendState) -> str:
        """The command that an action runs when nothing is filled in; "" when that says nothing yet."""
        if isinstance(found.planner, HookedActions) or found.spec.unavailable:
            return ""
        form, problems = read_form(found.spec.form, {})
        try:
            plan = None if problems else found.planner.plan(found.spec.id, form, state)
        except SwaplabError:
            plan = None
        commands = [step.command.argv for step in plan.steps if step.command is not None] if plan is not None else []
        return " && ".join(map(shlex.join, commands))

    def _after(self, action: str, form: Any, state: BackendState) -> Step:
        """What is left to do when the steps have succeeded: remember the image, and that images have changed."""
        driver = self.world.drivers.get(state.driver)
        image = str(getattr(form, "image", "") or "")
        remembers = bool(image) and driver is not None and _has_images(driver) and action in driver.chooses

        async def work(work: Work) -> Mapping[str, Any] | None:
            self.forget_images()
            if not remembers:
                return None
            await self.choose_image(state, image)
            work.log(f"{image} is the chosen image of {state.id}")
            return {"image": image}

        title = f"remember {image}" if remembers else "look at the images again"
        return Step(title, work=work, timeout_seconds=30.0, optional=True)


def _state_of(folder: Path, catalogue: RecipeCatalogue) -> BackendState | None:
    wanted = folder.resolve()
    return next((state for state in catalogue.backends if Path(state.folder).resolve() == wanted), None)


def _has_images(driver: object) -> TypeGuard[HasImages]:
    return isinstance(driver, HasImages)


def _offers_actions(driver: object) -> TypeGuard[OffersActions]:
    return isinstance(driver, OffersActions)


def _image_names(output: str) -> tuple[str, ...]:
    names: list[str] = []
    for line in output.splitlines():
        try:
            image = json.loads(line)
            names.append(f"{image['Repository']}:{image['Tag']}")
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(name for name in names if "<none>" not in name)


def _chosen_image(state: BackendState, chosen: Mapping[str, str]) -> str:
    """The choice that is kept, else the one that an older control plane left in the folder."""
    if kept := chosen.get(str(state.folder)):
        return with_tag(kept)
    files = (text for name, text in state.facts.texts.items() if IMAGE_FILE.fullmatch(name))
    return next((with_tag(text.strip()) for text in files if is_image(text.strip())), "")


def _read_line(path: Path) -> str:
    try:
        return re.split(r"[\r\n]", path.read_text().strip())[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _keep_line(path: Path, line: str) -> None:
    """Write a file of one line, for its owner alone; an empty line removes it."""
    try:
        if not line:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise FileFailed(message, advice="check its permissions") from None
    replace_text(path, f"{line}\n")
