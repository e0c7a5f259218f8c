"""The inference routes: read the model's name out of the body, wait for a lease, relay."""

from __future__ import annotations

from aiohttp import web
from attrs import define

from swaplab_core.adapters.relay import Relay
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.body import model_name, parse_object, read_body, replace_model
from swaplab_core.services.models import Models

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")


@define(eq=False)
class InferenceRoutes:
    """POST routes whose JSON body names a model."""

    models: Models
    dispatcher: Dispatcher
    relay: Relay

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.post(path, self.infer) for path in PATHS]

    async def infer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request; the path is forwarded unchanged."""
        body = await read_body(request)
        model = self.models.find(model_name(parse_object(body)))
        if model.use_model_name:
            body = replace_model(body, model.use_model_name)
        async with self.dispatcher.lease(model.id) as lease:
            return await self.relay.forward(
                request, base_url=lease.base_url, path=request.raw_path, body=body, model=model.id
            )
