"""Requests in flight: who asks what of which model since when, how much has come back, and ending one.

Changes are announced on the bus: the begin, the response's head and the end at once, the count of bytes at most every
quarter of a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from attrs import define, field, frozen

from swaplab_core.domain.events import RequestChanged
from swaplab_core.ports import Clock, Timer
from swaplab_core.runtime.bus import Bus

ANNOUNCE_SECONDS = 0.25
REDACTED = "[REDACTED]"
SENSITIVE = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})


@define(eq=False)
class Request:
    """One request. `started_at` is unix time, `began` the clock's; headers are redacted before they get here."""

    id: int
    model: str
    method: str
    path: str
    headers: Mapping[str, str]
    remote: str
    started_at: float
    began: float
    metadata: dict[str, str] = field(factory=dict)
    response_headers: Mapping[str, str] = field(factory=dict)
    response_bytes: int = 0
    task: asyncio.Task[object] | None = None


@frozen
class Uses:
    """How often a model was asked since the daemon started, and when last (unix time; 0: never)."""

    count: int = 0
    last: float = 0.0


@define(eq=False)
class InFlight:
    """The table. Ids are decimal numbers that only grow."""

    bus: Bus
    clock: Clock
    _requests: dict[int, Request] = field(factory=dict, init=False)
    _numbers: count[int] = field(factory=lambda: count(1), init=False)
    _pending: dict[int, Timer] = field(factory=dict, init=False)
    _uses: dict[str, Uses] = field(factory=dict, init=False)

    @contextmanager
    def add(self, model: str, method: str, path: str, headers: Mapping[str, str], remote: str) -> Iterator[Request]:
        """Keep a request in the table until the block ends."""
        number = next(self._numbers)
        request = Request(number, model, method, path, headers, remote, time.time(), self.clock.now())
        request.task = asyncio.current_task()
        self._requests[number] = request
        self.bus.publish(RequestChanged(number))
        try:
            yield request
        finally:
            del self._requests[number]
            if timer := self._pending.pop(number, None):
                timer.cancel()
            self._uses[model] = Uses(self.uses(model).count + 1, time.time())
            self.bus.publish(RequestChanged(number, ended=True))

    def head(self, request: Request, headers: Mapping[str, str]) -> None:
        """The response's head has come."""
        request.response_headers = headers
        self.bus.publish(RequestChanged(request.id))

    def received(self, request: Request, size: int) -> None:
        """So many more bytes of the response have come."""
        request.response_bytes += size
        if request.id not in self._pending:
            self._pending[request.id] = self.clock.call_later(ANNOUNCE_SECONDS, lambda: self._announce(request.id))

    def cancel(self, number: int) -> bool:
        """End a request as if its client had left; False when there is none of that number."""
        request = self._requests.get(number)
        if request is None or request.task is None:
            return False
        request.task.cancel()
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

    def _announce(self, number: int) -> None:
        self._pending.pop(number, None)
        self.bus.publish(RequestChanged(number))


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for people: credentials and cookies are blotted out."""
    return {str(name): REDACTED if name.lower() in SENSITIVE else value for name, value in headers.items()}
