"""What an error response says, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson

MAX_CHARACTERS = 500


def error_text(status: int, body: bytes) -> str:
    """The message in a JSON body, wherever engines put it, else the status in words; at most MAX_CHARACTERS."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    told = message_in(value) if isinstance(value, Mapping) else ""
    return (told or _status_text(status))[:MAX_CHARACTERS]


def message_in(body: Mapping[str, Any]) -> str:
    """The first text among `error.message`, `error`, `message` and `detail`; "" when there is none."""
    return next((text for text in _places(body) if isinstance(text, str) and text), "")


def _places(body: Mapping[str, Any]) -> Iterator[object]:
    error = body.get("error")
    if isinstance(error, Mapping):
        yield error.get("message")
    yield error
    yield body.get("message")
    yield body.get("detail")


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
