"""What a request presents to be let in: the only place that reads credentials. Never from the query: it is logged."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from attrs import frozen
from multidict import MultiMapping

CARRIERS = ("Authorization", "x-api-key", "api-key")


@frozen
class Credential:
    """A key. `is_ambient`: a browser sends it by itself, so it does not show that the page knows it."""

    secret: str
    is_ambient: bool = False


Carried = tuple[tuple[str, ...], ...]
"""The values of the headers that can carry a key, as they came; empty when there is none."""


def carried(headers: MultiMapping[str]) -> Carried:
    """The headers of CARRIERS, looked at no closer."""
    if not any(name in headers for name in CARRIERS):
        return ()
    return tuple(tuple(headers.getall(name, ())) for name in CARRIERS)


def presented_keys(headers: Carried) -> Iterator[Credential]:
    """Each key: the password of Basic, the Bearer token, `x-api-key`, `api-key`; what is malformed is not there."""
    authorization, *others = headers or ((),)
    for value in authorization:
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "basic" and (password := _password(rest.strip())):
            yield Credential(password, is_ambient=True)
        elif scheme.lower() == "bearer" and rest.strip():
            yield Credential(rest.strip())
    yield from (Credential(value) for values in others for value in values if value)


def presented_cookies(headers: MultiMapping[str], name: str) -> Iterator[str]:
    """Each value of a cookie; a browser may send several of one name."""
    for header in headers.getall("Cookie", ()):
        for pair in header.split(";"):
            key, equals, value = pair.strip().partition("=")
            if equals and key == name:
                yield value


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, or not UTF-8 inside
        return ""
