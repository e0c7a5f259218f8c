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


def presents_key(headers: MultiMapping[str]) -> bool:
    """Whether there is any key in the headers, looked at no closer."""
    return any(name in headers for name in CARRIERS)


def presented_keys(headers: MultiMapping[str]) -> Iterator[Credential]:
    """Each key: the password of Basic, the Bearer token, `x-api-key`, `api-key`; what is malformed is not there."""
    for value in headers.getall("Authorization", ()):
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "basic" and (password := _password(rest.strip())):
            yield Credential(password, is_ambient=True)
        elif scheme.lower() == "bearer" and rest.strip():
            yield Credential(rest.strip())
    for name in CARRIERS[1:]:
        for value in headers.getall(name, ()):
            if value:
                yield Credential(value)


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
