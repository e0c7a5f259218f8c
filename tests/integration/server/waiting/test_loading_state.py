"""The loading state: a streamed chat is told what happens while its model loads, as reasoning text."""

from __future__ import annotations

import http.client
import re
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from event_streams import comments, decoded, last_error, reasoning
from running_swaplab import chat_body, said, sim

SAYS = "This is what the model says."
ASK = [{"role": "user", "content": "Hi"}]


def test_it_comes_in_whole_chunks_with_progress_and_the_content_follows(streamed):
    events = decoded(streamed("story"))

    told = [event for event in events if reasoning([event])]
    assert len({event["id"] for event in told}) == 1
    for event in told:
        assert event["object"] == "chat.completion.chunk"
        assert event["model"] == "story"
        assert event["created"] > 1_700_000_000
        assert event["choices"][0]["index"] == 0
    story = reasoning(events)
    assert story.startswith("━━━━━\nswaplab is loading story\n")
    assert re.search(r"\nloading \d+% · \d+ s\n", story)
    assert re.search(r"\nDone! \(\d+\.\d\ds\)\n━━━━━\n \n$", story)
    assert said(events) == SAYS


def test_the_openai_client_gets_reasoning_first_and_the_content_as_ever(client):
    stream = client.chat.completions.create(model="story-openai", messages=ASK, stream=True)
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]

    assert "".join(delta.content or "" for delta in deltas) == SAYS
    assert "swaplab is loading story-openai" in deltas[0].reasoning_content


def test_only_streamed_chats_are_told(swaplab, streamed):
    completion = streamed("story-completions", "/v1/completions")

    assert comments(completion)
    assert b"reasoning_content" not in completion
    assert swaplab.chat("story-whole").said == SAYS


def test_a_model_that_is_ready_tells_nothing(swaplab, streamed):
    swaplab.chat("story-ready")

    assert b"reasoning_content" not in streamed("story-ready")


def test_the_key_at_the_top_counts_where_the_model_says_nothing(serve):
    swaplab = serve({"told": sim(), "quiet": {**sim(), "sendLoadingState": False}}, sendLoadingState=True)

    with swaplab.streaming("told") as told, swaplab.streaming("quiet") as quiet:
        assert b"swaplab is loading told" in told.read()
        assert b"reasoning_content" not in quiet.read()


def test_it_tells_the_place_in_the_queue_and_after_a_first_load_the_expected_time(swaplab):
    swaplab.ask("POST", "/api/models/load/story-queued")
    swaplab.ask("POST", "/api/models/unload/story-queued")

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("busy"):
            swaplab.wait_for("busy", serving=1)
            first = clients.submit(swaplab.stream, "story-queued")
            swaplab.wait_for("story-queued", waiting=1)
            with swaplab.streaming("story-queued") as second:
                heard = second.readline()
                while b"Queue position: #2" not in heard:
                    heard = second.readline()
        story = reasoning(first.result())

    assert "\nQueue position: #1\n" in story
    assert re.search(r"\nloading \d+% · \d+ s of about \d+ s\n", story)


def test_a_load_that_fails_ends_the_story_with_an_error(streamed, client):
    stream = streamed("story-dies")

    assert b"swaplab is loading story-dies" in stream
    assert last_error(stream)["code"] == "start-failed"
    with pytest.raises(openai.APIError, match="story-dies-openai ended by itself, exit code 3"):
        list(client.chat.completions.create(model="story-dies-openai", messages=ASK, stream=True))


def test_an_engine_that_refuses_after_the_story_began_is_an_error_with_its_words(swaplab, streamed):
    error = last_error(streamed("story-picky"))

    assert error["message"] == "story-picky answered 404: The model `story-picky` does not exist, this is `another`"
    swaplab.wait_for("story-picky", serving=0)


def test_an_engine_that_answers_nothing_after_the_story_began_is_an_error(streamed):
    error = last_error(streamed("story-mute"))

    assert error["code"] == "upstream-died"
    assert error["message"].startswith("story-mute did not answer: ")


def test_an_engine_that_dies_in_its_answer_cuts_the_connection_behind_a_story_too(swaplab):
    with swaplab.streaming("story-dying") as response, pytest.raises(http.client.IncompleteRead) as broken:
        response.read()

    assert b"swaplab is loading" in broken.value.partial
    assert b'"code":"upstream-died"' in broken.value.partial


def test_an_engine_that_compresses_is_asked_not_to_once_the_stream_has_begun(swaplab):
    body, headers = chat_body("story-zipped", stream=True), {"Accept-Encoding": "gzip, deflate"}

    behind_a_story = swaplab.ask("POST", "/v1/chat/completions", json_body=body, headers=headers)
    ready = swaplab.ask("POST", "/v1/chat/completions", json_body=body, headers=headers)

    assert said(decoded(behind_a_story.body)) == SAYS
    assert ready.headers["Content-Encoding"] == "gzip"
