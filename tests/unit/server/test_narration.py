"""What a waiting client is told, and that every chunk of it is one that strict clients accept."""

from __future__ import annotations

import json

import pytest

from swaplab_core.domain.metering import Progress
from swaplab_core.server.errors import error_body
from swaplab_core.server.inference.narration import Narrator, Waiting, comment, describe, error_event


def waiting(*, position=1, elapsed=3.0, loading=None, expected=None, progress=None):
    return Waiting(position, elapsed, loading, expected, progress)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (waiting(position=4), "Queue position: #4"),
        (waiting(loading=12.4), "12 s"),
        (waiting(loading=12.4, expected=29.6), "12 s of about 30 s"),
        (waiting(loading=1.0, progress=Progress("weights", 0.425)), "weights 42% · 1 s"),
        (waiting(loading=1.0, progress=Progress("graphs")), "graphs · 1 s"),
        (waiting(loading=1.0, expected=2.0, progress=Progress("weights", 1.0)), "weights 100% · 1 s of about 2 s"),
    ],
)
def test_one_line_says_the_place_in_the_queue_or_how_far_the_load_is(now, said):
    assert describe(now) == said


@pytest.fixture
def narrator():
    return Narrator("chatcmpl-7", "org/m", 1_700_000_000)


def chunk(data):
    assert data.startswith(b"data: ")
    assert data.endswith(b"\n\n")
    assert data.count(b"\n") == 2, "one line of data"
    return json.loads(data.removeprefix(b"data: "))


def test_every_chunk_is_a_whole_chat_chunk(narrator):
    chunks = [chunk(narrator.begin()), chunk(narrator.update(waiting())), chunk(narrator.end(1.0))]

    for each in chunks:
        assert each.keys() == {"id", "object", "created", "model", "choices"}
        assert (each["id"], each["object"]) == ("chatcmpl-7", "chat.completion.chunk")
        assert (each["model"], each["created"]) == ("org/m", 1_700_000_000)
        (choice,) = each["choices"]
        assert (choice["index"], choice["finish_reason"]) == (0, None)
        assert isinstance(choice["delta"]["reasoning_content"], str)
    assert [each["choices"][0]["delta"].get("role") for each in chunks] == ["assistant", None, None]


def text(data):
    return chunk(data)["choices"][0]["delta"]["reasoning_content"]


def test_the_story_has_a_beginning_and_an_end(narrator):
    assert text(narrator.begin()) == "━━━━━\nswaplab is loading org/m\n"
    assert text(narrator.end(12.345)) == "Done! (12.35s)\n━━━━━\n \n"


def test_nothing_is_said_twice(narrator):
    assert text(narrator.update(waiting(position=2))) == "Queue position: #2\n"
    assert narrator.update(waiting(position=2, elapsed=9.0)) == b""
    assert text(narrator.update(waiting(position=1))) == "Queue position: #1\n"
    assert text(narrator.update(waiting(loading=1.2))) == "1 s\n"
    assert narrator.update(waiting(loading=1.4)) == b""


def test_a_comment_is_no_event():
    assert comment(waiting(position=3)) == b": Queue position: #3\n\n"


def test_an_error_is_an_event_that_holds_an_error_response():
    event = error_event(error_body("it did not start\nsee the log", 502, "start-failed"))

    head, _, rest = event.partition(b"\n")
    assert head == b"event: error"
    assert chunk(rest)["error"] == {
        "message": "it did not start\nsee the log",
        "type": "server_error",
        "param": None,
        "code": "start-failed",
    }
