"""Sees to it that no container outlives its model: at the start, before each load, and when a model has stopped.

A container lives on when its client is killed, so a model that was not gone in time, or a daemon that was killed,
leaves one behind. Only containers with this daemon's own label are stopped, by their id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.plugin import LOCAL, Node, PlacementRequest, Refusal
from swaplab_core.plugin.run_command import read_run
from swaplab_docker.live import Live
from swaplab_docker.ownership import INSTANCE, MANAGED, Owned, in_the_way, leftovers
from swaplab_docker.written import words

STARTUP_SECONDS = 15.0
ADMIT_SECONDS = 15.0
CALM_SECONDS = 0.5
"""A model that moves tells of it often; one look does for all of it."""
STOPPED = "stopped"

_log = logging.getLogger(__name__)


@define(eq=False)
class Keeper:
    """One at a time looks for what was left behind."""

    live: Live
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _wanted: bool = field(default=False, init=False)
    _running: bool = field(default=False, init=False)

    async def begin(self) -> None:
        """Before anything is served: nothing is up yet, so whatever bears our label was left by an earlier daemon.

        Asks nobody when no model of the configuration could run in a container.
        """
        entries = self.live.lab.config.models()
        if not any(may_use_containers(entry) for entry in entries.values()):
            return
        down = dict.fromkeys(map(str, entries), False)
        try:
            async with asyncio.timeout(STARTUP_SECONDS), self._turn:
                await self._stop(leftovers((await self.live.look()).containers, self.live.lab.instance, down))
        except TimeoutError:
            _log.warning("containers of an earlier run could not be stopped within %g s", STARTUP_SECONDS)
        except SwaplabError as error:
            _log.info("containers of an earlier run were not looked for: %s", error)

    async def admit(self, request: PlacementRequest, node: Node) -> Refusal | None:
        """Before a model is loaded here: make room for its container, or say why it cannot be made."""
        run = read_run(words(getattr(request.options, "cmd", ())))
        ours = any(one.labels.get(MANAGED) == "1" for one in self.live.known.containers)
        if node.id != LOCAL or not (run or ours):
            return None
        try:
            async with asyncio.timeout(ADMIT_SECONDS):
                up = await self.clear(starting=str(request.model))
        except (TimeoutError, SwaplabError) as error:
            _log.debug("containers were not looked at before %s: %s", request.model, error)
            return None
        if run is None or not run.name:
            return None
        told = in_the_way(run.name, self.live.known.containers, self.live.lab.instance, up)
        return Refusal(told, f"remove it: {run.program} rm -f {run.name}; or use another --name") if told else None

    async def clear(self, *, starting: str = "") -> dict[str, bool]:
        """Stop what nobody needs, and answer which models are up. Raises NodeError.

        States are asked for after the containers: one that is made meanwhile is not on the list, and one that is on the
        list and whose model is down is of a start that is over.
        """
        async with self._turn:
            containers = (await self.live.look()).containers
            up = {model: state != STOPPED for model, state in (await self.live.models()).items()}
            await self._stop(leftovers(containers, self.live.lab.instance, up, starting=starting))
        return up

    async def _stop(self, left: Sequence[Owned]) -> None:
        settings = self.live.settings
        if not left or not settings.stop_leftovers:
            return
        engine = await self.live.engine()
        for one in left:
            _log.warning("container %s (%s): %s; stopped", one.container.name, one.container.image, one.told())
        await asyncio.gather(*(engine.stop(one.container.id, settings.stop_seconds) for one in left))
        await self.live.look()

    def models_moved(self) -> None:
        """A model may have stopped: look in a moment, once for many calls."""
        instance = self.live.lab.instance
        if any(one.labels.get(INSTANCE) == instance for one in self.live.known.containers):
            self._wanted = True
            if not self._running:
                self._running = True
                self.live.lab.spawn(self._follow, name="search for containers that were left behind")

    async def _follow(self) -> None:
        try:
            while self._wanted:
                await asyncio.sleep(CALM_SECONDS)
                self._wanted = False
                await self.clear()
        except SwaplabError as error:
            _log.debug("containers were not looked at: %s", error)
        finally:
            self._running = False


def may_use_containers(entry: Mapping[str, Any]) -> bool:
    """Could this entry's model run in a container? Its command is one, it names an image, or it uses a recipe."""
    metadata = entry.get("metadata")
    uses_recipe = isinstance(metadata, Mapping) and "recipe_ui" in metadata
    return bool(entry.get("image")) or uses_recipe or any(name in str(entry) for name in ("docker", "podman"))
