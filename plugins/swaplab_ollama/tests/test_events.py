"""Server-sent events, in pieces of any size."""

from __future__ import annotations

import pytest

from swaplab_core.domain.errors import UpstreamError
from swaplab_ollama import events
from swaplab_ollama.events import EventDecoder


def decode(*pieces):
    decoder = EventDecoder()
    return [data for piece in pieces for data in decoder.feed(piece)] + list(decoder.end())


def test_the_data_of_each_event():
    assert decode(b"data: a\n\ndata: b\n\n") == [b"a", b"b"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_three_ways(end):
    text = b"data: a" + end + end + b"data: b" + end + end
    assert decode(text) == [b"a", b"b"]
    assert decode(*(text[i : i + 1] for i in range(len(text)))) == [b"a", b"b"]


def test_comments_names_and_numbers_are_dropped():
    assert decode(b": waiting\n\nevent: error\nid: 7\ndata: a\nretry: 1\n\n") == [b"a"]


def test_data_may_have_several_lines_and_no_space():
    assert decode(b"data:a\ndata:  b\ndata\n\n") == [b"a\n b\n"]


def test_empty_events_are_none():
    assert decode(b"\n\ndata:\n\n\n\n") == []


def test_the_last_event_may_lack_its_end():
    assert decode(b"data: a\n\ndata: [DO", b"NE]") == [b"a", b"[DONE]"]


@pytest.mark.parametrize("text", [b"data: " + b"x" * 60, b"data: xxxxxxxxxxxxxxxxxxxxxxx\n" * 3])
def test_an_event_without_end_is_cut(text, monkeypatch):
    monkeypatch.setattr(events, "MAX_BYTES", 50)
    with pytest.raises(UpstreamError, match="an event of more than 50 bytes"):
        decode(text)


def test_many_small_events_are_no_large_one(monkeypatch):
    monkeypatch.setattr(events, "MAX_BYTES", 50)
    assert decode(b"data: 12345678\n\n" * 100) == [b"12345678"] * 100
