"""The log of one job: chunks in, bounded records out, and their way to the disk.

A record is a line of the file: milliseconds of unix time, a tab, `r` when it replaces the line before (a progress bar
that redraws itself), a tab, the text. The offset of a record in the file is its number.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field, frozen

from swaplab_core.domain.job import JobId
from swaplab_core.ports import Clock, JobFiles

LIMIT_BYTES = 32 * 2**20
LINES_KEPT_PAST_THE_LIMIT = 500
LINE_CHARACTERS = 8_192
FLUSH_SECONDS = 0.05
REDRAW_SECONDS = 0.25
MASK = "***"
SHORTEST_SECRET = 4

_END = re.compile(rb"\r\n|\n|\r")
_UNSEEN = re.compile(r"[\x00\x0b\x0c]")


@frozen
class LogRecord:
    """One line. `offset` is where it begins in the file and `end` where the next one does; `time` is unix seconds."""

    offset: int
    end: int
    time: float
    text: str
    replaces: bool = False


def read_records(data: bytes, offset: int) -> Iterator[LogRecord]:
    """Read what the file holds from `offset` on; a line that is not complete is left out."""
    for line in data.split(b"\n")[:-1]:
        end = offset + len(line) + 1
        moment, _, rest = line.partition(b"\t")
        flag, _, text = rest.partition(b"\t")
        if moment.isdigit():
            yield LogRecord(offset, end, int(moment) / 1000, text.decode("utf-8", "replace"), flag == b"r")
        offset = end


@define
class LineCutter:
    """Cuts a stream of chunks into lines; each comes with whether a carriage return, and no more, ended it."""

    _rest: bytes = b""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bool]]:
        """The lines that `chunk` completes."""
        data = self._rest + chunk
        held = b"\r" if data.endswith(b"\r") else b""  # a line feed may follow in the next chunk
        start = 0
        for match in _END.finditer(data, 0, len(data) - len(held)):
            yield _text(data[start : match.start()]), match[0] == b"\r"
            start = match.end()
        self._rest = data[start:]
        if len(self._rest) > LINE_CHARACTERS:
            yield _text(self._rest.removesuffix(held)), bool(held)
            self._rest = b""

    def end(self) -> Iterator[tuple[str, bool]]:
        """What is left without an end."""
        rest, self._rest = self._rest.removesuffix(b"\r"), b""
        if rest:
            yield _text(rest), False


def _text(raw: bytes) -> str:
    return _UNSEEN.sub("", raw[:LINE_CHARACTERS].decode("utf-8", "replace").replace("\r", ""))


@define(eq=False)
class Transcript:
    """Takes lines, hides secrets in them, and writes them in batches. `grown` hears where the log ends now."""

    job: JobId
    files: JobFiles
    clock: Clock
    grown: Callable[[int], None]
    size: int = 0
    limit_bytes: int = LIMIT_BYTES
    _secrets: set[str] = field(factory=set, init=False)
    _pending: bytearray = field(factory=bytearray, init=False)
    _is_due: bool = field(default=False, init=False)
    _redraw: str | None = field(default=None, init=False)
    _redrawn_at: float = field(default=-1.0, init=False)
    _replaces: bool = field(default=False, init=False)
    _late: deque[str] = field(factory=lambda: deque(maxlen=LINES_KEPT_PAST_THE_LIMIT), init=False)
    _left_out: int = field(default=0, init=False)

    def hide(self, secrets: Iterable[str]) -> None:
        """Show these texts as *** from now on."""
        lines = (line for secret in secrets for line in secret.splitlines())
        self._secrets.update(line for line in lines if len(line) >= SHORTEST_SECRET)

    def masked(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def line(self, text: str, *, redrawn: bool = False) -> None:
        """Add a line; `redrawn` when the next one replaces it. Of redraws only some are kept, and the last one."""
        if redrawn and self.clock.now() - self._redrawn_at < REDRAW_SECONDS:
            self._redraw = text
            return
        if self._redraw is not None and not redrawn:
            self._add(self._redraw, ends_redrawn=True)
        self._redraw = None
        self._add(text, ends_redrawn=redrawn)
        if redrawn:
            self._redrawn_at = self.clock.now()

    def flush(self) -> None:
        """Hand what has gathered to the files."""
        data, self._pending, self._is_due = bytes(self._pending), bytearray(), False
        if data:
            self.files.append(self.job, data)
            self.grown(self.size)

    def close(self) -> None:
        """Write what is left; after the limit that is a mark, and the last lines."""
        if self._redraw is not None:
            self.line(self._redraw)
        late, self._late = tuple(self._late), deque()
        if late:
            self.limit_bytes = 2 * self.limit_bytes
            if self._left_out > len(late):
                self._add(f"— {self._left_out - len(late)} lines left out, the log became too large —")
            for text in late:
                self._add(text)
        self.flush()

    def _add(self, text: str, *, ends_redrawn: bool = False) -> None:
        text = self.masked(text)
        flag, self._replaces = b"r" if self._replaces else b"", ends_redrawn
        record = b"%d\t%b\t%b\n" % (time.time() * 1000, flag, text.encode("utf-8", "replace").replace(b"\n", b" "))
        if self.size + len(record) > self.limit_bytes:
            self._late.append(text)
            self._left_out += 1
            return
        self._pending += record
        self.size += len(record)
        if not self._is_due:
            self._is_due = True
            self.clock.call_later(FLUSH_SECONDS, self.flush)
