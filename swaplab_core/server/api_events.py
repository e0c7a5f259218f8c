"""Live events: llama-swap's envelope for existing pages, named events with numbers for our own.

Every subscriber has its own bounded queue (see `runtime.bus`), and what has gathered is sent in one write some twenty
times a second, so many subscribers cost little and one that never reads costs nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import (
    ActivityRecorded,
    ConfigChanged,
    Event,
    Gap,
    Logged,
    ModelChanged,
    ProfileChanged,
    RequestChanged,
)
from swaplab_core.runtime.bus import Bus, Numbered, Subscription
from swaplab_core.runtime.logbook import PROXY, UPSTREAM, LogBook
from swaplab_core.server.projections import Projections
from swaplab_core.server.route import Endpoint, get

BATCH_SECONDS = 0.05

_TOPICS: dict[str, tuple[type[Event], ...]] = {
    "models": (ModelChanged,),
    "inflight": (RequestChanged,),
    "activity": (ActivityRecorded,),
    "profile": (ProfileChanged,),
    "config": (ConfigChanged,),
}
_LEGACY = (ModelChanged, ConfigChanged, ProfileChanged, RequestChanged, ActivityRecorded, Logged)


@define(eq=False)
class EventRoutes:
    """One route, two languages: with `?topics=` named events, without it llama-swap's envelope."""

    bus: Bus
    logs: LogBook
    show: Projections

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/events", Policy.READ, self.events)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Follow events until the client leaves."""
        topics = request.query.get("topics")
        if topics is None:
            return await self._envelope(request)
        return await self._named(request, _kinds(topics))

    # named events

    async def _named(self, request: web.Request, kinds: tuple[type[Event], ...]) -> web.StreamResponse:
        resumed = self._resumed(request, kinds)
        async with sse_response(request) as response:
            with self.bus.subscribe(*kinds) as subscription:
                if resumed is None:
                    await response.write(b"".join(self._snapshot(kinds)))
                else:
                    await response.write(b"".join(self._frames(resumed)))
                await _pump(response, subscription, self._frames)
        return response

    def _resumed(self, request: web.Request, kinds: tuple[type[Event], ...]) -> list[Numbered] | None:
        """What the client has missed since its last event; None when it must begin anew."""
        last = request.headers.get("Last-Event-ID", "")
        return self.bus.since(int(last), kinds) if last.isdecimal() else None

    def _snapshot(self, kinds: tuple[type[Event], ...]) -> Iterator[bytes]:
        yield _frame("reset", self.bus.published, {})
        if ModelChanged in kinds:
            for record in self.show.models():
                yield _frame("model.updated", self.bus.published, record)
        if RequestChanged in kinds:
            for record in self.show.requests():
                yield _frame("inflight.updated", self.bus.published, record)
        if ProfileChanged in kinds:
            yield _frame("profile.changed", self.bus.published, self.show.profile())
        yield _frame("ready", self.bus.published, {})

    def _frames(self, batch: list[Numbered]) -> Iterator[bytes]:
        for numbered in batch:
            name, data = self._name_and_data(numbered.event)
            yield _frame(name, numbered.number, data)

    def _name_and_data(self, event: Event) -> tuple[str, Any]:
        match event:
            case ModelChanged(model):
                record = self.show.model(model)
                return ("model.updated", record) if record else ("model.removed", {"id": model})
            case RequestChanged(number, ended):
                record = None if ended else self.show.request(number)
                return ("inflight.updated", record) if record else ("inflight.removed", {"id": str(number)})
            case ActivityRecorded(number):
                return "activity.added", {"id": number}
            case ProfileChanged(active):
                return "profile.changed", {"active": active}
            case ConfigChanged(revision):
                return "config.changed", {"revision": revision}
            case Gap(dropped):
                return "gap", {"dropped": dropped}
            case _:
                return event.topic, {}

    # llama-swap's envelope

    async def _envelope(self, request: web.Request) -> web.StreamResponse:
        async with sse_response(request) as response:
            with self.bus.subscribe(*_LEGACY) as subscription:
                await response.write(b"".join(self._burst()))
                await _pump(response, subscription, self._legacy)
        return response

    def _burst(self) -> Iterator[bytes]:
        for source in (PROXY, UPSTREAM):
            text = self.logs.history(source).content().decode("utf-8", "replace")
            yield _wrapped("logData", {"source": source, "data": text})
        yield _wrapped("modelStatus", self.show.model_status())
        yield _wrapped("uiConfig", self.show.ui_config())
        yield _wrapped("profileChanged", self.show.profile())
        requests = self.show.requests()
        yield _wrapped("inflight", {"operation": "snapshot"} | ({"requests": requests} if requests else {}))

    def _legacy(self, batch: list[Numbered]) -> Iterator[bytes]:
        events = [numbered.event for numbered in batch]
        if any(isinstance(event, ModelChanged | ConfigChanged | ProfileChanged) for event in events):
            yield _wrapped("modelStatus", self.show.model_status())
        for event in events:
            match event:
                case Logged(source, data):
                    text = data.decode("utf-8", "replace")
                    yield _wrapped("logData", {"source": PROXY if source == PROXY else UPSTREAM, "data": text})
                case ActivityRecorded(number):
                    yield _wrapped("activity", {"id": number})
                case ProfileChanged():
                    yield _wrapped("profileChanged", self.show.profile())
                case ConfigChanged():
                    yield _wrapped("uiConfig", self.show.ui_config())
                case RequestChanged(number, ended):
                    record = None if ended else self.show.request(number)
                    change = {"operation": "upsert", "request": record} if record else _removed(number)
                    yield _wrapped("inflight", change)
                case _:
                    pass  # a gap: the status above is complete whatever was lost


async def _pump(
    response: EventSourceResponse, subscription: Subscription, frames: Callable[[list[Numbered]], Iterator[bytes]]
) -> None:
    """Send what has gathered, in one write, until the client leaves or the daemon ends."""
    while not subscription.is_closed:
        await subscription.wait()
        await asyncio.sleep(BATCH_SECONDS)
        await response.write(b"".join(frames(subscription.take())))


def _kinds(topics: str) -> tuple[type[Event], ...]:
    names = [name.strip() for name in topics.split(",") if name.strip()]
    unknown = [name for name in names if name not in _TOPICS]
    if unknown or not names:
        raise InvalidRequest(
            f"unknown topics: {', '.join(unknown) or 'none given'}", advice=f"there are: {', '.join(_TOPICS)}"
        )
    return tuple(kind for name in names for kind in _TOPICS[name])


def _removed(number: int) -> dict[str, str]:
    return {"operation": "remove", "id": str(number)}


def _frame(name: str, number: int, data: Any) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), number, orjson.dumps(data))


def _wrapped(kind: str, data: Any) -> bytes:
    inner = orjson.dumps(data).decode()
    return b"event:message\ndata:%b\n\n" % orjson.dumps({"type": kind, "data": inner})
