"""A client that waits for a stream hears comments; behind them the stream is the engine's, byte for byte."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from event_streams import comments, last_error
from running_swaplab import chat_body, sim

SAYS = "This is what the model says."
RAW_EVENTS = 'data: {"a":  1}\r\n\r\n: its own\n\nevent: x\ndata:no space ü\ndata: two\n\n\n\ndata: [DONE]'.encode()
ASK = [{"role": "user", "content": "Hi"}]
PROGRESS = r"loading \d+% · \d s|\d s|Queue position: #1"


@pytest.mark.parametrize(
    ("model", "path"),
    [("comments-chat", "/v1/chat/completions"), ("comments-completions", "/v1/completions")],
)
def test_every_stream_that_waits_hears_comments_and_then_the_answer(streamed, model, path):
    stream = streamed(model, path)

    heard = comments(stream)
    assert len(heard) >= 2
    assert all(re.fullmatch(PROGRESS, comment) for comment in heard), heard
    assert stream.rstrip().endswith(b"data: [DONE]")


def test_the_openai_client_does_not_notice_comments(client):
    chunks = list(client.chat.completions.create(model="comments-openai", messages=ASK, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAYS


def test_behind_the_comments_every_byte_is_the_engines(swaplab, streamed):
    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("busy"):
            swaplab.wait_for("busy", serving=1)
            asked = clients.submit(streamed, "raw")
            swaplab.wait_for("raw", waiting=1)
            with swaplab.streaming("raw") as second:
                assert second.readline() == b": Queue position: #2\n", "so the first has heard one as well"
        stream = asked.result()

    ours, found, theirs = stream.partition(RAW_EVENTS)
    assert found == RAW_EVENTS
    assert theirs == b""
    assert re.fullmatch(rb"(: [^\n]+\n\n)+", ours)
    assert b": Queue position: #1\n\n" in ours


def test_a_load_that_fails_after_a_comment_is_an_event(streamed):
    stream = streamed("comments-dies", "/v1/completions")

    assert comments(stream)
    error = last_error(stream)
    assert (error["code"], error["type"]) == ("start-failed", "server_error")
    assert "comments-dies ended by itself, exit code 3" in error["message"]
    assert "cannot load the model" in error["message"], "its last words"


def test_before_the_first_comment_is_due_nothing_is_sent_and_a_failure_is_a_real_status(serve):
    models = {"slow": sim("--load-seconds", "0.3", "--say", SAYS), "dies": sim("--die-at-start", "3")}
    swaplab = serve(models)

    served = swaplab.ask("POST", "/v1/chat/completions", json_body=chat_body("slow", stream=True))
    failed = swaplab.ask("POST", "/v1/chat/completions", json_body=chat_body("dies", stream=True))

    assert served.body.startswith(b"data: {")
    assert not comments(served.body)
    assert (failed.status, failed.error["code"]) == (502, "start-failed")


@pytest.mark.parametrize("model", ["comments-never", "story-never"])
def test_a_client_that_leaves_while_it_hears_something_gives_its_place_back(swaplab, model):
    with swaplab.streaming(model) as response:
        response.readline()
        assert swaplab.model(model)["waiting"] == 1

    swaplab.wait_for(model, waiting=0)
