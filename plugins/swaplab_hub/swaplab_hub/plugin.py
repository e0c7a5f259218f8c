"""What the core calls: settings, routes, actions, the page and the checks of the plugin `hub`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field

from swaplab_core.domain.backend import BackendState
from swaplab_core.plugin import Action, Diagnostic, Finding, Health, LabView, Panels, Route, hookimpl
from swaplab_hub import pages
from swaplab_hub.actions import HubActions
from swaplab_hub.fetching import size
from swaplab_hub.model_hub import ModelHub
from swaplab_hub.routes import HubRoutes
from swaplab_hub.settings import Settings
from swaplab_hub.view_routes import ViewRoutes

DOWNLOAD_SCRIPT = "LLAMA_SWAP_HF_DOWNLOAD_SCRIPT"
LITTLE = 10 * 2**30


@define(eq=False)
class Hub:
    """One for the daemon; begins when the first hook needs the lab."""

    _hub: ModelHub | None = field(default=None, init=False)

    @hookimpl
    def swaplab_config_section(self) -> type:
        """The settings."""
        return Settings

    @hookimpl
    def swaplab_routes(self, lab: LabView) -> Iterable[Route]:
        """The HTTP API."""
        return [*HubRoutes(lambda: self._with(lab)).all(), *ViewRoutes(lambda: self._with(lab)).all()]

    @hookimpl
    def swaplab_actions(self, lab: LabView) -> Iterable[Action]:
        """What people can do."""
        return HubActions(lambda: self._with(lab)).all()

    @hookimpl
    def swaplab_backend_actions(self, state: BackendState, lab: LabView) -> Iterable[Action]:
        """Downloading, where the operator has named no script for it."""
        if state.environment.get(DOWNLOAD_SCRIPT, "").strip():
            return ()
        return (HubActions(lambda: self._with(lab)).for_backends(),)

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """The page Model hub."""
        return [pages.panels()]

    @hookimpl
    def swaplab_diagnostics(self, lab: LabView) -> Iterable[Diagnostic]:
        """Can the cache be written, and is there room?"""

        async def look() -> list[Finding]:
            hub = self._with(lab)
            place, free = await hub.place(), await hub.free()
            if await asyncio.to_thread(_is_closed, place.folder):
                return [
                    Finding(Health.ERROR, f"{place.folder} cannot be written", "see whose it is, or choose another")
                ]
            if free is not None and free < LITTLE:
                return [Finding(Health.WARNING, f"{size(free)} are free in {place.folder}", "delete unused models")]
            return [Finding(Health.OK, f"models are cached in {place.folder} ({place.source})")]

        return [Diagnostic("cache", "Model cache", look)]

    def _with(self, lab: LabView) -> ModelHub:
        if self._hub is None:
            self._hub = ModelHub(lab, os.environ, Path.home())
        return self._hub


def _is_closed(folder: Path) -> bool:
    """Whether it can neither be written nor made."""
    existing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return not os.access(existing, os.W_OK)
