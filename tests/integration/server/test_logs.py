"""The logs through real HTTP: history, followers, pages, and a flood that holds nobody up."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator

import pytest
from event_streams import told
from memory import resident_mib
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

FLOOD_BYTES = 200_000_000


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    models = {"org/m": {**sim(), "aliases": ["a/b c"]}, "silent": sim()}
    groups = {"all": {"swap": False, "members": list(models)}}
    with running_swaplab(tmp_path_factory.mktemp("logs"), models, groups=groups) as swaplab:
        assert swaplab.chat("org/m").status == 200
        yield swaplab


def first_lines(swaplab: Swaplab, path: str, count: int) -> bytes:
    with swaplab.asking("GET", path) as stream:
        assert stream.status == 200, stream.read()
        return b"".join(stream.readline() for _ in range(count))


def test_the_history_is_what_the_daemon_has_printed(swaplab):
    answer = swaplab.ask("GET", "/logs")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "[INFO] org/m: started, pid " in answer.text
    assert answer.text in swaplab.log() or swaplab.wait_for_log(answer.text) is None


def test_a_browser_is_led_to_the_pages(swaplab):
    answer = swaplab.ask("GET", "/logs", headers={"Accept": "text/html,*/*"})

    assert (answer.status, answer.headers["Location"]) == (302, "ui/")


@pytest.mark.parametrize("name", ["org/m", "org%2Fm", "a/b%20c", "model:org/m", "org/m?x=/no/part/of/it"])
def test_the_log_of_one_model_can_be_followed_by_id_and_alias(swaplab, name):
    with swaplab.asking("GET", f"/logs/stream/{name}") as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert stream.headers["X-Content-Type-Options"] == "nosniff"
        assert stream.readline()


@pytest.mark.parametrize("path", ["/logs/stream/nobody", "/api/logs?source=nobody", "/api/logs/stream?source=nobody"])
def test_an_unknown_name_is_refused_with_what_there_is(swaplab, path):
    answer = swaplab.ask("GET", path)

    assert (answer.status, answer.error["code"]) == (400, "invalid-request")
    assert "proxy, upstream" in answer.error["message"]


def test_a_follower_gets_history_first_and_then_what_comes(swaplab):
    with swaplab.asking("GET", "/logs/stream/proxy") as stream:
        assert b"[INFO]" in stream.readline()
        swaplab.ask("GET", "/running?marker")
        assert any(b"/running?marker" in line for line in iter(stream.readline, b""))


def test_without_history_a_follower_gets_only_what_comes(swaplab):
    with swaplab.asking("GET", "/logs/stream/proxy?no-history") as stream:
        swaplab.ask("GET", "/running?only-this")
        assert b"/running?only-this" in stream.readline()


def test_each_request_is_a_line_of_the_log_but_those_that_only_look(swaplab):
    swaplab.ask("GET", "/health?unseen")
    swaplab.ask("GET", "/metrics?unseen")
    swaplab.ask("GET", "/running?seen", headers={"X-Forwarded-For": "203.0.113.9, 10.0.0.1", "User-Agent": "me/1"})

    swaplab.wait_for_log('[INFO] 203.0.113.9 "GET /running?seen HTTP/1.1" 200 ')
    assert '"me/1"' in swaplab.log()
    assert "unseen" not in swaplab.log()


def test_lines_are_records_that_can_be_followed_and_paged_backwards(swaplab):
    with swaplab.asking("GET", "/api/logs/stream?source=proxy") as stream:
        events = told(stream)
        first = next(events)
        swaplab.ask("GET", "/running?record")
        last = next(event for event in events if "/running?record" in event.data["text"])
    page = swaplab.ask("GET", f"/api/logs?source=proxy&before={last.number}&limit=1").json()
    with swaplab.asking("GET", f"/api/logs/stream?source=proxy&since={last.number}") as stream:
        again = next(told(stream))
    with swaplab.asking("GET", "/api/logs/stream?source=proxy", headers={"Last-Event-ID": last.number}) as stream:
        resumed = next(told(stream))

    assert first.name == "line"
    assert first.data.keys() == {"seq", "ts", "source", "level", "text"}
    assert (last.data["source"], last.data["level"]) == ("proxy", "info")
    assert len(page["lines"]) == 1
    assert page["lines"][0]["seq"] < last.data["seq"]
    assert again.data == resumed.data == last.data


@pytest.mark.parametrize("path", ["/api/logs?before=x", "/api/logs?limit=-1", "/api/logs/stream?level=loud"])
def test_wrong_parameters_are_refused(swaplab, path):
    assert swaplab.ask("GET", path).status == 400


@pytest.mark.parametrize("path", ["/logs/stream", "/logs/stream/org/m", "/api/logs/stream"])
def test_head_tells_what_would_come_and_ends(swaplab, path):
    with swaplab.asking("HEAD", path) as response:
        assert (response.status, response.read()) == (200, b"")


def test_a_flood_of_output_holds_nobody_up_whoever_listens_or_does_not(serve):
    models = {"loud": sim("--log-bytes", str(FLOOD_BYTES)), "m": sim("--say", "hello")}
    swaplab = serve(models, groups={"all": {"swap": False, "members": ["loud", "m"]}}, logToStdout="none")
    swaplab.chat("m")
    with (
        contextlib.ExitStack() as listeners,
        swaplab.asking("GET", "/api/events") as events,
        swaplab.asking("GET", "/api/logs/stream?source=model:loud") as lines,
    ):
        for path in ("/api/events", "/logs/stream/loud", "/api/logs/stream?source=upstream"):
            listeners.enter_context(deaf(swaplab, path))
        before = resident_mib(swaplab.process.pid)
        assert swaplab.ask("POST", "/api/models/load/loud").status == 200
        for _ in range(10):
            assert swaplab.chat("m").said == "hello"
            list(itertools.islice(told(lines), 100))
            list(itertools.islice(told(events), 3))
        wait_until(lambda: written(swaplab, "loud") > FLOOD_BYTES - 1000, "all of it")
        grown = resident_mib(swaplab.process.pid) - before

    assert grown < 60, f"{grown} MiB more after {FLOOD_BYTES} bytes of output"


@contextlib.contextmanager
def deaf(swaplab: Swaplab, path: str) -> Iterator[None]:
    """Somebody who asks for a stream and never reads it."""
    with socket.create_connection(("127.0.0.1", swaplab.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        yield


def written(swaplab: Swaplab, model: str) -> int:
    """About how much a model has printed: the offset of its last line."""
    lines = swaplab.ask("GET", f"/api/logs?source=model:{model}&limit=1").json()["lines"]
    return lines[0]["seq"] if lines else 0
