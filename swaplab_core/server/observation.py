"""Watching one request from its arrival to its end: the table of requests in flight, and the relay's tap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web
from attrs import define

from swaplab_core.runtime.inflight import InFlight, Request, redacted
from swaplab_core.server.access_log import client_address
from swaplab_core.services.routes import Route


@define(eq=False)
class Observation:
    """A relay's tap that keeps the table of requests in flight up to date."""

    inflight: InFlight
    request: Request

    def sent(self) -> None:
        """The request goes to its upstream."""

    def head(self, _status: int, headers: Mapping[str, str], /) -> None:
        """The head of the answer has come."""
        self.inflight.head(self.request, redacted(headers))

    def chunk(self, data: bytes) -> None:
        """A piece of the body goes to the client."""
        self.inflight.received(self.request, len(data))


@define(eq=False)
class Observer:
    """Makes an observation for each request."""

    inflight: InFlight

    @contextmanager
    def observe(self, request: web.Request, route: Route, path: str) -> Iterator[Observation]:
        """Watch until the block ends."""
        headers = redacted(request.headers)
        with self.inflight.add(route.target.id, request.method, path, headers, client_address(request)) as entry:
            if route.selector:
                entry.metadata["selector"] = route.selector
            yield Observation(self.inflight, entry)
