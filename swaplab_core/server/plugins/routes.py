"""Mounts the routes of plugins. Whatever goes wrong with one stays with its plugin: it degrades, the server lives."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TypeVar

from aiohttp import web
from attrs import define

from swaplab_core.adapters.gateway import LoopbackGateway
from swaplab_core.domain.errors import PluginError, PluginFailed, SwaplabError
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.hooks import guarded, guarded_wait
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.routes import Call, Reply, Route
from swaplab_core.server.body import read_body
from swaplab_core.server.plugins.claims import Claims
from swaplab_core.server.route import ROUTES, Endpoint, RouteTable

T = TypeVar("T")

_FRAMING = frozenset({"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"})

_log = logging.getLogger(__name__)


def mount_plugin_routes(
    application: web.Application, catalogue: Catalogue, gateway: LoopbackGateway, lab: LabView
) -> None:
    """Ask the plugins for their routes and add them. Call it when the core's own routes are there."""
    claims = Claims.of_core(map(_pattern, application.router.resources()))
    table = application[ROUTES]
    for plugin, routes in catalogue.hooks.routes(lab).items():
        for route in routes:
            served = PluginRoute(plugin, route, gateway, catalogue.hooks.report)
            for path in _paths(plugin, route):
                problem = guarded(partial(_mount, table, claims, served, path))
                if problem is not None:
                    catalogue.hooks.report(plugin, problem)


def _pattern(resource: web.AbstractResource) -> str:
    """The path of a core route, its placeholders as `Claims` reads them."""
    path: str = resource.canonical
    if isinstance(resource, web.StaticResource):
        return path + "/{file:path}"
    regex = resource.get_info().get("pattern")
    if regex is None:
        return path
    for name in regex.groupindex:
        if f"(?P<{name}>[^{{}}/]+)" not in regex.pattern:
            path = path.replace(f"{{{name}}}", f"{{{name}:path}}")
    return path


def _paths(plugin: str, route: Route) -> Iterator[str]:
    word = re.sub(r"[^A-Za-z0-9_.~-]", "-", plugin)  # the router compares quoted paths with unquoted ones
    yield f"/api/plugins/{word}{route.path}"
    if route.public_path is not None:
        yield route.public_path


def _mount(table: RouteTable, claims: Claims, served: PluginRoute, path: str) -> None:
    method = served.route.method
    other = claims.take(served.plugin, method, path)
    if other is not None:
        raise PluginFailed(f"{method} {path} is not served by it, that path is already taken by {other}")
    table.mount([Endpoint(method, path.replace(":path}", ":.+}"), served.route.policy, served.serve)])


@define(eq=False)
class PluginRoute:
    """One route of a plugin, as the server calls it."""

    plugin: str
    route: Route
    gateway: LoopbackGateway
    report: Callable[[str, Exception], None]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. When the client leaves this is cancelled, and with it what the handler has asked for."""
        body = await read_body(request)
        call = Call(request.method, request.path, dict(request.match_info), request.query, request.headers, body)
        async with self.gateway.opened_for(request.headers) as gateway:
            reply = self._checked(request, await guarded_wait(partial(self.route.handler, call, gateway)))
            if not isinstance(reply, Reply):
                raise self._mistake(request, TypeError(f"the handler answered with {reply!r}, which is no Reply"))
            if isinstance(reply.body, bytes):
                return web.Response(status=reply.status, headers=_headers(reply), body=reply.body)
            return await self._stream(request, reply, reply.body)

    async def _stream(self, request: web.Request, reply: Reply, body: AsyncIterator[bytes]) -> web.StreamResponse:
        """Send piece by piece. The head goes with the first one: until then an error can still be told."""
        try:
            piece = self._checked(request, await _next(body))
            response = web.StreamResponse(status=reply.status, headers={"X-Accel-Buffering": "no", **_headers(reply)})
            await response.prepare(request)
            while piece is not None:
                if piece:
                    await response.write(piece)
                answer = await _next(body)
                if isinstance(answer, Exception):
                    return self._cut(request, response, answer)
                piece = answer
            return response
        finally:
            if (close := getattr(body, "aclose", None)) is not None:
                await guarded_wait(close)

    def _cut(self, request: web.Request, response: web.StreamResponse, error: Exception) -> web.StreamResponse:
        """Too late to say what happened: without a proper end, nobody takes the answer for complete."""
        if _is_mistake(error):
            self._mistake(request, error)
        else:
            _log.warning("%s %s of plugin %r broke off: %s", request.method, request.path, self.plugin, error)
        if request.transport is not None:
            request.transport.close()
        return response

    def _checked(self, request: web.Request, answer: T | Exception) -> T:
        """Return what the plugin gave, or raise what it raised: an error of our own tree is an answer."""
        if not isinstance(answer, Exception):
            return answer
        raise self._mistake(request, answer) if _is_mistake(answer) else answer

    def _mistake(self, request: web.Request, error: Exception) -> SwaplabError:
        _log.error("%s %s of plugin %r failed", request.method, request.path, self.plugin, exc_info=error)
        self.report(self.plugin, error)
        return SwaplabError(f"the plugin {self.plugin!r} made a mistake", advice="the server's log has the details")


def _is_mistake(error: Exception) -> bool:
    return not isinstance(error, SwaplabError) or isinstance(error, PluginError)


async def _next(body: AsyncIterator[bytes]) -> bytes | Exception | None:
    """The next piece, None at the end."""
    return await guarded_wait(lambda: anext(body, None))


def _headers(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.lower() not in _FRAMING}
