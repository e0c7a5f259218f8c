"""The last output of an upstream: a bounded history of its lines.

Chunks come as the pipe gives them. `\\n`, `\\r\\n` and `\\r` end a line (progress bars redraw with `\\r`), so a bar
cannot grow one endless line.
"""

from __future__ import annotations

import re
from collections import deque

from attrs import define, field

LINE_LIMIT = 8_192
HISTORY_BYTES = 100 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_CONTROL_BUT_ESCAPE = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")


@define
class LogHistory:
    """The newest `limit_bytes` of output, cut at line ends as far as possible."""

    limit_bytes: int = HISTORY_BYTES
    _chunks: deque[bytes] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)

    def feed(self, chunk: bytes) -> None:
        """Add output; what is older than the limit is forgotten. Costs the same whatever the chunk's lines are."""
        self._chunks.append(chunk[-self.limit_bytes :])
        self._size += len(self._chunks[-1])
        while self._size - len(self._chunks[0]) >= self.limit_bytes:
            self._size -= len(self._chunks.popleft())

    def tail(self, lines: int) -> list[str]:
        """The last non-empty lines as clean text: no ANSI sequences, no control characters, each of bounded length."""
        return clean_lines(b"".join(self._chunks)[-self.limit_bytes :])[-lines:]


def clean_lines(output: bytes) -> list[str]:
    """Cut raw output into lines of text for people and parsers; blank ones are left out."""
    lines = (clean(raw) for raw in _LINE_END.split(output))
    return [line for line in lines if line]


def clean(raw: bytes) -> str:
    """One line as text: lossy UTF-8, no ANSI sequences, no control characters, at most LINE_LIMIT characters."""
    text = raw[:LINE_LIMIT].decode("utf-8", "replace")
    return _CONTROL.sub("", _ANSI.sub("", text)).strip()


def coloured(raw: bytes) -> str:
    """One line as `clean` has it, but with its colours (SGR sequences); "" when it has none."""
    if b"\x1b[" not in raw:
        return ""
    text = raw[:LINE_LIMIT].decode("utf-8", "replace")
    text = _CONTROL_BUT_ESCAPE.sub("", _NOT_COLOUR.sub("", text)).strip()
    return text if "\x1b[" in text else ""


@define
class LineReader:
    """Cuts a stream of chunks into complete lines, for reading progress off them.

    Of a flood only the newest LINE_LIMIT bytes of each chunk are looked at: older progress is of no use.
    """

    _rest: bytes = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Answer the newest lines that `chunk` completes."""
        head, end, rest = _rpartition((self._rest + chunk)[-LINE_LIMIT:])
        self._rest = rest[-LINE_LIMIT:]
        return clean_lines(head) if end else []


def _rpartition(data: bytes) -> tuple[bytes, bytes, bytes]:
    cut = max(data.rfind(b"\n"), data.rfind(b"\r"))
    return (b"", b"", data) if cut < 0 else (data[:cut], data[cut : cut + 1], data[cut + 1 :])
