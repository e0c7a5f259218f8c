"""How events are written: each once for all listeners, and everything anew after a gap in states."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import define, field

from swaplab_core.domain.events import (
    ActivityCleared,
    ActivityRecorded,
    ConfigChanged,
    Event,
    Gap,
    Logged,
    ModelChanged,
    ModelPreloaded,
    ProfileChanged,
    RequestChanged,
)
from swaplab_core.domain.ids import ModelId
from swaplab_core.runtime.bus import Bus, Numbered
from swaplab_core.runtime.logbook import LogBook
from swaplab_core.server.streams.event_frames import Envelope, FrameCache, NamedFrames

M = ModelId("m")
STATES = (ModelChanged, RequestChanged, ProfileChanged)


@define
class Shown:
    """Stands in for the projections: one model, one request. Counts how often it is asked."""

    asked: list[str] = field(factory=list)

    def models(self) -> list[dict[str, Any]]:
        return [{"id": "m"}]

    def model(self, model: str) -> dict[str, Any] | None:
        self.asked.append(model)
        return {"id": model} if model == "m" else None

    def requests(self) -> list[dict[str, Any]]:
        return [{"id": "1"}]

    def request(self, number: int) -> dict[str, Any] | None:
        return {"id": str(number)} if number == 1 else None

    def profile(self) -> dict[str, Any]:
        return {"active": "p"}

    def ui_config(self) -> dict[str, Any]:
        return {"ui": 1}

    def model_status(self) -> list[dict[str, Any]]:
        self.asked.append("status")
        return [{"id": "m", "state": "ready"}]


def named(*events: Event, show: Shown | None = None) -> list[tuple[str, Any]]:
    """Name and data of each frame."""
    frames = NamedFrames(Bus(), show or Shown())
    return read_named(frames.news([Numbered(n, event) for n, event in enumerate(events, 1)], STATES))


def read_named(text: bytes) -> list[tuple[str, Any]]:
    frames = [frame.split(b"\n") for frame in text.split(b"\n\n") if frame]
    return [(name[7:].decode(), json.loads(data[6:])) for name, _, data in frames]


def enveloped(*events: Event) -> list[tuple[str, Any]]:
    """Type and decoded data of each frame."""
    frames = Envelope(Bus(), LogBook(Bus(), lambda _: None), Shown())
    text = frames.news([Numbered(n, event) for n, event in enumerate(events, 1)])
    outer = [json.loads(frame.partition(b"data:")[2]) for frame in text.split(b"\n\n") if frame]
    return [(frame["type"], json.loads(frame["data"])) for frame in outer]


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (ModelChanged(M), "model.updated", {"id": "m"}),
        (ModelChanged(ModelId("gone")), "model.removed", {"id": "gone"}),
        (ModelPreloaded(M, success=True), "model.preloaded", {"id": "m", "success": True}),
        (RequestChanged(1), "inflight.updated", {"id": "1"}),
        (RequestChanged(1, ended=True), "inflight.removed", {"id": "1"}),
        (RequestChanged(2), "inflight.removed", {"id": "2"}),
        (ActivityRecorded(7), "activity.added", {"id": 7}),
        (ActivityCleared(), "activity.cleared", {}),
        (ProfileChanged(None), "profile.changed", {"active": None}),
        (ConfigChanged("r"), "config.changed", {"revision": "r"}),
        (Gap(3, 9), "gap", {"dropped": 3}),
    ],
)
def test_each_event_has_its_name_and_data(event, name, data):
    assert named(event) == [(name, data)]


def test_after_a_gap_in_states_everything_is_told_anew():
    assert [name for name, _ in named(Gap(0, states=True), ActivityRecorded(1))] == [
        "gap",
        "reset",
        "model.updated",
        "inflight.updated",
        "profile.changed",
        "ready",
        "activity.added",
    ]


def test_an_event_is_written_once_for_all_listeners():
    show = Shown()
    frames = NamedFrames(Bus(), show)
    batch = [Numbered(1, ModelChanged(M))]

    assert frames.news(batch, STATES) == frames.news(batch, STATES)
    assert show.asked == ["m"]


def test_the_list_of_models_is_written_once_while_nothing_happens():
    bus, show = Bus(), Shown()
    frames = Envelope(bus, LogBook(Bus(), lambda _: None), show)
    for _ in range(3):
        frames.news([Numbered(1, ModelChanged(M))])
    bus.publish(ModelChanged(M))
    frames.news([Numbered(2, ModelChanged(M))])

    assert show.asked == ["status", "status"]


def test_the_envelope_tells_states_whole_and_the_rest_one_by_one():
    status = ("modelStatus", [{"id": "m", "state": "ready"}])

    assert enveloped(ModelChanged(M), ModelChanged(M)) == [status]
    assert enveloped(ConfigChanged("r")) == [status, ("uiConfig", {"ui": 1})]
    assert enveloped(ProfileChanged("p")) == [status, ("profileChanged", {"active": "p"})]
    assert enveloped(RequestChanged(1)) == [("inflight", {"operation": "upsert", "request": {"id": "1"}})]
    assert enveloped(RequestChanged(1, ended=True)) == [("inflight", {"operation": "remove", "id": "1"})]
    assert enveloped(Logged("model:m", b"x\xff"), Logged("proxy", b"y")) == [
        ("logData", {"source": "upstream", "data": "x\ufffd"}),
        ("logData", {"source": "proxy", "data": "y"}),
    ]


def test_the_envelope_marks_what_is_missing_and_tells_states_anew():
    assert enveloped(Gap(3, 900)) == [("logData", {"source": "upstream", "data": "\n— 900 bytes dropped —\n"})]
    assert enveloped(Gap(1)) == []
    assert [kind for kind, _ in enveloped(Gap(0, states=True))] == ["modelStatus", "inflight"]


def test_the_cache_forgets_the_oldest_when_it_is_full():
    cache, made = FrameCache(limit_bytes=25), []

    def make(numbered: Numbered) -> bytes:
        made.append(numbered.number)
        return bytes(10)

    for number in (1, 2, 1, 3, 1):
        cache.get(Numbered(number, ActivityRecorded(number)), make)

    assert made == [1, 2, 3, 1]
