"""Heads that were read before. An engine's answers, like a client's requests, begin alike but for the length of a body.

Known is only what the strict parser has read to a good end, in one piece. The key is every byte of a head but the
digits of its length, so whoever sends the same bytes means the same: the parser would stand in the same state before
the digits and behind them.
"""

from __future__ import annotations

from attrs import define, field

RawHeaders = list[tuple[bytes, bytes]]

MOST_HEAD_BYTES = 8190
MOST_KNOWN = 64
_END = b"\r\n\r\n"
_SPELLINGS = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
_MOST_DIGITS = 8
_BODILESS = frozenset({204, 304})


def split_head(data: bytes) -> tuple[bytes, int, int] | None:
    """The key of the head at the beginning of `data`, its size, and the length that it tells.

    None when it is not whole, or tells no length in one of the usual spellings.
    """
    end = data.find(_END, 0, MOST_HEAD_BYTES)
    if end < 0:
        return None
    start = data.find(_SPELLINGS[0], 0, end)
    if start < 0:
        start = data.find(_SPELLINGS[1], 0, end)
        if start < 0:
            return None
    start += len(_SPELLINGS[0])
    stop = data.index(b"\r\n", start)
    digits = data[start:stop]
    if not digits.isdigit() or stop - start > _MOST_DIGITS:
        return None
    if digits.startswith(b"0") and digits != b"0":  # the same length, but it would be passed on in other words
        return None
    return data[:start] + data[stop:end], end + len(_END), int(digits)


@define(eq=False)
class Mould:
    """A head that was read before, with a gap where the digits of its length stand.

    What fits it would be split to the same `key`, but that takes longer.
    """

    key: bytes
    before: bytes
    behind: bytes
    _gap: int
    _most: int

    @classmethod
    def of(cls, key: bytes) -> Mould:
        """The mould of a key that `split_head` has told."""
        start = key.find(_SPELLINGS[0])
        if start < 0:
            start = key.index(_SPELLINGS[1])
        start += len(_SPELLINGS[0])
        return cls(key, key[:start], key[start:] + _END, start, start + _MOST_DIGITS + len(b"\r\n"))

    def sizes(self, data: bytes) -> tuple[int, int] | None:
        """The size of the head at the beginning of `data`, and the length that it tells; None: it does not fit."""
        if not data.startswith(self.before):
            return None
        stop = data.find(b"\r\n", self._gap, self._most)
        digits = data[self._gap : stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(self.behind, stop):
            return None
        if digits.startswith(b"0") and digits != b"0":
            return None
        return stop + len(self.behind), int(digits)


@define(eq=False)
class KnownHead:
    """What a head says, whatever the length. `headers` are those of the answer from which it is known."""

    status: int
    headers: RawHeaders

    def with_length(self, length: int) -> RawHeaders:
        """The headers of an answer of this length."""
        return [(name, b"%d" % length if _is_length(name) else value) for name, value in self.headers]


@define(eq=False)
class KnownHeads:
    """Those of one upstream."""

    _known: dict[bytes, KnownHead] = field(factory=dict, init=False)
    _latest: tuple[Mould, KnownHead] | None = field(default=None, init=False)

    def whole(self, data: bytes) -> tuple[KnownHead, bytes] | None:
        """The head and the body, if `data` is one whole answer and its head is known."""
        if self._latest is not None:
            mould, known = self._latest
            if sizes := mould.sizes(data):
                size, length = sizes
                return (known, data[size:]) if len(data) - size == length else None
        return self._whole(data)

    def _whole(self, data: bytes) -> tuple[KnownHead, bytes] | None:
        split = split_head(data)
        if split is None:
            return None
        key, size, length = split
        known = self._known.get(key)
        if known is None:
            return None
        self._latest = Mould.of(key), known
        return (known, data[size:]) if len(data) - size == length else None

    def learn(self, data: bytes, status: int, headers: RawHeaders, body: bytes) -> None:
        """The parser has found just this in `data`, and nothing else; the connection may be kept."""
        split = split_head(data)
        if split is None or status in _BODILESS or not data.startswith(b"%d " % status, len(b"HTTP/1.1 ")):
            return
        key, size, length = split
        if len(body) == length and data[size:] == body and sum(_is_length(name) for name, _ in headers) == 1:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key], self._latest = KnownHead(status, headers), None


def _is_length(name: bytes) -> bool:
    return name.lower() == b"content-length"
