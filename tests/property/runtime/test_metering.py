"""Whatever the chunks, a Meter finds the same; whatever the size, it keeps little."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_responses import RECORDED

from swaplab_core.runtime.metering import Measured, Meter

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 2**20
CODERS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}
NOW = 7.0

words = st.sampled_from(["a", "", '"', "\\", "é", "\n", '"usage": {', "data: {"])
counts = st.integers(0, 3)
messages = st.one_of(
    words.map(lambda word: {"choices": [{"delta": {"content": word}}]}),
    st.tuples(words, words).map(lambda two: {"choices": [{"delta": {"content": two[0], "reasoning": two[1]}}]}),
    words.map(lambda word: {"type": "response.output_text.delta", "delta": word}),
    words.map(lambda word: {"type": "response.output_text.done", "text": word}),
    counts.map(lambda n: {"usage": {"prompt_tokens": n, "completion_tokens": 2 * n}}),
    counts.map(lambda n: {"usage": {"prompt_tokens": n}, "choices": [{"delta": {"content": "same"}}]}),
    counts.map(lambda n: {"choices": [{"delta": {"content": "same"}}], "timings": {"prompt_n": n, "predicted_n": n}}),
    words.map(lambda word: {"error": {"message": word}}),
)
lines = st.one_of(
    messages.map(lambda message: b"data: " + orjson.dumps(message)),
    st.sampled_from([b"", b": comment", b"event: x", b"data: [DONE]", b"data:", b'data: {"usage": {', b"junk"]),
)
streams = st.lists(lines, max_size=25).map(b"\n".join)


def measure(chunks: Iterable[bytes], content_type: str, coding: str = "") -> Measured:
    meter = Meter(0.0, keep_bytes=MIB)
    meter.headers(200, content_type, coding)
    for chunk in chunks:
        meter.feed(chunk, NOW)
    return meter.end(NOW)


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_every_split_of_a_recorded_body_gives_the_same(recorded, coding):
    body = CODERS[coding](recorded.body)
    expected = measure([body], recorded.content_type, coding)
    assert expected.usage == recorded.usage
    for cut in range(len(body) + 1):
        assert measure([body[:cut], body[cut:]], recorded.content_type, coding) == expected
    assert measure((body[i : i + 1] for i in range(len(body))), recorded.content_type, coding) == expected


@pytest.mark.parametrize("recorded", [one for one in RECORDED if one.events], ids=lambda recorded: recorded.name)
def test_every_event_with_text_is_counted_in_every_split(recorded):
    body = recorded.body
    for size in range(1, 400, 7):
        meter = Meter(0.0)
        meter.headers(200, recorded.content_type)
        for start in range(0, len(body), size):
            meter.feed(body[start : start + size], 1.0)
        meter.end(1.0)
        assert meter._tokens._tokens == recorded.events


@given(streams, st.lists(st.integers(0, 2000), max_size=10), st.sampled_from(sorted(CODERS)))
def test_every_split_of_any_stream_gives_the_same(stream, cuts, coding):
    body = CODERS[coding](stream)
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert measure(chunks, "text/event-stream", coding) == measure([body], "text/event-stream", coding)


@given(st.lists(st.tuples(lines, st.integers(1, 40)), max_size=5), st.sampled_from(sorted(CODERS)), st.data())
def test_chunks_that_are_looked_at_together_tell_what_they_tell_one_by_one(runs, coding, data):
    events = [line + b"\n\n" for line, times in runs for _ in range(times)]
    body = CODERS[coding](b"".join(events))
    chunks = events
    if coding or data.draw(st.booleans()):
        places = sorted({data.draw(st.integers(0, len(body))) for _ in range(5)} | {0, len(body)})
        chunks = [body[start:end] for start, end in pairwise(places)]
    together, alone = (Meter(0.0, keep_bytes=MIB) for _ in range(2))
    for meter in (together, alone):
        meter.headers(200, "text/event-stream", coding)
    for number, chunk in enumerate(chunks):
        for meter in (together, alone):
            meter.feed(chunk, float(number * number))
        alone._look()
    assert together.end(1e6) == alone.end(1e6)


@given(st.binary(max_size=300), st.sampled_from(["", "application/json", "text/event-stream"]), st.integers(100, 599))
def test_no_body_is_too_strange(body, content_type, status):
    meter = Meter(0.0)
    meter.headers(status, content_type)
    meter.feed(body, 1.0)
    assert meter.end(1.0).status == status


EVENT = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":" word"},"logprobs":"' + b"x" * 2000 + b'"}]}\n\n'
LARGE = {
    "a stream": ("text/event-stream", EVENT * (64 * 1024 // len(EVENT))),
    "a stream that tells with every event": (
        "text/event-stream",
        b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1},"x":"' + b"y" * 30_000 + b'"}\n\n',
    ),
    "one endless line": ("text/event-stream", b'data: {"choices":[{"delta":{"content":"' + b"a" * 64 * 1024),
    "one JSON body": ("application/json", b'{"embedding":[' + b"0.125," * 10_000),
    "sound": ("audio/mpeg", bytes(range(256)) * 256),
}


@pytest.mark.parametrize("name", LARGE)
def test_memory_stays_bounded_on_200_mib(name):
    content_type, chunk = LARGE[name]
    meter = Meter(0.0, keep_bytes=MIB)
    meter.headers(200, content_type)
    tracemalloc.start()
    try:
        for number in range(200 * MIB // len(chunk)):
            meter.feed(chunk, float(number))
        meter.end(1e6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB
