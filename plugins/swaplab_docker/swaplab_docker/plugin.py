"""The plugin itself: what the daemon asks of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from attrs import define, field

from swaplab_core.domain.events import ModelChanged
from swaplab_core.domain.image import KnownImages
from swaplab_core.domain.problem import Problem
from swaplab_core.plugin import (
    Action,
    ConfigFacts,
    Diagnostic,
    LabView,
    Node,
    Panels,
    PlacementRequest,
    Refusal,
    Route,
    hookimpl,
)
from swaplab_docker import advice
from swaplab_docker.actions import Actions
from swaplab_docker.diagnostics import diagnostics
from swaplab_docker.fleet import Fleet
from swaplab_docker.keeper import Keeper
from swaplab_docker.live import Live
from swaplab_docker.offers import BACKENDS, IMAGES, TAGS
from swaplab_docker.pages import panels
from swaplab_docker.registry import Registries
from swaplab_docker.remote_tags import RemoteTags
from swaplab_docker.routes import Routes
from swaplab_docker.settings import NAME, Settings


@define(eq=False)
class Parts:
    """What belongs to one daemon."""

    live: Live
    keeper: Keeper
    remote: RemoteTags
    fleet: Fleet
    actions: Actions

    @classmethod
    def of(cls, lab: LabView) -> Parts:
        """Connect them; nothing is asked yet."""
        live = Live(lab)
        remote = RemoteTags(
            lab.state_folder(NAME) / "tags.json", lambda: Registries(frozenset(live.settings.insecure_registries))
        )
        remote.load()
        fleet = Fleet(live)
        return cls(live, Keeper(live), remote, fleet, Actions(live, remote, fleet))


@define(eq=False)
class DockerPlugin:
    """One for the daemon; begins when the first hook needs the lab."""

    _parts: Parts | None = field(default=None, init=False)

    @hookimpl
    def swaplab_config_section(self) -> type:
        """`plugins.docker`."""
        return Settings

    @hookimpl
    def swaplab_check_config(self, config: ConfigFacts) -> Iterable[Problem]:
        """What is unwise in a model's own `docker run`."""
        return advice.check(config)

    @hookimpl
    def swaplab_routes(self, lab: LabView) -> Iterable[Route]:
        """Images and containers."""
        parts = self._of(lab)
        return Routes(parts.live, parts.actions, parts.remote, parts.fleet).all()

    @hookimpl
    def swaplab_actions(self, lab: LabView) -> Iterable[Action]:
        """What people can do with them."""
        return self._of(lab).actions.all()

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """The pages."""
        return [panels(IMAGES, BACKENDS, TAGS)]

    @hookimpl
    def swaplab_diagnostics(self, lab: LabView) -> Iterable[Diagnostic]:
        """What is checked."""
        return diagnostics(lambda: self._of(lab).live, shutil.which)

    @hookimpl
    def swaplab_images(self, lab: LabView) -> Iterable[KnownImages]:
        """The images of this machine, and the tags of registries."""
        parts = self._of(lab)
        return [KnownImages(parts.live.known_images().local, parts.remote.tags())]

    @hookimpl
    async def swaplab_startup(self, lab: LabView) -> None:
        """Stop what an earlier daemon has left behind."""
        await self._of(lab).keeper.begin()

    @hookimpl
    async def swaplab_admit_model(self, request: PlacementRequest, node: Node, lab: LabView) -> Refusal | None:
        """Make room for a model's container."""
        return await self._of(lab).keeper.admit(request, node)

    @hookimpl
    async def swaplab_event(self, event: ModelChanged, lab: LabView) -> None:  # noqa: ARG002 - whichever model it was
        """A model may have stopped, and have left something."""
        self._of(lab).keeper.models_moved()

    @hookimpl
    async def swaplab_shutdown(self) -> None:
        """Let go of the engine."""
        if self._parts is not None:
            await self._parts.live.end()

    def _of(self, lab: LabView) -> Parts:
        if self._parts is None:
            self._parts = Parts.of(lab)
        return self._parts
