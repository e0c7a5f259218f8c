"""The engine from the inside, for finding out why it did what it did: `swaplab replay` reads it."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web
from attrs import define

from swaplab_core import __version__
from swaplab_core.domain.access import Policy
from swaplab_core.engine.recording import capture, state_to_json, to_json
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.route import Endpoint, get


@define(eq=False)
class DebugRoutes:
    """Read only."""

    dispatcher: Dispatcher

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/debug/engine", Policy.ADMIN, self.engine)]

    async def engine(self, _: web.Request) -> web.Response:
        """The state of the engine, the last 1000 facts it was told at least, and what it answered to each."""
        recording, state = self.dispatcher.tape.recording(), capture(self.dispatcher.engine)
        now = self.dispatcher.clock.now()

        def render() -> bytes:
            written = to_json(recording, now)
            return orjson.dumps({"swaplab": __version__, "state": state_to_json(state), **written})

        return web.Response(body=await asyncio.to_thread(render), content_type="application/json")
