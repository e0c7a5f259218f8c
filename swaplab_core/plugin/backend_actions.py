"""What actions on backend folders have in common: their place, their lock, steps that several backends need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from attrs import frozen

from swaplab_core.domain.action import ActionSpec, Confirm, NoInput
from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import InvalidRequest, PluginFailed
from swaplab_core.domain.image import is_image
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.plan import Command, Plan, Step
from swaplab_core.plugin.forms import form_field

SLOT, TARGET = "backend.actions", "backend"
BUILD_SECONDS, PULL_SECONDS, DOWNLOAD_SECONDS, GIT_SECONDS = 8 * 3600.0, 3600.0, 12 * 3600.0, 120.0
BUILDER = "build-and-copy.sh"

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*")
_LAYER = re.compile(r"^(?P<layer>[0-9a-f]{12}): (?P<state>Pull complete|Already exists|\w[\w ]*)")
_BUILD_STEP = re.compile(r"(?:^#\d+ \[[^\]]*?|Step )(?P<n>\d+)/(?P<total>\d+)")


@frozen
class ImageForm:
    """Which image; left empty, the chosen one."""

    image: str = form_field("Image", "", help="a reference; empty: the chosen image of the backend")


@frozen
class CopyForm:
    """Whether the result goes to the other nodes."""

    copy_to_nodes: bool = form_field(
        "Copy to the other nodes", True, help="as the folder's .env names them", key="copy"
    )


def action(
    id: str,  # noqa: A002 - the word of the value
    title: str,
    form: type[Any] = NoInput,
    *,
    description: str = "",
    icon: str = "",
    unavailable: str = "",
    order: int = 100,
    confirm: Confirm = Confirm.NONE,
) -> ActionSpec:
    """Make an action of backend folders."""
    return ActionSpec(
        id, title, form, description, icon, (SLOT,), TARGET, confirm=confirm, unavailable=unavailable, order=order
    )


def lock(state: BackendState) -> str:
    """Name what two jobs on one folder must not do at once."""
    return f"backend:{state.folder}"


def plan(state: BackendState, *steps: Step, warnings: Iterable[str] = ()) -> Plan:
    """Make a plan that works on the folder alone."""
    return Plan(steps, frozenset({lock(state)}), tuple(warnings))


def run_in(state: BackendState, title: str, argv: tuple[str, ...], seconds: float, **more: Any) -> Step:
    """Make a step that runs a program in the folder; it cannot ask anything."""
    env = more.pop("env", {})
    return Step(title, Command(argv, state.folder, env), timeout_seconds=seconds, **more)


def pull(image: str) -> Step:
    """Make the step that pulls an image. Raises InvalidRequest."""
    check_image(image)
    layers: dict[str, bool] = {}

    def progress(line: str) -> Progress | None:
        found = _LAYER.match(line)
        if found is None:
            return None
        layers[found["layer"]] = found["state"] in {"Pull complete", "Already exists"}
        return Progress("layers", sum(layers.values()) / len(layers))

    command = Command(("docker", "pull", image))
    return Step(f"pull {image}", command, timeout_seconds=PULL_SECONDS, reads_progress=progress)


def read_build(line: str) -> Progress | None:
    """Read how far an image build is."""
    found = _BUILD_STEP.search(line)
    return Progress("build", min(int(found["n"]) / int(found["total"]), 1.0)) if found and int(found["total"]) else None


def build(state: BackendState, title: str, *words: str, **more: Any) -> Step:
    """Make the step that runs the folder's build script."""
    argv = (f"./{BUILDER}", *words)
    return run_in(state, title, argv, BUILD_SECONDS, reads_progress=read_build, **more)


def lacks(state: BackendState, *scripts: str) -> str:
    """Return why something that needs these scripts cannot be done, "" when it can."""
    missing = [name for name in scripts if name not in state.facts.files]
    if missing:
        return f"{missing[0]} is not in {state.folder}"
    closed = [name for name in scripts if name not in state.facts.executables]
    return f"{closed[0]} in {state.folder} may not be run: chmod +x it" if closed else ""


def check_image(image: str) -> str:
    """Return an image reference. Raises InvalidRequest when it is none."""
    if not is_image(image):
        raise InvalidRequest(f"{image!r} is no image reference", advice="write [registry/]name[:tag]")
    return image


def check_word(text: str, what: str) -> str:
    """Return a word that cannot pass for an option. Raises InvalidRequest."""
    if not _WORD.fullmatch(text):
        raise InvalidRequest(f"{text!r} is no {what}", advice="use letters, digits and . _ / : @ + -, no blanks")
    return text


def unknown(action_id: str, backend: str) -> PluginFailed:
    """Make the error for an action that nobody offers."""
    return PluginFailed(f"{backend} has no action {action_id!r}", advice="see GET /api/actions")


def script(folder: PurePosixPath, name: str) -> str:
    """Return the path of a script in a folder."""
    return str(folder / name)
