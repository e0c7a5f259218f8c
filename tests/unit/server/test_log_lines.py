"""Following a log line by line: nothing twice unless it has grown, nothing lost without a gap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from swaplab_core.runtime.logbook import History
from swaplab_core.server.streams.log_lines import MOST_LINES, LineFollower


def read(text: bytes) -> list[Any]:
    """Texts of lines, with their number where it matters little left out; a gap as its bytes."""
    events = [frame.split(b"\n") for frame in text.split(b"\n\n") if frame]
    decoded = [(event[0], json.loads(event[-1][6:])) for event in events]
    return [data["text"] if name == b"event: line" else data["bytes"] for name, data in decoded]


def history(*chunks: bytes, limit_bytes: int = 10_000) -> History:
    made = History("model:m", limit_bytes)
    for chunk in chunks:
        made.feed(chunk, 1.0)
    return made


def test_history_first_then_what_is_new():
    log = history(b"one\ntwo\n")
    lines = LineFollower(log)

    assert read(lines.begin(None)) == ["one", "two"]
    assert lines.news() == b""
    log.feed(b"three\nfo", 2.0)
    assert read(lines.news()) == ["three", "fo"]
    log.feed(b"ur\n", 3.0)
    assert read(lines.news()) == ["four"], "a line that has grown comes again"
    assert lines.news() == b""


def test_a_record_says_what_is_known_of_the_line():
    log = history(b"[WARN] a\n10%\r20%\r")

    text = LineFollower(log).begin(None)

    records = [json.loads(line[6:]) for line in text.split(b"\n") if line.startswith(b"data: ")]
    assert records == [
        {"seq": 0, "ts": 1.0, "source": "model:m", "text": "[WARN] a", "level": "warn"},
        {"seq": 9, "ts": 1.0, "source": "model:m", "text": "10%"},
        {"seq": 13, "ts": 1.0, "source": "model:m", "text": "20%", "cr": True},
    ]
    assert b"event: line\nid: 13\ndata: " in text


def test_a_client_that_comes_back_goes_on_where_it_was():
    log = history(b"one\ntwo\nthree\n")

    assert read(LineFollower(log).begin(4)) == ["two", "three"]
    assert read(LineFollower(log).begin(14)) == []
    assert read(LineFollower(log).begin(10**9)) == ["one", "two", "three"], "of another run: from the beginning"


def test_what_was_forgotten_before_it_was_told_is_a_gap():
    log = history(b"one\n", limit_bytes=12)
    lines = LineFollower(log)
    lines.begin(None)
    log.feed(b"two\nthree\nfour\nfive\n", 2.0)

    first, *rest = read(lines.news())

    assert (first, rest) == (8, ["e", "four", "five"])


def test_a_flood_is_cut_to_the_newest_lines():
    log = history(*[b"x\n"] * (MOST_LINES + 50), limit_bytes=10**6)
    lines = LineFollower(log)
    assert len(read(lines.begin(None))) == MOST_LINES
    log.feed(b"y\n" * (MOST_LINES + 70), 2.0)

    gap, *rest = read(lines.news())

    assert rest == ["y"] * MOST_LINES
    assert gap == 70 * 2


@pytest.mark.parametrize(
    ("wanted", "shown"), [({"warn", "error"}, ["[ERROR] b"]), (set(), ["[INFO] a", "[ERROR] b", "c"])]
)
def test_levels_that_are_not_wanted_are_left_out(wanted, shown):
    log = history(b"[INFO] a\n[ERROR] b\nc\n")

    assert read(LineFollower(log, frozenset(wanted)).begin(None)) == shown
