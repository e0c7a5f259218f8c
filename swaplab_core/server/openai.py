"""The inference routes: find out who serves the request, wait for a lease, relay."""

from __future__ import annotations

import time

from aiohttp import web
from attrs import define

from swaplab_core.adapters.destination import peer_destination, upstream_destination
from swaplab_core.adapters.relay import Relay
from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import UpstreamDied
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Local, Remote
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.incoming import Incoming, Outgoing, read_incoming
from swaplab_core.server.observation import Observation, Observer
from swaplab_core.server.paths import origin_form
from swaplab_core.server.route import Endpoint, get, post
from swaplab_core.server.waiting import LoadFailed, WaitingRoom
from swaplab_core.services.models import Models
from swaplab_core.services.routes import Route, Routes

POSTED = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/reranking",
    "/rerank",
    "/reranking",
    "/infill",
    "/completion",
    "/v1/audio/speech",
    "/v1/audio/voices",
    "/v1/audio/transcriptions",
    "/v1/images/generations",
    "/v1/images/edits",
    "/sdapi/v1/txt2img",
    "/sdapi/v1/img2img",
    "/audioapi/v1/tasks/run",
    "/v/chat/completions",
    "/v/responses",
    "/v/completions",
    "/v/messages",
    "/v/messages/count_tokens",
    "/v/embeddings",
    "/v/rerank",
    "/v/reranking",
)
ASKED = ("/v1/audio/voices", "/sdapi/v1/loras", "/props")
"""GET routes that name their model in the query."""
INFERENCE_PATHS = frozenset({*POSTED, *ASKED, "/v1/models", "/models"})
REMOVED_PREFIXES = ("/v/", "/audioapi/")
"""Parts of our path that the upstream does not know; its path begins with the slash at their end."""


@define(eq=False)
class InferenceRoutes:
    """Routes whose body or query names a model; paths without a removed prefix are forwarded unchanged."""

    models: Models
    names: Routes
    dispatcher: Dispatcher
    relay: Relay
    waiting: WaitingRoom
    observer: Observer

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            *(post(path, Policy.INFER, self.infer) for path in POSTED),
            *(get(path, Policy.INFER, self.infer) for path in ASKED),
        ]

    async def infer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        incoming = await read_incoming(request)
        try:
            with (
                self.names.route(incoming.model) as route,
                self.observer.observe(request, route, upstream_path(request.raw_path)) as seen,
            ):
                return await self._to_target(request, incoming, route, seen)
        finally:
            incoming.close()

    async def _to_target(
        self, request: web.Request, incoming: Incoming, route: Route, seen: Observation
    ) -> web.StreamResponse:
        match route.target:
            case Local(model):
                return await self._serve(request, incoming, route, model, seen)
            case Remote(peer_id, peer, _):
                destination = peer_destination(peer_id, peer, keys_are_ours=bool(self.models.config().api_keys))
                outgoing = self._outgoing(incoming, route, seen)
                path = upstream_path(request.raw_path, outgoing.query)
                return await self.relay.forward(request, destination, path=path, body=outgoing.body, tap=seen)

    def _outgoing(self, incoming: Incoming, route: Route, seen: Observation) -> Outgoing:
        outgoing = incoming.outgoing(route)
        if outgoing.body is not None and isinstance(outgoing.body.content, bytes):
            seen.body = outgoing.body.content
        return outgoing

    async def _serve(
        self, request: web.Request, incoming: Incoming, route: Route, model: ModelConfig, seen: Observation
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


def upstream_path(target: str, query: str | None = None) -> str:
    """The path that the upstream is asked for, with the request's query or another one."""
    path = origin_form(target)
    for prefix in REMOVED_PREFIXES:
        if path.startswith(prefix):
            path = path[len(prefix) - 1 :]
    if query is None:
        return path
    return path.partition("?")[0] + (f"?{query}" if query else "")
