"""What a dialect is: how one exchange is written, whole or as a stream of server-sent events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import orjson
from attrs import frozen

from swaplab_core.testing.sim.generation import Generation, Stopwatch
from swaplab_core.testing.sim.options import TimingsStyle

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"


@frozen
class Exchange:
    """One request and everything that is known about its answer beforehand.

    `number` makes ids, `created` is seconds since the epoch. `echo` is shown in whole chat replies: what was received.
    """

    number: int
    created: int
    model: str
    body: Json
    generation: Generation
    timings: TimingsStyle
    wants_usage: bool = False
    echo: Json | None = None

    def identifier(self, prefix: str) -> str:
        """An id that is unique in this process."""
        return f"{prefix}{self.number:016x}"


@frozen
class Dialect(ABC):
    """How one exchange is written."""

    exchange: Exchange

    def opening(self) -> Iterable[bytes]:
        """Events before the first token."""
        return ()

    @abstractmethod
    def piece(self, text: str) -> Iterable[bytes]:
        """Events of one token."""

    @abstractmethod
    def closing(self, stopwatch: Stopwatch) -> Iterable[bytes]:
        """Events after the last token."""

    @abstractmethod
    def complete(self, stopwatch: Stopwatch) -> Json | list[Json]:
        """The whole reply, when it is not streamed."""


def data_event(value: Json) -> bytes:
    """One event of an unnamed stream."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def named_event(value: Json) -> bytes:
    """One event called by its own `type`."""
    return b"event: " + str(value["type"]).encode() + b"\n" + data_event(value)
