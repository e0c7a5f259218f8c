"""Answers that no HTTP library would write, from an engine that sends given bytes: what of them reaches the client."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import raw_upstream
from running_swaplab import Swaplab, command, running_swaplab

BODY = b"Content-Length: 2\r\n\r\nOK"


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Iterator[tuple[Swaplab, Path]]:
    """A daemon, and the file that holds what its only engine answers."""
    folder = tmp_path_factory.mktemp("raw")
    reply_file = folder / "reply"
    engine = {"cmd": command(sys.executable, Path(raw_upstream.__file__), "${PORT}", reply_file)}
    with running_swaplab(folder, {"raw": engine}) as swaplab:
        yield swaplab, reply_file


@pytest.fixture
def serve_raw(raw):
    """Let the engine answer with these bytes."""
    swaplab, reply_file = raw

    def start(reply: bytes) -> Swaplab:
        reply_file.write_bytes(reply)
        return swaplab

    return start


def test_the_reason_phrase_of_the_engine_is_not_forwarded(serve_raw):
    answer = serve_raw(b"HTTP/1.1 200 Everything <b>fine</b>\r\n" + BODY).ask("GET", "/upstream/raw/")

    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"OK")


def test_a_status_that_nobody_knows_passes(serve_raw):
    answer = serve_raw(b"HTTP/1.1 299 Whatever\r\n" + BODY).ask("GET", "/upstream/raw/")

    assert (answer.status, answer.reason) == (299, "")


def test_headers_of_the_engines_connection_end_here_and_others_pass_as_often_as_they_came(serve_raw):
    answer = serve_raw(
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nConnection: X-Skip, close\r\nX-Skip: 1\r\n"
        b"Keep-Alive: timeout=5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: engine\r\n" + BODY
    ).ask("GET", "/upstream/raw/")

    names = {name.lower() for name in answer.headers}
    assert not names & {"x-hop", "x-skip", "keep-alive"}
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers.get_all("Server") == ["engine"]


def test_an_answer_without_a_length_ends_with_the_engines_connection(serve_raw):
    answer = serve_raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end").ask("GET", "/upstream/raw/")

    assert answer.body == b"until the end"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(serve_raw, status):
    answer = serve_raw(f'HTTP/1.1 {status} X\r\nETag: "1"\r\n\r\n'.encode()).ask("GET", "/upstream/raw/")

    assert (answer.status, answer.body, answer.headers["ETag"]) == (status, b"", '"1"')


def test_bytes_in_a_header_that_are_no_text_do_no_harm(serve_raw):
    answer = serve_raw(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\n" + BODY).ask("GET", "/upstream/raw/")

    assert (answer.status, answer.body) == (200, b"OK")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
        b"\x16\x03\x01\x02\x00\x01",
    ],
    ids=["a huge header", "a length that is no number", "chunks that are none", "TLS"],
)
def test_what_is_no_http_is_an_error_and_never_an_empty_success(serve_raw, reply):
    swaplab = serve_raw(reply)

    with socket.create_connection(("127.0.0.1", swaplab.port)) as client:
        client.sendall(b"GET /upstream/raw/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        received = client.makefile("rb").read()

    is_error = received.startswith(b"HTTP/1.1 502") and b'"code":"upstream-died"' in received
    is_cut = b"Transfer-Encoding: chunked" in received and not received.endswith(b"0\r\n\r\n")
    assert is_error or is_cut, received


def test_bytes_in_a_clients_header_that_are_no_text_do_no_harm(serve_raw):
    swaplab = serve_raw(b"HTTP/1.1 200 OK\r\n" + BODY)

    assert swaplab.ask("GET", "/upstream/raw/", headers={"X-Name": b"caf\xe9"}).status == 200
