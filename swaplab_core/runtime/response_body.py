"""A response body as a Meter looks at it: decoded on the way, searched, and kept whole only when that is wanted."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from swaplab_core.runtime.decoding import Decoder, Undecodable, decoder_for, is_readable
from swaplab_core.runtime.scanning import Clipping, EventScanner, Message


@define(eq=False)
class ResponseBody:
    """`events` is the scanner of an event stream, None for any other body.

    `is_decoded` is False when its coding cannot be undone; `failure` says why if the body is at fault, and is "" for a
    coding that nobody here knows.
    """

    events: EventScanner | None
    keep_bytes: int
    coding: str
    is_decoded: bool = field(init=False)
    failure: str = field(default="", init=False)
    clipping: Clipping = field(factory=Clipping, init=False)
    _decoder: Decoder | None = field(init=False)
    _kept: bytearray | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.is_decoded = is_readable(self.coding)
        self._decoder = decoder_for(self.coding)
        self._kept = bytearray() if self.keep_bytes else None

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes; answers how many events in them said something."""
        if self._decoder is None:
            return self._look(chunk)
        if self.failure:
            return 0
        try:
            return sum(self._look(piece) for piece in self._decoder.feed(chunk))
        except Undecodable as error:
            self.failure = f"the response says it is {self.coding}, but cannot be decoded: {error}"
            self.is_decoded = False
            self._kept = None
            return 0

    def end(self) -> int:
        """The body is over; answers as `feed` does."""
        return self.events.end() if self.events else 0

    def messages(self) -> Iterator[Message]:
        """The JSON objects in it that can tell something, oldest first."""
        return self.events.messages() if self.events else self.clipping.messages()

    @property
    def kept(self) -> bytes | None:
        """The whole body; None when it was not to be kept, was larger than allowed, or could not be decoded."""
        return None if self._kept is None else bytes(self._kept)

    def _look(self, piece: bytes) -> int:
        if self._kept is not None:
            self._keep(self._kept, piece)
        if self.events:
            return self.events.feed(piece)
        self.clipping.add(piece)
        return 0

    def _keep(self, kept: bytearray, piece: bytes) -> None:
        if len(kept) + len(piece) > self.keep_bytes:
            self._kept = None
        else:
            kept += piece
