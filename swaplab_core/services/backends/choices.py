"""Two choices of a person as actions: which backend is active, and which image a backend uses."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from attrs import define, frozen

from swaplab_core.domain.action import ActionSpec, NoInput
from swaplab_core.domain.plan import Plan, Step, Work
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.backend_actions import SLOT, TARGET
from swaplab_core.plugin.forms import Options, form_field
from swaplab_core.services.backends.folders import Backends

ACTIVATE, CHOOSE_IMAGE = "activate", "choose_image"


@frozen
class ImageChoiceForm:
    """Which image."""

    image: str = form_field(
        "Image", "", help="empty: the backend's own choice again", widget="image",
        options=Options("api/recipes/containers", free=True),
    )  # fmt: skip


@define(eq=False)
class BackendChoices:
    """Plans them."""

    backends: Backends

    def actions(self) -> Iterable[Action]:
        """Both."""
        image = ActionSpec(
            CHOOSE_IMAGE, "Choose the image", ImageChoiceForm, icon="layers", slots=(SLOT,), target=TARGET, order=5
        )
        active = ActionSpec(
            ACTIVATE, "Make it the active one", description="Older clients act on the active backend.",
            icon="circle-check", slots=(SLOT,), target=TARGET, order=4,
        )  # fmt: skip
        return [Action(active, self.activate), Action(image, self.choose_image)]

    async def activate(self, _: NoInput, target: str) -> Plan:
        """Keep the choice of the active folder."""
        folder = str((await self.backends.look()).backend(target).folder)
        return _plan(f"make {folder} the active backend", lambda: self.backends.activate(folder))

    async def choose_image(self, form: ImageChoiceForm, target: str) -> Plan:
        """Keep the choice of an image."""
        state = (await self.backends.look()).backend(target)
        image = form.image.strip()
        title = f"{target} uses {image}" if image else f"{target} uses its own choice of image"
        return _plan(title, lambda: self.backends.choose_image(state, image))


def _plan(title: str, do: Any) -> Plan:
    async def work(work: Work) -> Mapping[str, Any] | None:
        doing: Awaitable[Any] = do()
        await doing
        work.log(title)
        return None

    return Plan((Step(title, work=work, timeout_seconds=30.0),), frozenset({"backends"}))
