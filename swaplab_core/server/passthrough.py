"""`/upstream/<model>/…`: anything an engine or a peer serves, reached through swaplab, which loads the model first."""

from __future__ import annotations

from aiohttp import web
from attrs import define

from swaplab_core.adapters.destination import peer_destination, upstream_destination
from swaplab_core.adapters.relay import Relay
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.routing.names import Local, Remote, Target
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.server.paths import ModelPath, origin_form, split_model_path
from swaplab_core.server.route import Endpoint, any_method
from swaplab_core.services.models import Models
from swaplab_core.services.routes import Routes

PREFIX = "/upstream/"


@define(eq=False)
class PassthroughRoutes:
    """Any method, any body; the path below the model is forwarded with its own percent-encoding."""

    models: Models
    names: Routes
    dispatcher: Dispatcher
    relay: Relay

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [any_method(PREFIX + "{path:.*}", Policy.INFER, self.forward)]

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Serve one request below a model."""
        found = self._find(origin_form(request.raw_path).removeprefix(PREFIX))
        if found is None:
            raise UnknownModel(f"no configured model begins the path {request.path}", advice="see GET /v1/models")
        if not found.rest:
            return _with_slash(request, found.query)
        path = found.rest + found.query
        match found.model:
            case Remote(peer_id, peer, _):
                destination = peer_destination(peer_id, peer, keys_are_ours=bool(self.models.config().api_keys))
                return await self.relay.forward(request, destination, path=path, body=None)
            case Local(model):
                async with self.dispatcher.lease(model.id) as lease:
                    destination = upstream_destination(model.id, lease.base_url, model.timeouts)
                    return await self.relay.forward(request, destination, path=path, body=None)

    def _find(self, raw: str) -> ModelPath[Target] | None:
        """The active profile applies here too, its longest pin first; selectors do not."""
        pin = split_model_path(raw, self.names.profiles.pin)
        if pin is None:
            return split_model_path(raw, self.names.names.find)
        target = self.names.names.find(pin.model.name) if pin.model.name else None
        return None if target is None else ModelPath(target, pin.rest, pin.query)


def _with_slash(request: web.Request, query: str) -> web.Response:
    """Relative links of an engine's own pages need the trailing slash; other methods must keep theirs."""
    status = 301 if request.method in {"GET", "HEAD"} else 308
    location = origin_form(request.raw_path).partition("?")[0] + "/" + query
    return web.Response(status=status, headers={"Location": location})
