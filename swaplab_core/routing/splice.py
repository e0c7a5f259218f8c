"""Editing a JSON object in its bytes: what is not named keeps every byte, its order and its formatting.

The body must be valid JSON (the caller has parsed it). A path is keys joined by dots; a key may hold an escaped dot
(`a\\\\.b`). Should a key stand twice, both are edited: parsers differ in which one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from attrs import frozen

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]', re.DOTALL)
_DOT = re.compile(r"(?<!\\)\.")


@frozen
class Member:
    """One `"key": value` of an object, by offsets into the body."""

    key: str
    start: int
    value: int
    end: int


def split_path(path: str) -> tuple[str, ...]:
    """`a.b\\.c` → ("a", "b.c")."""
    return tuple(key.replace("\\.", ".") for key in _DOT.split(path))


def members(body: bytes, start: int = 0) -> Iterator[Member]:
    """Yield the members of the object that begins at or after `start`, without looking into their values."""
    depth, colon = 0, -1
    key = previous = (0, 0)
    for match in _TOKEN.finditer(body, start):
        token = match[0]
        if token in b"{[":
            depth += 1
        elif depth == 1 and token == b":":
            key, colon = previous, match.end()
        elif depth == 1 and token in b",}" and colon >= 0:
            yield _member(body, key, colon, match.start())
            colon = -1
        if token in b"}]":
            depth -= 1
            if depth == 0:
                return
        previous = match.span()


def set_value(body: bytes, path: Sequence[str], value: Any) -> bytes:
    """Set what `path` names; objects that are missing on the way are made, new keys go to the end."""
    return _set(body, 0, path, orjson.dumps(value))


def remove(body: bytes, path: Sequence[str]) -> bytes:
    """Take out what `path` names, with its comma; nothing happens when it is not there."""
    for member in reversed(list(_named(body, 0, path))):
        body = _cut(body, member)
    return body


def _set(body: bytes, start: int, path: Sequence[str], value: bytes) -> bytes:
    key, *deeper = path
    found = [member for member in members(body, start) if member.key == key]
    if not found:
        return _append(body, start, key, _nested(deeper, value))
    for member in reversed(found):
        if deeper and body[member.value : member.value + 1] == b"{":
            body = _set(body, member.value, deeper, value)
        else:
            body = body[: member.value] + _nested(deeper, value) + body[member.end :]
    return body


def _nested(path: Sequence[str], value: bytes) -> bytes:
    for key in reversed(path):
        value = b"{" + orjson.dumps(key) + b":" + value + b"}"
    return value


def _append(body: bytes, start: int, key: str, value: bytes) -> bytes:
    opening = body.index(b"{", start)
    end, comma = opening + 1, b""
    for member in members(body, start):
        end, comma = member.end, b","
    return body[:end] + comma + orjson.dumps(key) + b":" + value + body[end:]


def _named(body: bytes, start: int, path: Sequence[str]) -> Iterator[Member]:
    key, *deeper = path
    for member in members(body, start):
        if member.key != key:
            continue
        if not deeper:
            yield member
        elif body[member.value : member.value + 1] == b"{":
            yield from _named(body, member.value, deeper)


def _cut(body: bytes, member: Member) -> bytes:
    """Without the member and one comma: the one behind it, or for the last member the one before."""
    after = body[member.end :].lstrip()
    if after.startswith(b","):
        return body[: member.start] + after[1:].lstrip()
    before = body[: member.start].rstrip()
    return before.removesuffix(b",") + body[member.end :]


def _member(body: bytes, key: tuple[int, int], colon: int, stop: int) -> Member:
    text = body[colon:stop]
    value = colon + len(text) - len(text.lstrip())
    return Member(orjson.loads(body[slice(*key)]), key[0], value, colon + len(text.rstrip()))
