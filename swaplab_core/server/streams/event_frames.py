"""Events as they are written: named ones with numbers for our own pages, llama-swap's envelope for existing ones.

Many subscribers hear the same, so what has been written for one is kept a while for the others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from attrs import define, field

from swaplab_core.domain.events import (
    ActivityCleared,
    ActivityRecorded,
    ConfigChanged,
    Event,
    Gap,
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
from swaplab_core.runtime.bus import Bus, Numbered
from swaplab_core.runtime.logbook import PROXY, UPSTREAM, LogBook
from swaplab_core.server.shapes.projections import Projections

CACHE_BYTES = 2**19

Kinds = tuple[type[Event], ...]


@define(eq=False)
class FrameCache:
    """Frames by the number of their event, the oldest forgotten first."""

    limit_bytes: int = CACHE_BYTES
    _frames: OrderedDict[int, bytes] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)

    def get(self, numbered: Numbered, make: Callable[[Numbered], bytes]) -> bytes:
        """The frame of this event, made now if nobody asked before."""
        frame = self._frames.get(numbered.number)
        if frame is None:
            frame = self._frames[numbered.number] = make(numbered)
            self._bytes += len(frame)
            while self._bytes > self.limit_bytes:
                self._bytes -= len(self._frames.popitem(last=False)[1])
        return frame


@define(eq=False)
class NamedFrames:
    """One frame per event: its name, its number, its data. After a gap in states everything is told anew."""

    bus: Bus
    show: Projections
    _cache: FrameCache = field(factory=FrameCache, init=False)

    def snapshot(self, kinds: Kinds) -> bytes:
        """How everything stands, from `reset` to `ready`: whoever shows it puts it in place whole at the latter."""
        return b"".join(self._snapshot(kinds))

    def news(self, batch: Iterable[Numbered], kinds: Kinds) -> bytes:
        """What has happened."""
        return b"".join(self._news(batch, kinds))

    def _snapshot(self, kinds: Kinds) -> Iterator[bytes]:
        yield _frame("reset", self.bus.published, {})
        if ModelChanged in kinds:
            for record in self.show.models():
                yield _frame("model.updated", self.bus.published, record)
        if RequestChanged in kinds:
            for record in self.show.requests():
                yield _frame("inflight.updated", self.bus.published, record)
        if ProfileChanged in kinds:
            yield _frame("profile.changed", self.bus.published, self.show.profile())
        if JobChanged in kinds:
            for record in self.show.jobs():
                yield _frame("job.updated", self.bus.published, record)
        yield _frame("ready", self.bus.published, {})

    def _news(self, batch: Iterable[Numbered], kinds: Kinds) -> Iterator[bytes]:
        for numbered in batch:
            if isinstance(numbered.event, Gap):
                yield _frame("gap", numbered.number, {"dropped": numbered.event.dropped})
                if numbered.event.states:
                    yield from self._snapshot(kinds)
            else:
                yield self._cache.get(numbered, self._told)

    def _told(self, numbered: Numbered) -> bytes:
        name, data = self._name_and_data(numbered.event)
        return _frame(name, numbered.number, data)

    def _name_and_data(self, event: Event) -> tuple[str, Any]:
        match event:
            case ModelChanged(model) | ModelUsed(model):
                record = self.show.model(model)
                return ("model.updated", record) if record else ("model.removed", {"id": model})
            case RequestChanged(number, ended):
                record = None if ended else self.show.request(number)
                return ("inflight.updated", record) if record else ("inflight.removed", {"id": str(number)})
            case ActivityRecorded(number):
                return "activity.added", {"id": number}
            case ActivityCleared():
                return "activity.cleared", {}
            case ModelPreloaded(model, success):
                return "model.preloaded", {"id": model, "success": success}
            case ProfileChanged(active):
                return "profile.changed", {"active": active}
            case ConfigChanged(revision):
                return "config.changed", {"revision": revision}
            case _:
                return self._of_plugins(event)

    def _of_plugins(self, event: Event) -> tuple[str, Any]:
        match event:
            case JobChanged(job):
                record = self.show.job(job)
                return ("job.updated", record) if record else ("job.removed", {"id": job})
            case JobLogged(job, end):
                return "job.log", {"id": job, "end": end}
            case PluginNews(plugin, name, subject, data):
                return f"{plugin}.{name}", {"subject": subject, **data}
            case PluginsChanged():
                return "plugins.changed", {}
            case _:
                return event.topic, {}


@define(eq=False)
class Envelope:
    """llama-swap's: `{"type", "data"}`, where data is JSON in a text."""

    bus: Bus
    logs: LogBook
    show: Projections
    _cache: FrameCache = field(factory=FrameCache, init=False)
    _status: tuple[int, bytes] = field(default=(-1, b""), init=False)

    def burst(self) -> bytes:
        """What a new listener gets first: both logs, and how everything stands."""
        return b"".join(self._burst())

    def news(self, batch: Iterable[Numbered]) -> bytes:
        """What has happened; of the models always the whole list."""
        return b"".join(self._news(list(batch)))

    def _burst(self) -> Iterator[bytes]:
        for source in (PROXY, UPSTREAM):
            yield _log(source, self.logs.history(source).content())
        yield self._model_status()
        yield _wrapped("uiConfig", self.show.ui_config())
        yield _wrapped("profileChanged", self.show.profile())
        yield self._all_requests()

    def _news(self, batch: list[Numbered]) -> Iterator[bytes]:
        if any(isinstance(numbered.event, ModelChanged | ConfigChanged | ProfileChanged) for numbered in batch):
            yield self._model_status()
        for numbered in batch:
            if isinstance(numbered.event, Gap):
                yield from self._after(numbered.event)
            elif not isinstance(numbered.event, ModelChanged):
                yield self._cache.get(numbered, self._told)

    def _told(self, numbered: Numbered) -> bytes:
        match numbered.event:
            case Logged(source, data):
                return _log(PROXY if source == PROXY else UPSTREAM, data)
            case ActivityRecorded(number):
                return _wrapped("activity", {"id": number})
            case ProfileChanged():
                return _wrapped("profileChanged", self.show.profile())
            case ConfigChanged():
                return _wrapped("uiConfig", self.show.ui_config())
            case RequestChanged(number, ended):
                record = None if ended else self.show.request(number)
                gone = {"operation": "remove", "id": str(number)}
                return _wrapped("inflight", {"operation": "upsert", "request": record} if record else gone)
            case _:
                return b""

    def _after(self, gap: Gap) -> Iterator[bytes]:
        if gap.bytes:
            yield _log(UPSTREAM, dropped_mark(gap.bytes))
        if gap.states:
            yield self._model_status()
            yield self._all_requests()

    def _model_status(self) -> bytes:
        if self._status[0] != self.bus.published:
            self._status = (self.bus.published, _wrapped("modelStatus", self.show.model_status()))
        return self._status[1]

    def _all_requests(self) -> bytes:
        requests = self.show.requests()
        return _wrapped("inflight", {"operation": "snapshot"} | ({"requests": requests} if requests else {}))


def dropped_mark(size: int) -> bytes:
    """What stands in a log as text where bytes are missing."""
    return f"\n— {size} bytes dropped —\n".encode()


def _frame(name: str, number: int, data: Any) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), number, orjson.dumps(data))


def _log(source: str, data: bytes) -> bytes:
    return _wrapped("logData", {"source": source, "data": data.decode("utf-8", "replace")})


def _wrapped(kind: str, data: Any) -> bytes:
    inner = orjson.dumps(data).decode()
    return b"event:message\ndata:%b\n\n" % orjson.dumps({"type": kind, "data": inner})
