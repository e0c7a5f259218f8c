"""A response body as a Meter looks at it: decoded on the way, searched, and kept whole only when that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from attrs import define, field

from swaplab_core.runtime.decoding import Decoder, Undecodable, decoder_for, is_readable
from swaplab_core.runtime.scanning import WHOLE_BYTES, Clipping, EventScanner, Message, parsed

MANY_PIECES = 1024
"""More are joined: a small piece takes more memory than what is in it."""


@define(eq=False)
class WholeBody:
    """A body that came at once, is no event stream, not packed, and small: there is nothing to follow."""

    data: bytes
    keep_bytes: int
    is_decoded: ClassVar[bool] = True
    failure: ClassVar[str] = ""

    def feed(self, _: bytes) -> int:
        """There is no more."""
        raise AssertionError("it was whole")

    def take_usual(self, _: Sequence[bytes]) -> bool:
        """There is no event."""
        return False

    def end(self) -> int:
        """Nothing was held back."""
        return 0

    def messages(self) -> Iterator[Message]:
        """The JSON object in it."""
        return parsed(self.data)

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.data

    @property
    def kept(self) -> bytes | None:
        """The same, unless it was not to be kept."""
        return self.data if len(self.data) <= self.keep_bytes else None


@define(eq=False)
class ResponseBody:
    """`events` is the scanner of an event stream, None for any other body.

    `is_decoded` is False when its coding cannot be undone; `failure` says why if the body is at fault, and is "" for a
    coding that nobody here knows. As long as a body is small, its pieces are kept as they came.
    """

    events: EventScanner | None
    keep_bytes: int
    is_decoded: bool = field(default=True, init=False)
    failure: str = field(default="", init=False)
    _limit: int = field(default=0, init=False)
    _size: int = field(default=0, init=False)
    _pieces: list[bytes] | None = field(default=None, init=False)
    _clipping: Clipping | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._limit = self.keep_bytes if self.events or self.keep_bytes > WHOLE_BYTES else WHOLE_BYTES
        self._pieces = [] if self._limit else None

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes; answers how many events in them said something."""
        self._keep((chunk,), len(chunk))
        return self.events.feed(chunk) if self.events is not None else 0

    def take_usual(self, chunks: Sequence[bytes]) -> bool:
        """Take them, if each is just one event that says something; else nothing has happened."""
        if self.events is None or not self.events.are_usual(chunks):
            return False
        self._keep(chunks, sum(map(len, chunks)))
        return True

    def end(self) -> int:
        """The body is over; answers as `feed` does."""
        return self.events.end() if self.events else 0

    def messages(self) -> Iterator[Message]:
        """The JSON objects in it that can tell something, oldest first."""
        if self.events is not None:
            return self.events.messages()
        whole = self.whole
        return self._clipped().messages() if whole is None else parsed(whole)

    @property
    def whole(self) -> bytes | None:
        """All of it, None when it was too much to be looked at in one piece."""
        return None if self._pieces is None or self._size > WHOLE_BYTES else self._joined(self._pieces)

    @property
    def kept(self) -> bytes | None:
        """The whole body; None when it was not to be kept, was larger than allowed, or could not be decoded."""
        if not self.keep_bytes or self._pieces is None or self._size > self.keep_bytes:
            return None
        return self._joined(self._pieces)

    def _keep(self, chunks: Sequence[bytes], size: int) -> None:
        pieces = self._pieces
        if pieces is not None:
            pieces += chunks
            self._size += size
            if self._size > self._limit:
                self._clip(pieces)
            elif len(pieces) > MANY_PIECES:
                self._joined(pieces)
        elif self._clipping is not None:
            for chunk in chunks:
                self._clipping.add(chunk)

    def _clip(self, pieces: list[bytes]) -> None:
        self._pieces = None
        if self.events is None:
            self._clipping = _clipping(pieces)

    def _clipped(self) -> Clipping:
        return self._clipping or _clipping(self._pieces or [])

    def _joined(self, pieces: list[bytes]) -> bytes:
        if len(pieces) != 1:
            pieces[:] = [b"".join(pieces)]
        return pieces[0]


@define(eq=False)
class PackedBody(ResponseBody):
    """One with a content coding, looked at as it is when that is undone."""

    coding: str
    _decoder: Decoder | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.is_decoded = is_readable(self.coding)
        self._decoder = decoder_for(self.coding)

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes as they came."""
        if self._decoder is None:
            return super().feed(chunk)
        if self.failure:
            return 0
        try:
            return sum(map(super().feed, self._decoder.feed(chunk)))
        except Undecodable as error:
            self.failure = f"the response says it is {self.coding}, but cannot be decoded: {error}"
            self.is_decoded = False
            self._pieces = None
            return 0

    def take_usual(self, _: Sequence[bytes]) -> bool:
        """Nobody knows before it is decoded."""
        return False


def _clipping(pieces: list[bytes]) -> Clipping:
    clipping = Clipping()
    for piece in pieces:
        clipping.add(piece)
    return clipping
