"""The history of an engine's output, and the lines read off it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.runtime.logs import LINE_LIMIT, LineReader, LogHistory, clean, clean_lines


def history(*chunks: bytes, limit_bytes: int = 1000) -> LogHistory:
    log = LogHistory(limit_bytes)
    for chunk in chunks:
        log.feed(chunk)
    return log


def test_the_tail_is_the_last_lines_that_are_not_blank():
    log = history(b"one\ntwo\n\n  \nthree\nfo", b"ur")

    assert log.tail(2) == ["three", "four"]
    assert log.tail(100) == ["one", "two", "three", "four"]


def test_nothing_said_has_no_tail():
    assert history().tail(5) == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_ends_a_line(end):
    assert history(end.join([b"one", b"two", b"three"])).tail(2) == ["two", "three"]


def test_a_progress_bar_that_redraws_itself_is_lines_and_not_one_endless_one():
    bar = b"".join(b"\rloading %d%%" % percent for percent in range(101))

    assert history(bar).tail(1) == ["loading 100%"]


def test_colours_control_characters_and_broken_utf8_are_cleaned():
    raw = b"\x1b[1;31merror\x1b[0m: \x07out\x00 of\tmemory \xff\x1b]0;title\x07!"

    assert clean(raw) == "error: out of\tmemory \ufffd!"


def test_a_line_without_end_is_cut():
    assert clean_lines(b"x" * (LINE_LIMIT * 3)) == ["x" * LINE_LIMIT]


def test_what_is_older_than_the_limit_is_forgotten():
    log = history(*(b"line %04d\n" % number for number in range(10_000)), limit_bytes=100)

    assert log.tail(1000) == [f"line {number:04}" for number in range(9_990, 10_000)]


@given(st.lists(st.binary(max_size=50), max_size=50), st.integers(1, 200))
def test_the_history_is_bounded_and_keeps_the_newest(chunks, limit_bytes):
    log = history(*chunks, limit_bytes=limit_bytes)

    assert log.tail(10_000) == clean_lines(b"".join(chunks)[-limit_bytes:])
    assert sum(map(len, log._chunks)) <= 2 * limit_bytes + 50


@given(st.lists(st.binary(max_size=20), max_size=20), st.randoms(use_true_random=False))
def test_lines_are_the_same_however_the_pipe_cuts_them(chunks, random):
    output = b"".join(chunks) + b"\n"
    reader, read = LineReader(), []
    while output:
        size = random.randint(1, len(output))
        read += reader.feed(output[:size])
        output = output[size:]

    assert read == clean_lines(b"".join(chunks) + b"\n")


def test_of_a_flood_only_the_newest_lines_are_looked_at():
    reader = LineReader()

    lines = reader.feed(b"".join(b"line %07d\n" % number for number in range(100_000)))

    assert lines[-1] == "line 0099999"
    assert len(lines) < 1000


def test_an_unfinished_line_is_not_read_until_it_ends():
    reader = LineReader()

    assert reader.feed(b"loading 4") == []
    assert reader.feed(b"2%\nnext") == ["loading 42%"]
    assert reader.feed(b"\r") == ["next"]
