"""Plain heads of requests: those that nobody could read in two ways. What is not plain is for aiohttp to judge."""

from __future__ import annotations

import re

from attrs import define

from swaplab_core.adapters.relay import split_head

_PLAIN = re.compile(rb"POST /[!-~]* HTTP/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[ -~]*\r\n)+\r\n")
_NAME = re.compile(rb"\r\n([^:\r\n]+):")
_ONCE = (b"host", b"content-length")
_SPECIAL = re.compile(
    rb"\r\n(?:transfer-encoding|content-encoding|expect|upgrade|connection:(?! ?keep-alive\r)|te|trailer|cookie|origin"
    rb"|sec-fetch-|content-type: ?multipart|content-type: ?application/x-www)",
    re.IGNORECASE,
)
"""Beginnings of lines: whatever of these a request has, the long way knows better what to do with it."""


@define(eq=False)
class Head:
    """A request's head in the bytes that came. `key` is all of it but the length, which is of the body."""

    key: bytes
    size: int
    length: int


def find_head(data: bytes) -> Head | None:
    """The head at the beginning of `data`; None when it is not whole, or tells no length as everybody does."""
    split = split_head(data)
    return None if split is None else Head(*split)


def is_plain(head: bytes) -> bool:
    """Whether a whole head is plain. What it answers does not depend on the digits of the length."""
    if _PLAIN.fullmatch(head) is None or _SPECIAL.search(head) is not None:
        return False
    names = [name.lower() for name in _NAME.findall(head)]
    return all(names.count(name) == 1 for name in _ONCE)
