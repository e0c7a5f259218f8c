"""`/upstream/<model>/…`: anything an engine serves, reached through swaplab, which loads the model first."""

from __future__ import annotations

from aiohttp import web
from attrs import define

from swaplab_core.adapters.relay import Relay
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.paths import split_model_path
from swaplab_core.services.models import Models

PREFIX = "/upstream/"


@define(eq=False)
class PassthroughRoutes:
    """Any method, any body; the path below the model is forwarded with its own percent-encoding."""

    models: Models
    dispatcher: Dispatcher
    relay: Relay

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.route("*", PREFIX + "{path:.*}", self.forward)]

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Serve one request below a model."""
        found = split_model_path(request.raw_path.removeprefix(PREFIX), self.models.config().find)
        if found is None:
            raise UnknownModel(f"no configured model begins the path {request.path}", advice="see GET /v1/models")
        if not found.rest:
            return _with_slash(request, found.query)
        async with self.dispatcher.lease(found.model.id) as lease:
            return await self.relay.forward(
                request, base_url=lease.base_url, path=found.rest + found.query, body=None, model=found.model.id
            )


def _with_slash(request: web.Request, query: str) -> web.Response:
    """Relative links of an engine's own pages need the trailing slash; other methods must keep theirs."""
    status = 301 if request.method in {"GET", "HEAD"} else 308
    location = request.raw_path.partition("?")[0] + "/" + query
    return web.Response(status=status, headers={"Location": location})
