"""After a recipe has changed: the site's own script that carries recipes to other machines, as a job."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from attrs import define

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.plan import Command, Plan, Step
from swaplab_core.plugin.lab import LabView

SCRIPT = "scripts/sync-recipes.sh"
SECONDS = 300.0

_log = logging.getLogger(__name__)


@define(eq=False)
class RecipeSync:
    """`folder` is that of the configuration file, None when there is none."""

    view: LabView
    folder: Callable[[], Path | None]

    async def changed(self) -> None:
        """Start the script, if there is one; what it says is in its job."""
        folder = self.folder()
        if folder is None or not await asyncio.to_thread((folder / SCRIPT).is_file):
            return
        if not await asyncio.to_thread(os.access, folder / SCRIPT, os.X_OK):
            _log.warning("%s may not be run: chmod +x it, or remove it", folder / SCRIPT)
            return
        command = Command((f"./{SCRIPT}",), PurePosixPath(folder))
        plan = Plan(
            (Step("carry recipes to other machines", command, timeout_seconds=SECONDS),), frozenset({"recipes"})
        )
        try:
            self.view.submit(plan, kind="recipes:sync", title="Carry recipes to other machines")
        except SwaplabError as error:
            _log.warning("recipes were not carried to other machines: %s", error)
