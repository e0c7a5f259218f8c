"""What is worth knowing of a backend folder before something is started from it: pure, from what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from swaplab_core.domain.backend import RUNNER, BackendState, ImageChoice
from swaplab_core.services.backends.checkouts import Checkout
from swaplab_core.services.recipes.catalogue import Entry, RecipeCatalogue


@frozen
class Note:
    """One finding. `level` is error, warn or info."""

    level: str
    text: str


@frozen
class Seen:
    """What was seen beside the folder: the images it may use, git's word on it, why images could not be listed."""

    choice: ImageChoice | None = None
    checkout: Checkout | None = None
    images_error: str = ""


def notes_of(state: BackendState, catalogue: RecipeCatalogue, seen: Seen) -> tuple[Note, ...]:
    """Say what is wrong with a folder, the worst first."""
    mine = [entry for entry in catalogue.entries if entry.id.backend == state.id]
    found = [*_runner(state), *_recipes(mine), *_images(seen), *_checkout(seen.checkout)]
    return tuple(sorted(found, key=lambda note: ("error", "warn", "info").index(note.level)))


def _runner(state: BackendState) -> Iterator[Note]:
    if not state.driver:
        yield Note("error", "nothing that is installed knows this kind of folder")
    if RUNNER not in state.facts.executables:
        yield Note("error", f"{RUNNER} may not be run: chmod +x it")


def _recipes(entries: Sequence[Entry]) -> Iterator[Note]:
    broken = [entry for entry in entries if not entry.hidden_by and (entry.recipe is None or entry.errors)]
    if broken:
        names = ", ".join(str(entry.id.path) for entry in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        yield Note("warn", f"recipes that cannot be used: {names}{more}")
    hidden = [entry for entry in entries if entry.hidden_by]
    if hidden:
        yield Note("info", f"{len(hidden)} of its recipes are replaced by yours")


def _images(seen: Seen) -> Iterator[Note]:
    if seen.images_error:
        yield Note("warn", f"images cannot be listed: {seen.images_error}")
    if seen.choice is not None and seen.choice.warning:
        yield Note("warn", seen.choice.warning)
    if seen.choice is not None and seen.choice.update_available:
        yield Note("info", f"a newer image is there: {seen.choice.latest}")


def _checkout(checkout: Checkout | None) -> Iterator[Note]:
    if checkout is None:
        return
    if checkout.changed:
        names = ", ".join(checkout.changed[:3])
        yield Note("warn", f"files differ from the commit, a pull may refuse: {names}")
    if checkout.behind:
        yield Note("info", f"{checkout.behind} commits behind {checkout.upstream}")
