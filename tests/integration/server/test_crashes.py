"""An engine that dies in the middle of an answer: the client must learn it, and the next request must work."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import openai
import pytest
import raw_upstream
from running_swaplab import Swaplab, chat_body, command, event_data, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

ASK = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def reply_file(tmp_path_factory) -> Path:
    """What the engine `raw` answers, byte by byte."""
    return tmp_path_factory.mktemp("raw") / "reply"


@pytest.fixture(scope="module")
def shared(tmp_path_factory, reply_file) -> Iterator[Swaplab]:
    models = {
        "dying": sim("--die-after-chunks", "4", "--say", "one two three four five six"),
        "crowd": sim("--tokens", "100000", "--tokens-per-second", "20"),
        "cut": sim("--truncate-stream", "2", "--say", "one two three"),
        "thinker": sim("--first-token-seconds", "600"),
        "raw": {"cmd": command(sys.executable, raw_upstream.__file__, "${PORT}", reply_file)},
        "fragile": {"cmd": command(sys.executable, raw_upstream.__file__, "${PORT}")},
    }
    with running_swaplab(tmp_path_factory.mktemp("crashes"), models) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def test_a_stream_whose_engine_dies_ends_with_an_error_event_and_a_broken_connection(swaplab):
    with swaplab.streaming("dying") as response, pytest.raises(http.client.IncompleteRead) as broken:
        response.read()

    *whole, last = event_data(broken.value.partial)
    assert len(whole) == 4
    assert b"\n\nevent: error\ndata: " in broken.value.partial
    assert '"code":"upstream-died"' in last
    assert "dying" in last
    assert "[DONE]" not in last


def test_the_openai_client_raises_when_the_engine_dies(swaplab):
    with openai.OpenAI(base_url=f"{swaplab.url}/v1", api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(model="dying", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="dying died in the middle of the response"):
            list(stream)


def test_a_client_that_reads_bytes_raises_when_the_engine_dies(swaplab):
    async def scenario() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{swaplab.url}/v1/chat/completions", json=chat_body("dying", stream=True)) as response,
        ):
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()

    asyncio.run(scenario())


def test_the_next_request_finds_a_working_model(swaplab):
    with swaplab.streaming("dying") as response, pytest.raises(http.client.IncompleteRead):
        response.read()

    assert swaplab.chat("dying").said == "one two three four five six"
    assert swaplab.starts() == ["dying", "dying"]
    swaplab.wait_for_log("dying ended by itself, exit code 70")


def test_everyone_who_streams_from_the_dead_is_told(swaplab):

    all_stream = threading.Barrier(6)

    def read() -> bytes:
        with swaplab.streaming("crowd") as response:
            response.readline()
            all_stream.wait()
            with pytest.raises(http.client.IncompleteRead) as broken:
                response.read()
        return broken.value.partial

    with ThreadPoolExecutor(5) as clients:
        readers = [clients.submit(read) for _ in range(5)]
        all_stream.wait(120)
        os.kill(swaplab.model("crowd")["pid"], signal.SIGKILL)
        ends = [reader.result() for reader in readers]

    assert all(b"upstream-died" in end for end in ends)
    swaplab.wait_for("crowd", serving=0, state="stopped")


def test_a_truncated_stream_is_never_a_clean_end(swaplab):
    with swaplab.streaming("cut") as response, pytest.raises(http.client.IncompleteRead) as broken:
        response.read()

    assert b"event: error" in broken.value.partial
    assert swaplab.model("cut")["state"] == "ready", "its process lives"


@pytest.mark.llamacpp
def test_a_real_engine_killed_in_the_middle_of_a_stream_is_noticed_and_replaced(serve, native_llama):
    swaplab = serve({"endless": native_llama("and so on and on ", endless=True), "other": native_llama("Other.")})

    with swaplab.streaming("endless") as response:
        assert response.readline().startswith(b"data: ")
        os.kill(swaplab.model("endless")["pid"], signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead) as broken:
            response.read()

    assert b"event: error" in broken.value.partial
    assert "and so on" in swaplab.chat("endless", max_tokens=20).said
    assert swaplab.chat("other").said == "Other."
    swaplab.wait_for_log("killed by signal 9")


@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 1000", b'{"half": '), (b"Transfer-Encoding: chunked", b'9\r\n{"half": \r\n')],
    ids=["with a length", "in chunks"],
)
def test_a_plain_answer_that_breaks_off_is_never_a_clean_end(swaplab, reply_file, framing, body):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + framing
    reply_file.write_bytes(head + b"\r\n\r\n" + body)

    with swaplab.asking("POST", "/v1/chat/completions", json_body=chat_body("raw")) as response:
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead) as broken:
            response.read()

    assert broken.value.partial == b'{"half": ', "nothing is added to what is no event stream"
    swaplab.wait_for_log("raw broke off in the middle of a response")


@pytest.mark.parametrize("reply", [b"", b"220 mail.example ESMTP\r\n"], ids=["nothing", "another protocol"])
def test_an_engine_that_gives_no_answer_is_a_502(swaplab, reply_file, reply):
    reply_file.write_bytes(reply)

    answer = swaplab.chat("raw")

    assert answer.status == 502
    assert answer.error["code"] == "upstream-died"
    assert answer.error["message"].startswith("raw did not answer: ")


def test_a_request_in_flight_when_its_engine_dies_gets_a_502(swaplab):
    with ThreadPoolExecutor() as clients:
        asked = clients.submit(swaplab.chat, "thinker")
        record = swaplab.wait_for("thinker", serving=1)
        later = record["elapsed_seconds"] + 2
        wait_until(lambda: swaplab.model("thinker")["elapsed_seconds"] > later, "the engine to have it for a while")
        os.kill(record["pid"], signal.SIGKILL)

        assert (asked.result().status, asked.result().error["code"]) == (502, "upstream-died")
    assert swaplab.starts() == ["thinker"]


def test_a_request_given_to_an_engine_that_had_just_died_is_served_by_the_next(serve, tmp_path):
    flag, thinks, answers = tmp_path / "flag", sim("--first-token-seconds", "600")["cmd"], sim("--say", "alive")["cmd"]
    script = f"test -e {flag} && exec {answers}; touch {flag}; exec {thinks}"
    swaplab = serve({"once": {"cmd": command("sh", "-c", script)}})

    with ThreadPoolExecutor() as clients:
        asked = clients.submit(swaplab.chat, "once")
        record = swaplab.wait_for("once", serving=1)
        os.kill(record["pid"], signal.SIGKILL)

        assert asked.result().said == "alive"


def test_a_request_that_kills_every_engine_is_tried_twice_and_not_for_ever(swaplab):
    assert swaplab.chat("fragile").status == 502

    assert swaplab.starts() == ["fragile", "fragile"]
