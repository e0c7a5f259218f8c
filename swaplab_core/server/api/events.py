"""Live events: llama-swap's envelope for existing pages, named events with numbers for our own.

Every subscriber has its own bounded queue (see `runtime.bus`), and what has gathered is sent in one write some twenty
times a second, so many subscribers cost little and one that never reads costs nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from attrs import define, field

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import (
    ActivityCleared,
    ActivityRecorded,
    ConfigChanged,
    Event,
    JobChanged,
    JobLogged,
    Logged,
    ModelChanged,
    ModelPreloaded,
    ModelUsed,
    PluginNews,
    PluginsChanged,
    ProfileChanged,
    RequestChanged,
)
from swaplab_core.runtime.bus import Bus, Numbered, Subscription
from swaplab_core.runtime.logbook import LogBook
from swaplab_core.runtime.logs import HISTORY_BYTES
from swaplab_core.server.route import Endpoint, get
from swaplab_core.server.shapes.projections import Projections
from swaplab_core.server.streams.event_frames import Envelope, Kinds, NamedFrames
from swaplab_core.server.streams.sse import event_stream, last_event_id

BATCH_SECONDS = 0.05

_TOPICS: dict[str, Kinds] = {
    "models": (ModelChanged, ModelUsed, ModelPreloaded),
    "inflight": (RequestChanged,),
    "activity": (ActivityRecorded, ActivityCleared),
    "profile": (ProfileChanged,),
    "config": (ConfigChanged,),
    "jobs": (JobChanged, JobLogged),
    "plugins": (PluginNews, PluginsChanged),
}
_LEGACY = (ModelChanged, ConfigChanged, ProfileChanged, RequestChanged, ActivityRecorded, Logged)


@define(eq=False)
class EventRoutes:
    """One route, two languages: with `?topics=` named events, without it llama-swap's envelope."""

    bus: Bus
    logs: LogBook
    show: Projections
    _named: NamedFrames = field(init=False)
    _envelope: Envelope = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._named = NamedFrames(self.bus, self.show)
        self._envelope = Envelope(self.bus, self.logs, self.show)

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/events", Policy.READ, self.events)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Follow events until the client leaves."""
        topics = request.query.get("topics")
        kinds = None if topics is None else _kinds(topics)
        async with event_stream(request) as response:
            if kinds is None:
                await self._follow_envelope(response)
            else:
                await self._follow_named(response, kinds, last_event_id(request))
        return response

    async def _follow_named(self, response: web.StreamResponse, kinds: Kinds, last: int | None) -> None:
        """What the client has missed since its `last` event, or everything anew, and then what comes."""
        missed = None if last is None else self.bus.since(last, kinds)
        with self.bus.subscribe(*kinds) as subscription:
            begin = self._named.snapshot(kinds) if missed is None else self._named.news(missed, kinds)
            await response.write(begin)
            await _pump(response, subscription, lambda batch: self._named.news(batch, kinds))

    async def _follow_envelope(self, response: web.StreamResponse) -> None:
        with self.bus.subscribe(*_LEGACY, limit_bytes=HISTORY_BYTES) as subscription:
            await response.write(self._envelope.burst())
            await _pump(response, subscription, self._envelope.news)


async def _pump(
    response: web.StreamResponse, subscription: Subscription, frames: Callable[[list[Numbered]], bytes]
) -> None:
    """Send what has gathered, in one write, until the client leaves or the daemon ends."""
    while not subscription.is_closed:
        await subscription.wait()
        await asyncio.sleep(BATCH_SECONDS)
        await response.write(frames(subscription.take()))


def _kinds(topics: str) -> tuple[type[Event], ...]:
    names = [name.strip() for name in topics.split(",") if name.strip()]
    unknown = [name for name in names if name not in _TOPICS]
    if unknown or not names:
        raise InvalidRequest(
            f"unknown topics: {', '.join(unknown) or 'none given'}", advice=f"there are: {', '.join(_TOPICS)}"
        )
    return tuple(kind for name in names for kind in _TOPICS[name])
