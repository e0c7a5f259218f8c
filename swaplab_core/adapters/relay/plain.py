"""Chunks as nearly every engine sends them, found without a parser: `SIZE CRLF bytes CRLF`, small, and nothing else.

They are passed on as they came, with their framing: a stream of tokens is hardly anything but such chunks. Whatever is
not plain (an extension, a leading zero, a size from 4096 on, the end) goes to the parser, and all behind it.
"""

from __future__ import annotations

from attrs import define

_MOST = 4095
MOST_TOGETHER, MOST_OF_HASTE = 8 * 1024, 1024
"""More bytes at once, of any stream and of a hasty one, go to the parser: it is written in C, and then the quicker."""
_SIZES = {spelling % size: size for size in range(1, _MOST + 1) for spelling in (b"%x", b"%X")}
_LINE_BYTES = len(b"fff\r\n")
_CRLF = b"\r\n"


@define(eq=False)
class PlainChunks:
    """Stands between two chunks of one body, and keeps the beginning of one that has not come wholly."""

    most_together: int = MOST_TOGETHER
    _begun: bytes = b""

    def only(self, data: bytes) -> bytes:
        """What is in the one whole plain chunk that `data` is, as most often; b"" when it is anything else."""
        if self._begun:
            return b""
        line, _, rest = data.partition(_CRLF)
        size = _SIZES.get(line)
        return rest[:-2] if size is not None and len(rest) == size + 2 and rest[-2:] == _CRLF else b""

    def split(self, data: bytes) -> tuple[bytes, bytes, bytes]:
        """The whole plain chunks in `data` as they came, what is in them, and what the parser must be given.

        When there is something for the parser, this object has done its work: the parser then stands where it stood.
        """
        if self._begun:
            data, self._begun = self._begun + data, b""
        if found := self.only(data):
            return data, found, b""
        return self._split_many(data) if len(data) <= self.most_together else (b"", b"", data)

    def _split_many(self, data: bytes) -> tuple[bytes, bytes, bytes]:
        at, total, payloads = 0, len(data), []
        while at < total:
            line = data.find(_CRLF, at + 1, at + _LINE_BYTES)
            size = _size(data, at, line)
            stop = line + 2 + size
            if not size or stop + 2 > total or data[stop : stop + 2] != _CRLF:
                break
            payloads.append(data[line + 2 : stop])
            at = stop + 2
        rest = data[at:]
        if _may_become_plain(rest):
            self._begun, rest = rest, b""
        return data[:at], b"".join(payloads), rest


def _size(data: bytes, at: int, line: int) -> int:
    """What the plain size line from `at` to `line` says; 0 when it is none."""
    return _SIZES.get(data[at:line], 0) if line > 0 else 0


def _may_become_plain(rest: bytes) -> bool:
    """Whether it is the beginning of a plain chunk, with a whole line at least: what is shorter the parser may keep."""
    line = rest.find(_CRLF, 1, _LINE_BYTES)
    stop = line + 2 + _size(rest, 0, line)
    return stop > line + 2 and (len(rest) <= stop or rest[stop:] == b"\r")
