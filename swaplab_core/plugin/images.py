"""Choosing a container image: what backends with images have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swaplab_core.domain.backend import BackendState, ImageChoice
from swaplab_core.domain.image import is_image, with_tag


def choose(
    state: BackendState,
    *,
    default: str,
    known: Sequence[str],
    is_ours: Callable[[str], bool],
    latest: str = "",
    given: str = "",
) -> ImageChoice:
    """Make the choice: what a person chose, else `given` (by a variable or a script), else the default.

    Available are the selected one, the default, the latest, `known` ones, those that recipes name and local ones that
    are ours, in this order, each once.
    """
    selected = next(image for image in (state.chosen_image, given, default) if is_image(image))
    named = sorted({recipe.container for recipe in state.recipes if recipe.container})
    local = [image for image in state.local_images if is_ours(image)]
    candidates = (selected, default, latest, *known, *named, *local)
    available = tuple(dict.fromkeys(with_tag(image) for image in candidates if is_image(image)))
    update = bool(latest) and with_tag(latest) not in map(with_tag, state.local_images)
    return ImageChoice(with_tag(selected), with_tag(default), available, with_tag(latest) if latest else "", update)
