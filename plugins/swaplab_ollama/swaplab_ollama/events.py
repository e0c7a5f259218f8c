"""Server-sent events out of bytes that come in pieces of any size: only their data, which is all that is used here."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from swaplab_core.domain.errors import UpstreamError

MAX_BYTES = 16 * 2**20
"""What one event may hold: engines are not trusted to end theirs."""


@define
class EventDecoder:
    """Feed it bytes; it gives the data of each event that is complete. Comments and other fields are dropped."""

    _rest: bytes = b""
    _data: tuple[bytes, ...] = ()
    _size: int = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Give the data of the events that end in `piece`. Raises UpstreamError for an event that is too large."""
        *lines, self._rest = _split(self._rest + piece)
        for line in lines:
            if line:
                self._take(line)
            else:
                data, self._data, self._size = b"\n".join(self._data), (), 0
                if data:
                    yield data
        if self._size + len(self._rest) > MAX_BYTES:
            raise UpstreamError(f"the engine sent an event of more than {MAX_BYTES} bytes")

    def end(self) -> Iterator[bytes]:
        """Give what is left when the bytes have ended: some engines forget the empty line after the last event."""
        return self.feed(b"\n\n")

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data += (value.removeprefix(b" "),)
            self._size += len(value)


def _split(text: bytes) -> list[bytes]:
    """Cut at CR LF, LF and CR; a CR at the very end may be half of a CR LF and stays in the rest."""
    ends_in_cr = text.endswith(b"\r")
    lines = (text[:-1] if ends_in_cr else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if ends_in_cr:
        lines[-1] += b"\r"
    return lines
