"""However an answer is cut on its way, whatever is wrong with it: the client gets the same message, or a broken one.

The oracle is h11, which is written independently, in Python, from the same grammar.
"""

from __future__ import annotations

import asyncio
import os
import re
from itertools import pairwise

import h11
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from recorded_responses import RECORDED, Recorded
from relay_world import Parsed, parse

from swaplab_core.adapters.relay.connection import UpstreamConnection
from swaplab_core.adapters.relay.known import KnownHeads


@define
class Upstream(asyncio.Transport):
    """The far end of a connection, and its owner: what a real one would notice."""

    is_cut: bool = False
    is_kept: bool = False
    is_reading: bool = True

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def waits(self, connection):
        assert not self.is_reading, "what comes is left to gather"
        connection.read_on()

    def write(self, data):
        pass

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def is_closing(self):
        return self.is_cut

    def abort(self):
        self.is_cut = True

    def rested(self, connection):
        self.is_kept = True

    def lost(self, connection):
        self.is_kept = False


@define
class Client:
    """What would go to the client."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(factory=list)
    received: bytes = b""
    is_whole: bool | None = None

    def head(self, status, headers):
        assert not self.status, "one head"
        self.status, self.headers = status, headers

    def body(self, data, *, last):
        assert self.status, "a head before a body"
        assert self.is_whole is None, "nothing behind the end"
        assert data or last or not self.received, "no call without news"
        self.received += data
        if last:
            self.is_whole = True

    def chunks(self, framed, data):
        assert framed
        assert data
        assert reframed(framed) == data
        self.body(data, last=False)

    def whole(self, head, data):
        self.head(head.status, head.with_length(len(data)))
        self.body(data, last=True)

    def broken(self, reason):
        assert self.is_whole is None, "one end"
        assert reason
        self.is_whole = False


def reframed(framed: bytes) -> bytes:
    """What is in these chunks, by the oracle."""
    return parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n", "GET").body


def relayed(pieces: list[bytes], method: str = "GET", known: KnownHeads | None = None) -> tuple[Client, Upstream]:
    """What the client gets when the upstream sends these pieces, and then closes."""
    upstream, client = Upstream(), Client()
    connection = UpstreamConnection(upstream, known or KnownHeads())
    connection.connection_made(upstream)
    connection.begin(b"", client, method=method)
    for piece in pieces:
        if not upstream.is_cut:
            connection.data_received(piece)
            assert upstream.is_reading
    if not upstream.is_cut:
        connection.eof_received()
    connection.connection_lost(None)
    assert client.is_whole is not None, "every exchange has an end"
    return client, upstream


def chunked(body: bytes, size: int, *, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    return b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


def framings(recorded: Recorded) -> list[bytes]:
    """A recorded body the ways in which engines send it."""
    body, kind = recorded.body, recorded.content_type.encode()
    head = b"HTTP/1.1 200 OK\r\nServer: engine\r\nContent-Type: " + kind + b"\r\n"
    return [
        head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        head + chunked(body, 200),
        head + chunked(body, 1 + len(body) // 3, extension=b";a=b", trailer=b"X-Sum: 1\r\n"),
        head + b"\r\n" + body,
        b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"Connection: close\r\n\r\n" + body,
    ]


def _kinds() -> list[Recorded]:
    """All of them at night; by day the shortest of each engine, streamed and whole: every byte is a test of its own."""
    kinds: dict[tuple[str, str], Recorded] = {}
    for recorded in sorted(RECORDED, key=lambda recorded: -len(recorded.body)):
        kinds[recorded.name.partition("_")[0], recorded.content_type] = recorded
    return list(RECORDED) if os.environ.get("SWAPLAB_PROFILE") == "nightly" else list(kinds.values())


@pytest.mark.parametrize("recorded", _kinds(), ids=lambda recorded: recorded.name)
def test_a_cut_at_any_byte_changes_nothing(recorded):
    for sent in framings(recorded):
        whole, _ = relayed([sent])
        assert (whole.status, whole.received, whole.is_whole) == (200, recorded.body, True)
        assert relayed([sent[at : at + 1] for at in range(len(sent))])[0] == whole
        for at in range(1, len(sent)):
            assert relayed([sent[:at], sent[at:]])[0] == whole


@pytest.mark.parametrize("recorded", _kinds(), ids=lambda recorded: recorded.name)
def test_an_end_at_any_byte_is_never_taken_for_the_end(recorded):
    body = recorded.body
    for sent in framings(recorded)[:3]:
        for at in range(len(sent)):
            client, upstream = relayed([sent[:at]])
            assert client.is_whole is False
            assert body.startswith(client.received)
            assert not upstream.is_kept


BODIES = [b"", b"a", b"hello", b"0\r\n\r\n", b'data: {"x": 1}\n\ndata: [DONE]\n\n', b"HTTP/1.1 200 OK\r\n\r\n"]
HEADERS = [b"", b"X-Name: value\r\n", b"Set-Cookie: a\r\nSet-Cookie: b\r\n", b"Connection: close\r\n"]
GARBAGE = [b"\r", b"\n", b"\r\n", b"\0", b":", b" ", b"\t", b";", b"0", b"1", b"f", b"-", b",", b"\xff", b"chunked",
           b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]  # fmt: skip


@st.composite
def answers(draw) -> bytes:
    """A small answer, in one of the framings."""
    body = draw(st.sampled_from(BODIES))
    head = b"HTTP/1.%d %d OK\r\n" % (draw(st.integers(0, 1)), draw(st.sampled_from([200, 201, 204, 304, 404, 500])))
    head += draw(st.sampled_from(HEADERS))
    kind = draw(st.sampled_from(["length", "chunked", "closed"]))
    if kind == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if kind == "closed":
        return head + b"\r\n" + body
    extension = draw(st.sampled_from([b"", b";x", b";x=y"]))
    trailer = draw(st.sampled_from([b"", b"X: y\r\n"]))
    return head + chunked(body, draw(st.integers(1, 4)), extension=extension, trailer=trailer)


@st.composite
def mutated(draw) -> bytes:
    """An answer with something wrong in it, mostly."""
    data = draw(answers())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        until = draw(st.integers(at, min(len(data), at + 3)))
        data = data[:at] + draw(st.sampled_from([b"", *GARBAGE])) + data[until:]
    return data


@given(
    st.lists(st.integers(1, 9000), min_size=1, max_size=6), st.lists(st.integers(0, 20_000), max_size=8), st.booleans()
)
def test_chunks_of_any_size_cut_anywhere_are_the_same_body(sizes, cuts, capitals):
    bodies = [bytes([48 + number]) * size for number, size in enumerate(sizes)]
    framed = b"".join(b"%b\r\n%b\r\n" % (b"%X" % len(b) if capitals else b"%x" % len(b), b) for b in bodies)
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    client, _ = relayed([sent[start:end] for start, end in pairwise(places)])

    assert (client.received, client.is_whole) == (b"".join(bodies), True)


def read_by_h11(sent: bytes, method: str) -> Parsed | None:
    """None when it is none. Empty lines behind an interim answer, which llhttp ignores, are not its affair."""
    if sent.startswith(b"HTTP/1.1 100 "):
        sent = re.sub(rb"\r\n\r\n[\r\n]+HTTP/", rb"\r\n\r\nHTTP/", sent, count=1)
    try:
        return parse(sent, method)
    except (h11.RemoteProtocolError, AssertionError):
        return None


@given(mutated(), st.lists(st.integers(0, 200), max_size=4), st.sampled_from(["GET", "POST", "HEAD"]))
def test_what_is_wrong_never_becomes_a_wrong_message(sent, cuts, method):
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    pieces = [sent[start:end] for start, end in pairwise(places)]
    whole, _ = relayed([sent], method)
    client, upstream = relayed(pieces, method)

    assert (client.is_whole, client.status if client.is_whole else 0) == (
        whole.is_whole,
        whole.status if whole.is_whole else 0,
    )
    if client.is_whole:
        assert client == whole
        truth = read_by_h11(sent, method)
        assert truth is not None, "h11 finds no answer in it"
        assert (client.status, client.received, truth.is_whole) == (truth.status, truth.body, True)
        assert all(b"\r" not in part and b"\n" not in part for header in client.headers for part in header)
    else:
        assert not upstream.is_kept


@given(st.lists(st.tuples(answers() | mutated(), st.sampled_from(["GET", "POST", "HEAD"])), max_size=6))
def test_what_is_known_of_earlier_answers_changes_nothing(exchanges):
    known = KnownHeads()
    for sent, method in exchanges:
        assert _seen(relayed([sent], method, known)) == _seen(relayed([sent], method))


@given(st.sampled_from(HEADERS[:3]), st.lists(st.sampled_from(BODIES), min_size=2), st.sampled_from(GARBAGE), st.data())
def test_a_known_head_with_something_wrong_in_it_is_known_no_more(header, bodies, garbage, data):
    known, head = KnownHeads(), b"HTTP/1.1 200 OK\r\n" + header
    for body in bodies:
        sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        assert relayed([sent], "POST", known)[0].received == body
    at = data.draw(st.integers(0, len(sent)))
    wrong = sent[:at] + garbage + sent[at:]
    assert _seen(relayed([wrong], "POST", known)) == _seen(relayed([wrong], "POST"))


@pytest.mark.parametrize("length", [b"00", b"02", b"007"])
def test_a_length_in_other_words_is_passed_on_in_those_words(length):
    known, body = KnownHeads(), b"x" * int(length)
    for spelled in (b"%d" % int(length), length):
        sent = b"HTTP/1.1 200 OK\r\nContent-Length: " + spelled + b"\r\n\r\n" + body
        assert relayed([sent], "POST", known)[0].headers == [(b"Content-Length", spelled)]


def _seen(relayed: tuple[Client, Upstream]) -> tuple[Client, bool]:
    return relayed[0], relayed[1].is_kept
