"""Undoing Content-Encoding piece by piece, for whoever looks at a body that passes through compressed.

Pieces are small whatever the input expands to, and a body that expands absurdly is given up.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import define, field

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 64 * 1024
MAX_EXPANSION = 250
"""Text shrinks to a tenth, repeated text to a hundredth; what expands more than this was made to hurt."""
EXPANSION_ALLOWANCE = 16 * 2**20
_ZSTD_WINDOW_LOG = 23  # 8 MiB, the most that HTTP allows (RFC 9659)
_NO_CODING = frozenset({"", "identity"})
_GZIP_WBITS, _ZLIB_WBITS, _RAW_WBITS = 31, 15, -15


class Undecodable(Exception):
    """The body is not what its Content-Encoding says; the message says why."""


class Decoder(Protocol):
    """Undoes one coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to, in pieces of at most PIECE_BYTES. Raises Undecodable."""
        ...


def decoder_for(coding: str) -> Decoder | None:
    """The decoder of a Content-Encoding; None when there is nothing to undo, or nobody here who can."""
    make = _DECODERS.get(coding.strip().lower())
    return None if make is None else make()


def is_readable(coding: str) -> bool:
    """Whether a body of this Content-Encoding can be looked at here."""
    name = coding.strip().lower()
    return name in _DECODERS or name in _NO_CODING


def readable_encodings(accept_encoding: str) -> str:
    """An Accept-Encoding without what cannot be undone here; `identity` when nothing is left."""
    offers = (offer.strip() for offer in accept_encoding.split(","))
    kept = [offer for offer in offers if offer and is_readable(offer.partition(";")[0])]
    return ", ".join(kept) or "identity"


class _Stream(Protocol):
    """One member of a compressed body, as zlib and zstd both offer it."""

    @property
    def is_finished(self) -> bool: ...

    @property
    def rest(self) -> bytes: ...

    def pieces(self, data: bytes) -> Iterator[bytes]: ...


@define(eq=False)
class Expander:
    """Decodes members one after the other: a gzip or zstd body may have several. Zeros after the last are padding."""

    open: Callable[[], _Stream]
    _stream: _Stream | None = field(default=None, init=False)
    _budget: int = field(default=EXPANSION_ALLOWANCE, init=False)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` decodes to."""
        self._budget += len(data) * MAX_EXPANSION
        while data := self._without_padding(data):
            if self._stream is None:
                self._stream = self.open()
            for piece in _translated(self._stream.pieces(data)):
                self._spend(len(piece))
                yield piece
            data = self._stream.rest if self._stream.is_finished else b""

    def _without_padding(self, data: bytes) -> bytes:
        if self._stream is not None and self._stream.is_finished:
            data = data.lstrip(b"\0")
            self._stream = None if data else self._stream
        return data

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise Undecodable(f"it expands more than {MAX_EXPANSION} times")


def _translated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (zlib.error, zstd.ZstdError, EOFError) as error:
        raise Undecodable(str(error)) from None


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)

    @property
    def is_finished(self) -> bool:
        return self._inflate.eof

    @property
    def rest(self) -> bytes:
        return self._inflate.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._inflate.decompress(data, PIECE_BYTES)
            data = self._inflate.unconsumed_tail
            if piece:
                yield piece
            if self.is_finished or (not data and len(piece) < PIECE_BYTES):
                return


class _Deflate:
    """HTTP's `deflate` is zlib's format; some send the raw one. The first two bytes tell them apart.

    There are no members: what follows the end means nothing and is swallowed.
    """

    is_finished = False
    rest = b""

    def __init__(self) -> None:
        self._head = b""
        self._zlib: _Zlib | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._zlib is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._zlib = _Zlib(_ZLIB_WBITS if _is_zlib_header(data) else _RAW_WBITS)
        if not self._zlib.is_finished:
            yield from self._zlib.pieces(data)


def _is_zlib_header(data: bytes) -> bool:
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0


class _Zstd:
    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._decompress = zstd.ZstdDecompressor(options=options)

    @property
    def is_finished(self) -> bool:
        return self._decompress.eof

    @property
    def rest(self) -> bytes:
        return self._decompress.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if piece := self._decompress.decompress(data, PIECE_BYTES):
                yield piece
            data = b""
            if self.is_finished or self._decompress.needs_input:
                return


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: Expander(lambda: _Zlib(_GZIP_WBITS)),
    "x-gzip": lambda: Expander(lambda: _Zlib(_GZIP_WBITS)),
    "deflate": lambda: Expander(_Deflate),
    "zstd": lambda: Expander(_Zstd),
}
