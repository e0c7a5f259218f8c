"""What the parts of the relay say to each other, and what it says to those who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, MutableMapping
from typing import Protocol

from aiohttp import web
from attrs import frozen
from multidict import CIMultiDict, MultiMapping

from swaplab_core.adapters.destination import Destination


class Tap(Protocol):
    """Sees what passes. Called for every chunk, so it must be quick, and it must not raise."""

    def sent(self, headers: MutableMapping[str, str]) -> None:
        """The request goes to its upstream with these headers, which may still be changed."""
        ...

    def head(self, status: int, headers: Mapping[str, str], /) -> None:
        """The head of the answer has come."""
        ...

    def chunk(self, data: bytes) -> None:
        """A piece of the body goes to the client."""
        ...


class _NoTap:
    """Nobody looks."""

    def sent(self, headers: MutableMapping[str, str]) -> None:
        pass

    def head(self, status: int, headers: Mapping[str, str], /) -> None:
        pass

    def chunk(self, data: bytes) -> None:
        pass


NO_TAP = _NoTap()


@frozen
class Body:
    """A request body that replaces the client's own: bytes, or a stream; a stream of unknown size (None) is chunked."""

    content: bytes | AsyncIterator[bytes]
    size: int | None

    @classmethod
    def of(cls, content: bytes) -> Body:
        """Bytes that are here."""
        return cls(content, len(content))


@frozen
class Call:
    """A request as the upstream shall see it. `path` is raw, with its query; a stream without a length is chunked."""

    method: str
    path: str
    headers: CIMultiDict[str]
    content: bytes | AsyncIterator[bytes] | None


class Interrupted(Exception):
    """The answer broke off in the middle; the text says why."""


class Answer(Protocol):
    """An answer whose head has come. `close` it, whatever happens: what is not wanted any more ends there."""

    @property
    def status(self) -> int:
        """As the upstream sent it."""
        ...

    @property
    def headers(self) -> MultiMapping[str]:
        """As the upstream sent them."""
        ...

    async def read(self, most: int) -> bytes:
        """The beginning of the body, for a message. Raises Interrupted."""
        ...

    async def pour(self, request: web.BaseRequest, response: web.StreamResponse, tap: Tap) -> None:
        """Move the body into a response that has begun. Raises Interrupted, or ConnectionError: the client left."""
        ...

    def close(self) -> None:
        """Give the connection back, or cut it when the answer is not whole."""
        ...


class Carrier(Protocol):
    """A way to reach upstreams."""

    async def send(self, call: Call, destination: Destination) -> Answer:
        """Answer when the head has come. Raises UpstreamDied or UpstreamTimeout when none does."""
        ...

    async def close(self) -> None:
        """Drop all connections."""
        ...
