"""The inference routes: find out who serves the request, wait for a lease, relay."""

from __future__ import annotations

import time
from contextlib import ExitStack

from aiohttp import web
from attrs import define

from swaplab_core.adapters.destination import peer_destination, upstream_destination
from swaplab_core.adapters.relay import Relay
from swaplab_core.adapters.websocket import is_websocket
from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import SwaplabError, UpstreamDied
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Local, Remote
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.express import note_let_in
from swaplab_core.server.inference.forwarding import Through, is_ignored
from swaplab_core.server.inference.incoming import Incoming, Outgoing, read_incoming
from swaplab_core.server.inference.observation import Observation, Observer
from swaplab_core.server.inference.served_paths import ASKED, POSTED, upstream_path
from swaplab_core.server.inference.waiting import LoadFailed, WaitingRoom
from swaplab_core.server.route import Endpoint, get, post
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.request_router import RequestRoute, RequestRouter


@define(eq=False)
class InferenceRoutes:
    """Routes whose body or query names a model; paths without a removed prefix are forwarded unchanged."""

    models: Models
    names: RequestRouter
    dispatcher: Dispatcher
    relay: Relay
    waiting: WaitingRoom
    observer: Observer
    through: Through

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            *(post(path, Policy.INFER, self.infer) for path in POSTED),
            *(get(path, Policy.INFER, self.infer) for path in ASKED),
        ]

    async def infer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        note_let_in(request)
        incoming = await read_incoming(request)
        try:
            if is_websocket(request) and (answer := await self._ignored(request, incoming)):
                return answer
            path = upstream_path(request.raw_path)
            with ExitStack() as held:
                try:
                    route = held.enter_context(self.names.route(incoming.model))
                except SwaplabError as error:
                    self.observer.nobody_serves(request, incoming.model, path, error)
                    raise
                seen = held.enter_context(self.observer.observe(request, route.target, path, selector=route.selector))
                return await self._to_target(request, incoming, route, seen)
        finally:
            incoming.close()

    async def _ignored(self, request: web.Request, incoming: Incoming) -> web.StreamResponse | None:
        """Serve a websocket that does not count for its model; None when it does. A selector's choice is not held."""
        with self.names.route(incoming.model) as route:
            if not isinstance(route.target, Local) or not is_ignored(request, route.target.model):
                return None
            path = upstream_path(request.raw_path, incoming.outgoing(route).query)
        return await self.through.unscheduled(request, route.target.model, path)

    async def _to_target(
        self, request: web.Request, incoming: Incoming, route: RequestRoute, seen: Observation
    ) -> web.StreamResponse:
        match route.target:
            case Local(model):
                return await self._serve(request, incoming, route, model, seen)
            case Remote(peer_id, peer, _):
                destination = peer_destination(peer_id, peer, keys_are_ours=bool(self.models.config().api_keys))
                outgoing = self._outgoing(incoming, route, seen)
                path = upstream_path(request.raw_path, outgoing.query)
                return await self.relay.forward(request, destination, path=path, body=outgoing.body, tap=seen)

    def _outgoing(self, incoming: Incoming, route: RequestRoute, seen: Observation) -> Outgoing:
        outgoing = incoming.outgoing(route)
        if outgoing.body is not None and isinstance(outgoing.body.content, bytes):
            seen.body = outgoing.body.content
        return outgoing

    async def _serve(
        self, request: web.Request, incoming: Incoming, route: RequestRoute, model: ModelConfig, seen: Observation
    ) -> web.StreamResponse:
        """Wait and relay; once more when the request was given to an engine that had already died."""
        began, was_ready = time.monotonic(), self.models.phase(model.id) is Phase.READY
        for last in (False, True):
            with self.dispatcher.ticket(model.id) as ticket:
                try:
                    granted = await self.waiting.granted(request, ticket, model, streaming=incoming.streaming)
                except LoadFailed as told:
                    seen.refused(told.error)
                    return told.response
                if not was_ready and not last:
                    self.observer.metrics.swap_done(model.id, time.monotonic() - began)
                outgoing = self._outgoing(incoming, route, seen)
                destination = upstream_destination(model.id, granted.lease.base_url, model.timeouts)
                try:
                    return await self.relay.forward(
                        request,
                        destination,
                        path=upstream_path(request.raw_path, outgoing.query),
                        body=outgoing.body,
                        begun=granted.response,
                        tap=seen,
                    )
                except UpstreamDied:
                    if last or not await self.dispatcher.was_dying(granted.lease):
                        raise
        raise AssertionError("the second attempt answers or raises")
