"""Requests in flight: who asks what of which model since when, how much has come back, and ending one.

Changes are announced on the bus: the begin and the response's head a moment later, the end at once, the count of bytes
every quarter of a second. Of a request that is over within the moment nobody hears: a thousand small ones a second
would be three thousand announcements for every listener, each of them out of date.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import count

from attrs import define, field

from swaplab_core.domain.events import RequestChanged
from swaplab_core.ports import Clock, Timer
from swaplab_core.runtime.bus import Bus

MOMENT_SECONDS = 0.05
COUNT_SECONDS = 0.25
REDACTED = "[REDACTED]"
SENSITIVE = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})


def _not_at_all() -> None:
    """Nobody can end it."""


@define(eq=False)
class Request:
    """One request. `started_at` is unix time, `began` the clock's; headers are redacted before they get here.

    `cancel` ends it as if its client had left.
    """

    id: int
    model: str
    method: str
    path: str
    headers: Mapping[str, str]
    remote: str
    started_at: float
    began: float
    cancel: Callable[[], object] = _not_at_all
    metadata: Mapping[str, str] = field(factory=dict)
    response_headers: Mapping[str, str] = field(factory=dict)
    response_bytes: int = 0
    announced_bytes: int = 0
    is_announced: bool = False


@define
class Uses:
    """How often a model was asked since the daemon started, and when last (unix time; 0: never)."""

    count: int = 0
    last: float = 0.0


@define(eq=False)
class InFlight:
    """The table. Ids are decimal numbers that only grow. A chunk costs one addition, to `Request.response_bytes`."""

    bus: Bus
    clock: Clock
    _requests: dict[int, Request] = field(factory=dict, init=False)
    _numbers: count[int] = field(factory=lambda: count(1), init=False)
    _uses: dict[str, Uses] = field(factory=dict, init=False)
    _news: list[Request] = field(factory=list, init=False)
    _moment: Timer | None = field(default=None, init=False)
    _counting: Timer | None = field(default=None, init=False)

    def add(
        self,
        model: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        remote: str,
        cancel: Callable[[], object] = _not_at_all,
    ) -> Request:
        """Keep a request in the table until it is removed."""
        number = next(self._numbers)
        request = Request(number, model, method, path, headers, remote, time.time(), self.clock.now(), cancel)
        self._requests[number] = request
        self._announce_soon(request)
        if self._counting is None:
            self._counting = self.clock.call_later(COUNT_SECONDS, self._count)
        return request

    def head(self, request: Request, headers: Mapping[str, str]) -> None:
        """The response's head has come."""
        request.response_headers = headers
        self._announce_soon(request)

    def remove(self, request: Request) -> float:
        """It has ended; answers when, in unix time."""
        del self._requests[request.id]
        uses = self._uses.get(request.model)
        if uses is None:
            uses = self._uses[request.model] = Uses()
        uses.count += 1
        uses.last = now = time.time()
        if request.is_announced:
            self.bus.publish(RequestChanged(request.id, ended=True))
        return now

    def forget(self, request: Request) -> None:
        """It was nothing: somebody begins it anew."""
        self._requests.pop(request.id, None)
        if request.is_announced:
            self.bus.publish(RequestChanged(request.id, ended=True))

    def cancel(self, number: int) -> bool:
        """End a request as if its client had left; False when there is none of that number."""
        request = self._requests.get(number)
        if request is None:
            return False
        request.cancel()
        return True

    def get(self, number: int) -> Request | None:
        """One request, if it is still in flight."""
        return self._requests.get(number)

    def all(self) -> list[Request]:
        """Every request in flight, oldest first."""
        return list(self._requests.values())

    def uses(self, model: str) -> Uses:
        """The finished requests for a model."""
        return self._uses.get(model, Uses())

    def elapsed(self, request: Request) -> float:
        """Seconds since it began."""
        return self.clock.now() - request.began

    def _announce_soon(self, request: Request) -> None:
        self._news.append(request)
        if self._moment is None:
            self._moment = self.clock.call_later(MOMENT_SECONDS, self._announce)

    def _announce(self) -> None:
        news, self._news, self._moment = self._news, [], None
        for number in {request.id: None for request in news if request.id in self._requests}:
            self._tell(self._requests[number])

    def _count(self) -> None:
        self._counting = self.clock.call_later(COUNT_SECONDS, self._count) if self._requests else None
        for request in self._requests.values():
            if request.response_bytes != request.announced_bytes:
                self._tell(request)

    def _tell(self, request: Request) -> None:
        request.is_announced, request.announced_bytes = True, request.response_bytes
        self.bus.publish(RequestChanged(request.id))


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for people: credentials and cookies are blotted out."""
    return {str(name): REDACTED if name.lower() in SENSITIVE else value for name, value in headers.items()}
