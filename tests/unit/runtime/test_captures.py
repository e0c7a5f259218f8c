"""Captures in memory. Names of the conformance list: Capture round trip, store, disabled, mask; header redaction; cache
add, evict, get, has, size, clear.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.domain.capture import Capture, Part
from swaplab_core.runtime.captures import MAX_BODY_BYTES, CaptureCache, Raw, pack, unpack
from swaplab_core.runtime.metering import Measured

KIB = 1024


def exchange(path="/v1/chat/completions", req_body=b"asked", resp_body=b"answered", *, is_decoded=True, **headers):
    return Raw(
        "POST",
        path,
        {"Content-Type": "application/json", **headers},
        req_body,
        {"Content-Type": "text/plain", "Content-Encoding": "gzip", **headers},
        Measured(200, body=resp_body, is_decoded=is_decoded),
    )


def made(*told, **known):
    return exchange(*told, **known).make()


texts = st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3)


@given(texts, st.binary(), texts, st.binary(), st.sampled_from(list(Part)))
def test_capture_round_trip(req_headers, req_body, resp_headers, resp_body, left_out):
    capture = Capture("POST", "/v1/x\n", req_headers, req_body, resp_headers, resp_body, left_out)
    assert unpack(pack(capture)) == capture


@pytest.mark.parametrize(
    "name", ["Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key", "authorization"]
)
def test_header_redaction(name):
    capture = made(**{name: "secret"})
    assert capture.req_headers[name] == capture.resp_headers[name] == "[REDACTED]"
    assert b"secret" not in repr(capture).encode()


def test_bodies_are_decoded_so_no_coding_is_named():
    assert "Content-Encoding" not in made().resp_headers
    assert made(is_decoded=False).resp_headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "req_body", "resp_body", "left_out"),
    [
        ("/v1/chat/completions", b"asked", b"answered", Part.NOTHING),
        ("/v1/audio/speech", b"asked", b"", Part.RESPONSE_BODY),
        ("/v1/audio/transcriptions", b"", b"answered", Part.REQUEST_BODY),
        ("/v1/images/edits", b"", b"", Part.BODIES),
    ],
)
def test_mask(path, req_body, resp_body, left_out):
    capture = made(path)
    assert (capture.req_body, capture.resp_body, capture.left_out) == (req_body, resp_body, left_out)


def test_what_was_not_collected_or_is_too_large_is_left_out():
    capture = made(req_body=bytes(MAX_BODY_BYTES + 1), resp_body=None)
    assert (capture.req_body, capture.resp_body, capture.left_out) == (b"", b"", Part.BODIES)
    assert made(req_body=b"", resp_body=b"").left_out is Part.NOTHING


def test_headers_that_are_no_utf8_do_no_harm():
    capture = made(**{"X-Odd": b"a\xff".decode("utf-8", "surrogateescape")})
    assert unpack(pack(capture)).req_headers["X-Odd"] == "a?"


def test_text_shrinks():
    body = b'{"role": "user", "content": "What is up?"}, ' * 500
    assert len(pack(made(req_body=body))) < len(body) / 10


def test_cache_add_get_has_size_clear():
    cache = CaptureCache(10 * KIB)
    assert cache.add(1, b"one")
    assert (cache.get(1), 1 in cache, 2 in cache, len(cache)) == (b"one", True, False, 1)
    assert cache.size > 0
    cache.clear()
    assert (cache.get(1), len(cache), cache.size) == (None, 0, 0)


def test_cache_evict_drops_the_oldest():
    cache = CaptureCache(10 * KIB)
    for row_id in range(1, 21):
        assert cache.add(row_id, bytes(KIB))
    kept = [row_id for row_id in range(1, 21) if row_id in cache]
    assert kept == list(range(21 - len(kept), 21))
    assert 5 <= len(kept) <= 10
    assert cache.size <= 10 * KIB


def test_what_is_larger_than_the_cache_is_not_taken_and_drops_nothing():
    cache = CaptureCache(10 * KIB)
    cache.add(1, b"small")
    assert not cache.add(2, bytes(11 * KIB))
    assert (1 in cache, 2 in cache) == (True, False)


def test_disabled():
    cache = CaptureCache(0)
    assert not cache.add(1, b"")
    assert (len(cache), cache.body_limit) == (0, 0)


def test_another_budget_is_followed_at_once():
    cache = CaptureCache(10 * KIB)
    for row_id in range(5):
        cache.add(row_id, bytes(KIB))
    cache.resize(3 * KIB)
    assert list(cache._kept) == [3, 4]
    cache.resize(0)
    assert (len(cache), cache.size) == (0, 0)


def test_a_row_added_twice_counts_once():
    cache = CaptureCache(10 * KIB)
    cache.add(1, bytes(KIB))
    size = cache.size
    cache.add(1, bytes(KIB))
    assert cache.size == size


def test_a_raw_capture_is_there_at_once_and_packed_later():
    cache, capture = CaptureCache(10 * KIB), made(req_body=b"x" * 1000)
    cache.add(1, exchange(req_body=b"x" * 1000))
    assert cache.get(1).make() == capture
    before = cache.size
    for row_id, raw in cache.oldest_raw(5).items():
        cache.replace(row_id, raw.pack())
    assert unpack(cache.get(1)) == capture
    assert cache.size < before
    assert not cache.oldest_raw(5)


def test_what_was_dropped_while_it_was_packed_stays_away():
    cache = CaptureCache(10 * KIB)
    cache.add(1, exchange())
    cache.clear()
    cache.replace(1, b"late")
    assert (1 in cache, cache.size) == (False, 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 3000), st.sampled_from(["raw", "packed", "pack"])), max_size=40
    ),
    st.integers(0, 20000),
)
def test_the_budget_is_never_exceeded(puts, budget):
    cache = CaptureCache(budget)
    for row_id, size, kind in puts:
        if kind == "pack":
            cache.replace(row_id, bytes(size))
        else:
            cache.add(row_id, exchange(req_body=bytes(size)) if kind == "raw" else bytes(size))
        assert cache.size <= budget
        assert (cache.size == 0) == (len(cache) == 0)
