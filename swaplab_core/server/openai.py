"""The inference routes: find out who serves the request, wait for a lease, relay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.adapters.destination import peer_destination, upstream_destination
from swaplab_core.adapters.relay import Relay
from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import UpstreamDied
from swaplab_core.routing.names import Local, Remote
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.body import model_name, parse_object, read_body
from swaplab_core.server.paths import origin_form
from swaplab_core.server.waiting import LoadFailed, WaitingRoom
from swaplab_core.services.models import Models
from swaplab_core.services.routes import Routes

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/infill")


@define(eq=False)
class InferenceRoutes:
    """POST routes whose JSON body names a model; the path is forwarded unchanged."""

    models: Models
    names: Routes
    dispatcher: Dispatcher
    relay: Relay
    waiting: WaitingRoom

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.post(path, self.infer) for path in PATHS]

    async def infer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        body = await read_body(request)
        parsed = parse_object(body)
        with self.names.route(model_name(parsed)) as route:
            edited = route.edit(body)
            match route.target:
                case Local(model):
                    return await self._serve(request, model, edited, streaming=_wants_stream(parsed))
                case Remote(peer_id, peer, _):
                    destination = peer_destination(peer_id, peer, keys_are_ours=bool(self.models.config().api_keys))
                    return await self.relay.forward(
                        request, destination, path=origin_form(request.raw_path), body=edited
                    )

    async def _serve(
        self, request: web.Request, model: ModelConfig, body: bytes, *, streaming: bool, again: bool = True
    ) -> web.StreamResponse:
        """Wait and relay; `again`, once, when the request was given to an engine that had already died."""
        with self.dispatcher.ticket(model.id) as ticket:
            try:
                granted = await self.waiting.granted(request, ticket, model, streaming=streaming)
            except LoadFailed as told:
                return told.response
            destination = upstream_destination(model.id, granted.lease.base_url, model.timeouts)
            try:
                return await self.relay.forward(
                    request, destination, path=origin_form(request.raw_path), body=body, begun=granted.response
                )
            except UpstreamDied:
                if not again or not await self.dispatcher.was_dying(granted.lease):
                    raise
        return await self._serve(request, model, body, streaming=streaming, again=False)


def _wants_stream(body: Mapping[str, Any]) -> bool:
    return body.get("stream") is True
