"""Undoing Content-Encoding. Names of the conformance list: Decompress none, gzip, deflate, unknown; accept-encoding
filter.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.runtime.decoding import (
    EXPANSION_ALLOWANCE,
    PIECE_BYTES,
    Undecodable,
    decoder_for,
    is_readable,
    readable_encodings,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'data: {"n": %d}\n\n' % number for number in range(20_000))


def raw_deflate(data):
    compress = zlib.compressobj(wbits=-15)
    return compress.compress(data) + compress.flush()


CODED = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate raw": raw_deflate,
    "zstd": zstd.compress,
}


def decode(coding, *chunks):
    decoder = decoder_for(coding.partition(" ")[0])
    return b"".join(itertools.chain.from_iterable(decoder.feed(chunk) for chunk in chunks))


@pytest.mark.parametrize("coding", CODED)
def test_decompress(coding):
    assert decode(coding, CODED[coding](TEXT)) == TEXT


@pytest.mark.parametrize("coding", CODED)
def test_decompress_byte_by_byte(coding):
    coded = CODED[coding](TEXT[:2000])
    assert decode(coding, *(coded[i : i + 1] for i in range(len(coded)))) == TEXT[:2000]


@pytest.mark.parametrize("coding", CODED)
def test_what_has_come_is_decoded_at_once(coding):
    compress = {
        "gzip": zlib.compressobj(wbits=31),
        "deflate": zlib.compressobj(),
        "zstd": zstd.ZstdCompressor(),
    }[coding.partition(" ")[0].removeprefix("x-")]
    flush = zlib.Z_SYNC_FLUSH if coding != "zstd" else zstd.ZstdCompressor.FLUSH_BLOCK
    decoder = decoder_for(coding.partition(" ")[0])
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        chunk = compress.compress(event) + compress.flush(flush)
        assert b"".join(decoder.feed(chunk)) == event


def test_a_body_cut_anywhere_is_decoded_as_far_as_it_goes():
    coded = gzip.compress(b"a" * 3 * PIECE_BYTES)
    for cut in range(len(coded)):
        assert decode("gzip", coded[:cut]) == zlib.decompressobj(31).decompress(coded[:cut])


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_several_members_are_one_body(coding):
    coded = CODED[coding](b"one ") + CODED[coding](b"two") + bytes(5)
    assert decode(coding, coded) == b"one two"
    assert decode(coding, *(coded[i : i + 1] for i in range(len(coded)))) == b"one two"


def test_what_follows_a_deflate_body_is_ignored():
    assert decode("deflate", zlib.compress(b"x") + b"more", b"and more") == b"x"


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_decompress_none(coding):
    assert decoder_for(coding) is None
    assert is_readable(coding)


@pytest.mark.parametrize("coding", ["br", "compress", "gzip, gzip", "x"])
def test_decompress_unknown(coding):
    assert decoder_for(coding) is None
    assert not is_readable(coding)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("start", [b"not compressed at all", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"])
def test_what_is_not_coded_as_it_says_is_undecodable(coding, start):
    with pytest.raises(Undecodable) as error:
        decode(coding, start + b"garbage " * 10)
    assert str(error.value)


def test_zstd_may_not_ask_for_much_memory():
    compress = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    frame = compress.compress(TEXT) + compress.flush(zstd.ZstdCompressor.FLUSH_BLOCK)
    with pytest.raises(Undecodable, match="memory"):
        decode("zstd", frame)


@pytest.mark.parametrize("coding", CODED)
def test_pieces_are_small(coding):
    decoder = decoder_for(coding.partition(" ")[0])
    sizes = [len(piece) for piece in decoder.feed(CODED[coding](TEXT))]
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) == len(TEXT)


@pytest.mark.parametrize("coding", CODED)
def test_a_body_made_to_explode_is_given_up(coding):
    pieces = decoder_for(coding.partition(" ")[0]).feed(CODED[coding](bytes(8 * EXPANSION_ALLOWANCE)))
    seen = []
    with pytest.raises(Undecodable, match="expands"):
        seen.extend(len(piece) for piece in pieces)
    assert sum(seen) < 8 * EXPANSION_ALLOWANCE


@given(st.sampled_from(["gzip", "deflate", "zstd"]), st.binary(max_size=200), st.integers(0, 200))
def test_garbage_raises_nothing_but_undecodable(coding, garbage, cut):
    coded = CODED[coding](TEXT[:500])
    with contextlib.suppress(Undecodable):
        decode(coding, coded[:cut] + garbage, coded)


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate, zstd"),
        ("br", "identity"),
        ("*", "identity"),
        ("", "identity"),
        ("gzip;q=0.5, br;q=1.0, identity;q=0.1", "gzip;q=0.5, identity;q=0.1"),
        ("GZIP", "GZIP"),
    ],
)
def test_accept_encoding_filter(asked, offered):
    assert readable_encodings(asked) == offered
