"""`/upstream/<model>/…`: anything an engine or a peer serves, reached through swaplab, which loads the model first.

And `/comfyui/…`, the same for the one model that ComfyUI's own pages expect at a fixed place.
"""

from __future__ import annotations

from urllib.parse import unquote

from aiohttp import web
from attrs import define

from swaplab_core.config.resolve import COMFYUI
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.domain.ids import ModelId
from swaplab_core.routing.names import Local, Target
from swaplab_core.server.inference.forwarding import Through
from swaplab_core.server.inference.model_path import ModelPath, origin_form, split_model_path
from swaplab_core.server.route import Endpoint, any_method, get
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.request_router import RequestRouter

PREFIX = "/upstream/"
COMFYUI_PREFIX = "/comfyui"
PAGES = "ui/#/models"


@define(eq=False)
class PassthroughRoutes:
    """Any method, any body; the path below the model is forwarded with its own percent-encoding."""

    names: RequestRouter
    through: Through

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/upstream", Policy.OPEN, self.to_page),
            any_method(PREFIX + "{path:.*}", Policy.INFER, self.forward),
        ]

    async def to_page(self, _: web.Request) -> web.Response:
        """Where a browser wants to go that names no model; relative, as all our redirects."""
        return web.Response(status=302, headers={"Location": PAGES})

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Serve one request below a model."""
        found = self._find(below(request).removeprefix("/"))
        if found is None:
            raise UnknownModel(f"no configured model begins the path {request.path}", advice="see GET /v1/models")
        if not found.rest:
            return _with_slash(request, found.query)
        may_start = not self.names.is_ignored(unquote(found.rest))
        return await self.through.forward(request, found.model, found.rest + found.query, may_start=may_start)

    def _find(self, raw: str) -> ModelPath[Target] | None:
        """The active profile applies here too, its longest pin first; selectors do not."""
        pin = split_model_path(raw, self.names.profiles.pin)
        if pin is None:
            return split_model_path(raw, self.names.names.find)
        target = self.names.names.find(pin.model.name) if pin.model.name else None
        return None if target is None else ModelPath(target, pin.rest, pin.query)


@define(eq=False)
class ComfyUiRoutes:
    """ComfyUI's pages ask for a lot of things all the time, so only their root loads the model."""

    models: Models
    through: Through

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            any_method(COMFYUI_PREFIX, Policy.INFER, self.to_root),
            any_method(COMFYUI_PREFIX + "/{path:.*}", Policy.INFER, self.forward),
        ]

    async def to_root(self, request: web.Request) -> web.Response:
        """Relative links of its pages need the trailing slash."""
        _, question, query = origin_form(request.raw_path).partition("?")
        return _with_slash(request, question + query)

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Serve one request of the model `comfyui_auto`."""
        model = self.models.config().models.get(ModelId(COMFYUI))
        if model is None:
            raise UnknownModel(f"no model named {COMFYUI!r} is configured", advice="add it to serve ComfyUI here")
        path = below(request)
        is_root = path.partition("?")[0] == "/"
        return await self.through.forward(request, Local(model), path, may_start=is_root)


def below(request: web.Request) -> str:
    """The raw path and query behind the first step of the path, whatever way that was written in."""
    return "/" + origin_form(request.raw_path).split("/", 2)[2]


def _with_slash(request: web.Request, query: str) -> web.Response:
    """Relative links of an engine's own pages need the trailing slash; other methods must keep theirs.

    The way is told relatively: a proxy in front may know us under a prefix.
    """
    status = 301 if request.method in {"GET", "HEAD"} else 308
    last = origin_form(request.raw_path).partition("?")[0].rpartition("/")[2]
    return web.Response(status=status, headers={"Location": f"./{last}/{query}"})
