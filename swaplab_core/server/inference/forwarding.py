"""Passing a request on to a model as it is: any method, any body, websockets too. What /upstream and /comfyui share.

Only inference is watched: it appears among the requests in flight, and what is posted becomes a row and a capture.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext

from aiohttp import web
from attrs import define

from swaplab_core.adapters.destination import Destination, peer_destination, upstream_destination
from swaplab_core.adapters.relay import NO_TAP, Body, Relay
from swaplab_core.adapters.websocket import is_websocket
from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import Conflict
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Local, Remote, Target
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.inference.observation import Observation, Observer
from swaplab_core.server.inference.served_paths import ASKED, POSTED
from swaplab_core.server.inference.waiting import WaitingRoom
from swaplab_core.services.models.lifecycle import Models

_WATCHED = frozenset({*(("POST", path) for path in POSTED), *(("GET", path) for path in ASKED)})


@define(eq=False)
class Through:
    """Passes requests on. `path` is what the upstream shall see, raw, with its query."""

    models: Models
    dispatcher: Dispatcher
    relay: Relay
    waiting: WaitingRoom
    observer: Observer

    async def forward(
        self, request: web.Request, target: Target, path: str, *, may_start: bool = True
    ) -> web.StreamResponse:
        """Serve one request; Conflict when the model is not ready and this request `may_start` none."""
        match target:
            case Remote(peer_id, peer, _):
                destination = peer_destination(peer_id, peer, keys_are_ours=bool(self.models.config().api_keys))
                with self._watched(request, target, path) as seen:
                    return await self._send(request, destination, path, seen)
            case Local(model):
                if is_ignored(request, model):
                    return await self.unscheduled(request, model, path)
                if not may_start:
                    self._expect_ready(model)
                with self._watched(request, target, path) as seen:
                    return await self._scheduled(request, model, path, seen)

    async def unscheduled(self, request: web.Request, model: ModelConfig, path: str) -> web.StreamResponse:
        """Serve a websocket that neither loads its model nor keeps it loaded: a swap cuts it at any time."""
        self._expect_ready(model)
        base_url = self.models.state(model).base_url
        return await self._send(request, upstream_destination(model.id, base_url, model.timeouts), path, None)

    async def _scheduled(
        self, request: web.Request, model: ModelConfig, path: str, seen: Observation | None
    ) -> web.StreamResponse:
        began, was_ready = time.monotonic(), self.models.phase(model.id) is Phase.READY
        with self.dispatcher.ticket(model.id) as ticket:
            granted = await self.waiting.granted(request, ticket, model, streaming=False)
            if not was_ready:
                self.observer.metrics.swap_done(model.id, time.monotonic() - began)
            destination = upstream_destination(model.id, granted.lease.base_url, model.timeouts)
            return await self._send(request, destination, path, seen)

    async def _send(
        self, request: web.Request, destination: Destination, path: str, seen: Observation | None
    ) -> web.StreamResponse:
        if seen is None:
            return await self.relay.forward(request, destination, path=path, body=None, tap=NO_TAP)
        return await self.relay.forward(request, destination, path=path, body=_kept(request, seen), tap=seen)

    def _watched(self, request: web.Request, target: Target, path: str) -> AbstractContextManager[Observation | None]:
        if (request.method, path.partition("?")[0]) in _WATCHED:
            return self.observer.observe(request, target, path)
        return nullcontext()

    def _expect_ready(self, model: ModelConfig) -> None:
        if self.models.phase(model.id) is not Phase.READY:
            raise Conflict(
                f"{model.id} is not loaded, and this request does not load it",
                advice=f"load it first, for example with POST /api/models/load/{model.id}",
            )


def is_ignored(request: web.Request, model: ModelConfig) -> bool:
    """Whether it is a websocket that shall not count for this model."""
    return model.compat.ignore_websockets and is_websocket(request)


def _kept(request: web.Request, seen: Observation) -> Body | None:
    """The request's own body, as it comes; a copy of it stays for the capture if it is no larger than allowed."""
    if not request.body_exists:
        return None
    size = None if "Content-Encoding" in request.headers else request.content_length
    return Body(_copied(request, seen), size)


async def _copied(request: web.Request, seen: Observation) -> AsyncIterator[bytes]:
    copy: bytearray | None = bytearray()
    limit = seen.body_limit
    async for chunk in request.content.iter_any():
        if copy is not None and len(copy) + len(chunk) <= limit:
            copy += chunk
        else:
            copy = None
        yield chunk
    seen.body = None if copy is None else bytes(copy)
