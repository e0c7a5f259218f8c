"""Live events through real HTTP: llama-swap's envelope, named events, and requests in flight."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from event_streams import Told, enveloped, told
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

SLOWLY = ("--tokens", "1000000", "--tokens-per-second", "50")
PEERS = {"lab": {"proxy": "http://127.0.0.1:1", "models": ["far"]}}
PROFILES = {"work": {"pins": {"gpt": "m"}}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    capable = {"in": ["text", "image"], "out": ["text"], "context": 4096}
    models = {
        "m": {**sim(), "aliases": ["also"], "capabilities": capable, "name": "M"},
        "slow": {**sim(*SLOWLY), "unlisted": True},
    }
    groups = {"all": {"swap": False, "members": list(models)}}
    ui = {"activity": {"session_id": ["X-Me"]}}
    with running_swaplab(
        tmp_path_factory.mktemp("events"), models, groups=groups, peers=PEERS, profiles=PROFILES, ui=ui
    ) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared) -> Swaplab:
    return shared.renew()


@contextlib.contextmanager
def following(swaplab: Swaplab, topics: str, **headers: str) -> Iterator[Iterator[Told]]:
    with swaplab.asking("GET", f"/api/events?topics={topics}", headers=headers) as stream:
        assert stream.status == 200
        yield told(stream)


@contextlib.contextmanager
def envelopes(swaplab: Swaplab) -> Iterator[Iterator[tuple[str, Any]]]:
    with swaplab.asking("GET", "/api/events") as stream:
        yield enveloped(stream)


def find(events: Iterator, wanted: Callable[[Any], bool]) -> Any:
    """The first that is wanted; the others are passed over."""
    return next(event for event in events if wanted(event))


# llama-swap's envelope


def test_a_new_listener_gets_the_present_state_first(swaplab):
    with swaplab.streaming("slow") as stream, envelopes(swaplab) as events:
        stream.readline()
        burst = list(itertools.islice(events, 6))

    assert [kind for kind, _ in burst] == [
        "logData",
        "logData",
        "modelStatus",
        "uiConfig",
        "profileChanged",
        "inflight",
    ]
    proxy, upstream, status, ui, profile, inflight = (data for _, data in burst)
    assert (proxy["source"], upstream["source"]) == ("proxy", "upstream")
    assert "slow: started" in proxy["data"]
    assert (ui, profile) == ({"activity": {"session_id": ["X-Me"]}}, {"active": None})
    assert status[0] == {
        "id": "m",
        "name": "M",
        "description": "",
        "state": "stopped",
        "unlisted": False,
        "peerID": "",
        "aliases": ["also"],
        "capabilities": {"vision": True},
        "context_length": 4096,
    }
    assert (status[1]["id"], status[1]["state"], status[1]["unlisted"]) == ("slow", "ready", True)
    assert (status[2]["id"], status[2]["peerID"], status[2]["state"]) == ("lab/far", "lab", "")
    assert inflight["operation"] == "snapshot"
    assert [request["model"] for request in inflight["requests"]] == ["slow"]


def test_an_empty_table_of_requests_is_left_out(swaplab):
    with envelopes(swaplab) as events:
        assert find(events, lambda event: event[0] == "inflight")[1] == {"operation": "snapshot"}


def test_what_happens_is_told_in_llama_swaps_words(swaplab):
    with envelopes(swaplab) as events:
        list(itertools.islice(events, 6))
        assert swaplab.chat("m").status == 200
        seen = []
        find(events, lambda event: seen.append(event) or event[0] == "activity")
        swaplab.ask("PUT", "/api/profiles/active", json_body={"name": "work"})
        swaplab.ask("PUT", "/api/profiles/active", json_body={"name": None})
        find(events, lambda event: seen.append(event) or event == ("profileChanged", {"active": None}))

    kinds = {kind for kind, _ in seen}
    assert kinds == {"modelStatus", "inflight", "activity", "logData", "profileChanged"}
    states = [data[0]["state"] for kind, data in seen if kind == "modelStatus"]
    assert states[-1] == "ready"
    assert next(data for kind, data in seen if kind == "activity").keys() == {"id"}
    assert any("m: started" in data["data"] for kind, data in seen if kind == "logData")


def test_the_headers_let_no_proxy_hold_events_back(swaplab):
    for method in ("GET", "HEAD"):
        with swaplab.asking(method, "/api/events") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            assert stream.headers["Cache-Control"] == "no-cache"
            assert stream.headers["X-Accel-Buffering"] == "no"
            assert stream.headers["X-Content-Type-Options"] == "nosniff"


# named events


def test_named_events_begin_with_everything_and_go_on_with_changes(swaplab):
    with following(swaplab, "models,profile") as events:
        reset, *models, profile, whole = itertools.islice(events, 5)
        assert (reset.name, [event.data["id"] for event in models]) == ("reset", ["m", "slow"])
        assert (profile.name, profile.data) == ("profile.changed", {"active": None})
        assert whole.name == "ready"
        swaplab.chat("m")
        ready = find(events, lambda event: event.name == "model.updated" and event.data["state"] == "ready")

    assert ready.data["id"] == "m"
    assert int(ready.number) > int(reset.number)


def test_a_switched_profile_is_told(swaplab):
    with following(swaplab, "profile") as events:
        assert [next(events).name, next(events).data, next(events).name] == ["reset", {"active": None}, "ready"]
        for name in ("work", None):
            swaplab.ask("PUT", "/api/profiles/active", json_body={"name": name})
            assert next(events).data == {"active": name}


def test_a_listener_that_comes_back_gets_what_it_missed(swaplab):
    with following(swaplab, "models,activity") as events:
        last = [next(events) for _ in range(3)][-1]
    swaplab.chat("m")

    with following(swaplab, "models,activity", **{"Last-Event-ID": last.number}) as events:
        missed = [find(events, lambda event: event.name == "activity.added")]
    with following(swaplab, "models,activity", **{"Last-Event-ID": "999999999"}) as events:
        anew = next(events)
    with following(swaplab, "models,activity", **{"Last-Event-ID": "nonsense"}) as events:
        also_anew = next(events)

    assert int(missed[0].number) > int(last.number)
    assert (anew.name, also_anew.name) == ("reset", "reset")


@pytest.mark.parametrize("topics", ["", "models,nothing", ","])
def test_an_unknown_topic_is_refused_with_what_there_is(swaplab, topics):
    answer = swaplab.ask("GET", f"/api/events?topics={topics}")

    assert answer.status == 400
    assert "models, inflight, activity" in answer.error["message"]


def test_preloads_are_told(serve):
    models = {"good": sim("--load-seconds", "0.5"), "bad": sim("--die-at-start")}
    swaplab = serve(models, hooks={"on_startup": {"preload": ["good", "bad"]}})

    with following(swaplab, "models") as events:
        preloads = (event.data for event in events if event.name == "model.preloaded")
        assert [next(preloads), next(preloads)] == [{"id": "good", "success": True}, {"id": "bad", "success": False}]


def test_the_end_of_the_daemon_ends_every_stream(tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}) as swaplab, contextlib.ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(swaplab.asking("GET", path))
            for path in ("/api/events", "/api/events?topics=models", "/logs/stream", "/api/logs/stream")
        ]
        assert swaplab.process.terminate() == 0
        for stream in streams:
            stream.read()  # raises when it was cut off


# requests in flight


def test_a_request_is_in_flight_while_it_is_handled_and_its_growth_is_told(swaplab):
    headers = {"Authorization": "Bearer secret", "X-Forwarded-For": "203.0.113.9, 10.0.0.1", "X-Me": "session 7"}
    with following(swaplab, "inflight") as events:
        assert [next(events).name, next(events).name] == ["reset", "ready"]
        with swaplab.asking(
            "POST", "/v1/chat/completions", json_body=chat_body("slow", stream=True), headers=headers
        ) as stream:
            stream.readline()
            began = next(events)
            answered = find(events, lambda event: event.data["resp_headers"])
            grown = find(events, lambda event: event.data["resp_bytes"] > answered.data["resp_bytes"])
            listed = swaplab.ask("GET", "/api/inflight").json()["requests"]
        ended = find(events, lambda event: event.name == "inflight.removed")

    record = began.data
    assert record.keys() == {
        "id",
        "timestamp",
        "model",
        "req_path",
        "method",
        "req_headers",
        "remote_ip",
        "resp_headers",
        "resp_bytes",
        "elapsed_ms",
        "metadata",
    }
    assert (record["model"], record["req_path"], record["method"]) == ("slow", "/v1/chat/completions", "POST")
    assert (record["req_headers"]["Authorization"], record["remote_ip"]) == ("[REDACTED]", "203.0.113.9")
    assert record["metadata"] == {"fifo_priority": "0", "session_id": "session 7"}
    assert record["timestamp"].endswith("Z")
    assert answered.data["resp_headers"]["Content-Type"].startswith("text/event-stream")
    assert grown.data["elapsed_ms"] >= answered.data["elapsed_ms"]
    assert [request["id"] for request in listed] == [record["id"]] == [ended.data["id"]]
    assert swaplab.ask("GET", "/api/inflight").json() == {"requests": []}


def test_a_request_is_cancelled_by_its_id_and_recorded_once(swaplab):
    newest = swaplab.ask("GET", "/api/metrics/activity").json()["data"]
    with swaplab.streaming("slow") as stream:
        stream.readline()
        (request,) = swaplab.ask("GET", "/api/inflight").json()["requests"]
        assert swaplab.ask("POST", f"/api/inflight/{request['id']}/cancel").json() == {"msg": "ok"}
        with pytest.raises(Exception, match="IncompleteRead"):
            stream.read()
    swaplab.wait_for("slow", serving=0)

    rows = swaplab.ask("GET", "/api/metrics/activity").json()["data"]
    assert len(rows) - len(newest) == 1
    assert (rows[0]["model"], rows[0]["error_msg"]) == ("slow", "the client left")


def test_a_request_that_waits_is_cancelled_too(serve):
    swaplab = serve({"busy": sim(*SLOWLY), "other": sim()})
    with swaplab.streaming("busy"), swaplab.waiting("other"):
        requests = {entry["model"]: entry["id"] for entry in swaplab.ask("GET", "/api/inflight").json()["requests"]}
        assert swaplab.ask("POST", f"/api/inflight/{requests['other']}/cancel").status == 200
        swaplab.wait_for("other", waiting=0)


@pytest.mark.parametrize("number", ["1000000", "x", "-1", "9" * 5000])
def test_cancelling_an_unknown_request_is_404(swaplab, number):
    assert swaplab.ask("POST", f"/api/inflight/{number}/cancel").error["code"] == "not-there"
