"""A head that the express lane calls plain is read by aiohttp without a doubt, and means the same there."""

from __future__ import annotations

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.adapters.relay import Mould, split_head
from swaplab_core.server.express.heads import find_head, is_plain

NAMES = [
    "Host",
    "host",
    "Content-Length",
    "content-length",
    "X-Name",
    "Accept",
    "Connection",
    "Transfer-Encoding",
    "Expect",
    "Upgrade",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
    "TE",
    "Content-Encoding",
    "é",
    "X Y",
    "X\tY",
    "",
]
VALUES = [
    "x",
    "7",
    "13",
    "+13",
    "1,3",
    "0x13",
    "keep-alive",
    "close",
    "chunked",
    "gzip",
    "100-continue",
    "websocket",
    "multipart/form-data;boundary=x",
    "",
    " 13",
    "13 ",
    "a\rb",
    "a\nb",
    "a\0b",
    "caf\xe9",
]
COLONS = [":", ": ", ":\t", " :"]
headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(COLONS), st.sampled_from(VALUES)))
starts = st.sampled_from(
    [
        "POST /v1/x HTTP/1.1",
        "POST /x?a=b&c=%20 HTTP/1.1",
        "POST /v1/x HTTP/1.0",
        "GET / HTTP/1.1",
        "POST  /x HTTP/1.1",
        "POST /x y HTTP/1.1",
        "POST /é HTTP/1.1",
        "POST http://x/ HTTP/1.1",
        "post /x HTTP/1.1",
        "POST x HTTP/1.1",
    ]
)
ends = st.sampled_from(["\r\n", "\n", "\r"])


@st.composite
def heads(draw) -> bytes:
    lines = [draw(starts), "Host: x", "Content-Length: 13"] if draw(st.booleans()) else [draw(starts)]
    lines += [name + colon + value for name, colon, value in draw(headers)]
    order = [lines[0], *draw(st.permutations(lines[1:]))]
    return (
        "".join(line + (draw(ends) if draw(st.integers(0, 19)) == 0 else "\r\n") for line in order).encode("latin-1")
        + b"\r\n"
    )


def read_by_aiohttp(data: bytes):
    """The only message in it. Raises when it is none."""

    async def read():
        loop = asyncio.get_running_loop()
        parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, max_line_size=8190, max_field_size=8190)
        return parser.feed_data(data)

    (message, _), *more = asyncio.run(read())[0]
    assert not more
    return message


@given(heads())
def test_a_plain_head_means_one_thing(head):
    found = find_head(head + b'{"model":"m"}')
    if found is None or not is_plain(head[: found.size]):
        return
    assert found.size == len(head)
    message = read_by_aiohttp(head)
    assert (message.method, message.version, message.upgrade, message.chunked) == ("POST", (1, 1), False, False)
    assert message.headers.getall("Content-Length") == [str(found.length)]
    assert len(message.headers.getall("Host")) == 1
    assert not message.should_close
    special = {"transfer-encoding", "content-encoding", "expect", "upgrade", "cookie", "origin", "sec-fetch-site", "te"}
    assert not special & {name.lower() for name in message.headers}


@given(heads(), st.integers(0, 99_999_999))
def test_what_is_known_of_a_head_does_not_depend_on_the_length(head, length):
    found = find_head(head)
    if found is None:
        return
    other = head.replace(b"%d" % found.length, b"%d" % length, 1) if head.count(b"%d" % found.length) == 1 else head
    again = find_head(other)
    assert again is not None
    assert again.key == found.key
    assert is_plain(other[: again.size]) == is_plain(head[: found.size])


@given(heads(), heads(), st.integers(0, 999_999_999), st.data())
def test_what_fits_the_mould_of_a_head_is_split_in_the_same_way(head, other, length, data):
    found = find_head(head)
    if found is None:
        return
    mould = Mould.of(found.key)
    assert mould.sizes(head + b"{}") == (found.size, found.length)
    relative = mould.before + b"%d" % length + mould.behind
    at = data.draw(st.integers(0, len(relative)))
    for text in (
        relative,
        relative[:at],
        relative[:at] + b"0" + relative[at:],
        relative[:at] + relative[at + 1 :],
        other,
    ):
        split, sizes = split_head(text), mould.sizes(text)
        assert (None if sizes is None else (found.key, *sizes)) == (split if split and split[0] == found.key else None)
