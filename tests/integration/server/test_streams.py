"""llama-server closes its connection after each stream though it promises to keep it: no request may suffer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from running_swaplab import Swaplab, running_swaplab, said, sim

SAYS = "This is model A, and it always says so."


SIMULATED = {
    "liar": sim("--close-after-reply", "--say", SAYS),
    "slow": sim("--tokens", "1000000", "--tokens-per-second", "50"),
    "zipped": sim("--gzip", "--say", SAYS),
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory, native_llama) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("llama"), {"llama": native_llama(SAYS)}) as swaplab:
        yield swaplab


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("streams"), SIMULATED) as swaplab:
        yield swaplab


def pair(swaplab: Swaplab, model: str) -> tuple[str, str]:
    """A stream, and a request right after it."""
    return said(swaplab.stream(model)), swaplab.chat(model).said


@pytest.mark.llamacpp
def test_a_request_right_after_a_stream_never_fails(llama):
    assert {pair(llama, "llama") for _ in range(200)} == {(SAYS, SAYS)}


@pytest.mark.llamacpp
def test_eight_clients_streaming_and_asking_in_turn_never_fail(llama):
    with ThreadPoolExecutor(8) as clients:
        pairs = list(clients.map(lambda _: pair(llama, "llama"), range(80)))

    assert set(pairs) == {(SAYS, SAYS)}


def test_an_engine_that_closes_after_every_reply_does_no_harm(swaplab):
    assert {pair(swaplab, "liar") for _ in range(20)} == {(SAYS, SAYS)}


def test_events_arrive_one_by_one_and_not_at_the_end(swaplab):
    with swaplab.streaming("slow") as response:
        first = [response.readline() for _ in range(9)]

    assert first.count(b"\n") == 4, "events came out of a stream that would take hours"
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"


def test_a_compressed_stream_passes_as_it_is(swaplab):
    body = {"model": "zipped", "stream": True, "messages": []}

    zipped = swaplab.ask("POST", "/v1/chat/completions", json_body=body, headers={"Accept-Encoding": "gzip"})
    plain = swaplab.ask("POST", "/v1/chat/completions", json_body=body)

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert zipped.body.startswith(b"\x1f\x8b")
    assert "Content-Encoding" not in plain.headers
    assert b"[DONE]" in plain.body
