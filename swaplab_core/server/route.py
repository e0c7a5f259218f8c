"""The route table: what the server answers, and who may call it. One table for the core's routes and the plugins'.

Every route states its policy where it is declared: `get("/api/models", Policy.READ, self.states)`. It cannot be left
out, and `RouteTable.seal` fails for a route that came to the application by another way. The reference, the OpenAPI
document and the security tests are made from this table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler
from attrs import define, field, frozen
from attrs.validators import instance_of, is_callable

from swaplab_core.domain.access import Policy

ANY_METHOD = "*"


@frozen
class Endpoint:
    """One route. `path` is aiohttp's pattern, `{name}` or `{name:regex}`; a GET answers HEAD as well.

    `handler` is a method of the class that groups such routes; its docstring says what the route does.
    """

    method: str
    path: str
    policy: Policy = field(validator=instance_of(Policy))
    handler: Handler = field(validator=is_callable())

    @property
    def methods(self) -> Sequence[str]:
        """The methods as the router knows them."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def plain_path(self) -> str:
        """The path with `{name}` only, as documents write it."""
        return re.sub(r"{([^{}:]+):[^{}]+}", r"{\1}", self.path)

    @property
    def group(self) -> type:
        """The class whose method answers."""
        return type(getattr(self.handler, "__self__", self.handler))


def get(path: str, policy: Policy, handler: Handler) -> Endpoint:
    """Declare a route that answers GET and HEAD."""
    return Endpoint("GET", path, policy, handler)


def post(path: str, policy: Policy, handler: Handler) -> Endpoint:
    """Declare a route for POST."""
    return Endpoint("POST", path, policy, handler)


def put(path: str, policy: Policy, handler: Handler) -> Endpoint:
    """Declare a route for PUT."""
    return Endpoint("PUT", path, policy, handler)


def delete(path: str, policy: Policy, handler: Handler) -> Endpoint:
    """Declare a route for DELETE."""
    return Endpoint("DELETE", path, policy, handler)


def any_method(path: str, policy: Policy, handler: Handler) -> Endpoint:
    """Declare a route for every method."""
    return Endpoint(ANY_METHOD, path, policy, handler)


@define(eq=False)
class RouteTable:
    """The routes of one application. Iterating gives each once, in the order in which they were mounted."""

    application: web.Application
    _mounted: dict[web.AbstractRoute, Endpoint] = field(factory=dict, init=False)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(dict.fromkeys(self._mounted.values()))

    def mount(self, endpoints: Iterable[Endpoint]) -> None:
        """Add routes to the application."""
        for endpoint in endpoints:
            for method in endpoint.methods:
                route = self.application.router.add_route(method, endpoint.path, endpoint.handler)
                self._mounted[route] = endpoint

    def find(self, request: web.Request) -> Endpoint | None:
        """The route that a request was matched to; None when nothing is served there, or not for this method."""
        return self._mounted.get(request.match_info.route)

    async def asked_for(self, preflight: web.Request) -> Endpoint | None:
        """The route that a browser asks about before it sends the request itself."""
        method = preflight.headers.get("Access-Control-Request-Method", "POST")
        match = await self.application.router.resolve(preflight.clone(method=method))
        return self._mounted.get(match.route)

    def seal(self) -> None:
        """Fail when the application has a route that is not in the table, for nobody would check who calls it."""
        strangers = [route for route in self.application.router.routes() if route not in self._mounted]
        if strangers:
            raise TypeError(f"routes without a policy: {', '.join(map(str, strangers))}; declare them as Endpoint")


ROUTES = web.AppKey("ROUTES", RouteTable)
"""Where an application keeps its table."""
