"""Reading a stream of server-sent events the way a test wants it: comments, reasoning, the error at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

from attrs import frozen
from running_swaplab import event_data


def comments(stream: bytes) -> list[str]:
    """What the comment lines say."""
    return [line.removeprefix(": ") for line in stream.decode().split("\n") if line.startswith(":")]


def decoded(stream: bytes) -> list[dict[str, Any]]:
    """The JSON of all events but the last, which must be `[DONE]`."""
    *events, last = event_data(stream)
    assert last == "[DONE]", stream
    return [json.loads(event) for event in events]


def reasoning(events: list[dict[str, Any]]) -> str:
    """The reasoning text of chat chunks."""
    return "".join(choice["delta"].get("reasoning_content") or "" for event in events for choice in event["choices"])


def last_error(stream: bytes) -> dict[str, str]:
    """The error object of the event that ends the stream."""
    assert b"[DONE]" not in stream
    *_, event, end = stream.split(b"\n\n")
    assert end == b"", "the event is complete"
    assert event.startswith(b"event: error\ndata: ")
    return dict(json.loads(event.partition(b"data: ")[2])["error"])


@frozen
class Told:
    """One event of a stream that goes on: its name, its number ("" without one), and its data, decoded."""

    name: str
    number: str
    data: Any


def told(stream: HTTPResponse) -> Iterator[Told]:
    """Events as they come, comments left out."""
    fields: dict[str, str] = {}
    while line := stream.readline():
        text = line.decode().rstrip("\r\n")
        if text and not text.startswith(":"):
            key, _, value = text.partition(":")
            fields[key] = value.removeprefix(" ")
        elif not text and fields:
            yield Told(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


def enveloped(stream: HTTPResponse) -> Iterator[tuple[str, Any]]:
    """llama-swap's events as they come: type and data."""
    for event in told(stream):
        assert event.name == "message"
        yield event.data["type"], json.loads(event.data["data"])
