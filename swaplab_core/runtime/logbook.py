"""Every log there is: the proxy's own, each model's, and all models' together; with live followers through the bus.

A history keeps the newest 100 KiB of a source as the chunks that came. Nothing is cut into lines before somebody reads,
so an engine that floods its output costs a copy per chunk and no more. A line's number is the offset of its first byte
in all that the source ever wrote: it grows, it never changes, and pages go backwards from it.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from swaplab_core.domain.events import Logged
from swaplab_core.domain.ids import ModelId
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.logs import HISTORY_BYTES, clean, coloured

PROXY = "proxy"
UPSTREAM = "upstream"
STDOUT = "stdout"
MODEL = "model:"

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|$)")
_LEVEL = re.compile(
    r"\b(?:(DEBUG|TRACE)|(INFO|NOTICE)|(WARN(?:ING)?)|(ERROR|ERR|FATAL|CRITICAL|PANIC))\b|^\S+ ([DIWE]) "
)
_LEVELS = ("debug", "info", "warn", "error")
_LETTERS = {"D": "debug", "I": "info", "W": "warn", "E": "error"}


@frozen
class LogLine:
    """One line. `replaces` the line before it on a terminal (it came after a carriage return: progress bars).

    `coloured` is the text with its colours as ANSI sequences, "" when it has none.
    """

    number: int
    time: float
    source: str
    level: str
    text: str
    replaces: bool
    coloured: str = ""


@frozen
class LogPage:
    """Some lines. Everything from offset `begin` to `end` is in them, if it was not blank."""

    lines: list[LogLine]
    begin: int
    end: int


@define(eq=False)
class History:
    """The newest output of one source: (offset, unix time, bytes) of each chunk."""

    source: str
    limit_bytes: int = HISTORY_BYTES
    written: int = 0
    _chunks: deque[tuple[int, float, bytes]] = field(factory=deque, init=False)

    def feed(self, data: bytes, now: float) -> None:
        """Add output."""
        kept = data[-self.limit_bytes :]
        self._chunks.append((self.written + len(data) - len(kept), now, kept))
        self.written += len(data)
        oldest = self.written - self.limit_bytes
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][2]) <= oldest:
            self._chunks.popleft()

    def content(self) -> bytes:
        """All that is kept, at most `limit_bytes`."""
        return b"".join(data for _, _, data in self._chunks)[-self.limit_bytes :]

    def lines(self, *, before: int | None = None, limit: int = 200) -> list[LogLine]:
        """The newest `limit` lines, or those before line number `before`; oldest first, blank ones left out."""
        return self.page(before=before, limit=limit).lines

    def page(self, *, since: int = 0, before: int | None = None, limit: int = 200) -> LogPage:
        """The newest `limit` lines from `since` on and before `before`. Costs no more than what it answers."""
        content = self.content()
        start = self.written - len(content)
        end = len(content) if before is None else max(0, before - start)
        first, wanted = min(max(0, since - start), end), limit
        while True:
            begin = _begin_of_last_lines(content, first, end, wanted)
            found = list(self._cut(content, start, begin, end))
            if len(found) >= limit or begin == first:
                cut = max(0, len(found) - limit)
                return LogPage(found[cut:], found[cut].number if cut else start + begin, start + end)
            wanted *= 4  # many of them were blank

    def _cut(self, content: bytes, start: int, begin: int, end: int) -> Iterator[LogLine]:
        after_return = _is_redrawn(content, begin)
        offsets, times = [offset for offset, _, _ in self._chunks], [written_at for _, written_at, _ in self._chunks]
        for match in _LINE.finditer(content, begin, end):
            text = clean(match[1])
            number = start + match.start()
            if text:
                written_at = times[max(0, bisect_right(offsets, number) - 1)]
                colours = coloured(match[1])
                yield LogLine(number, written_at, self.source, level_of(text), text, after_return, colours)
            after_return = match[2] == b"\r" and (after_return or bool(text))


def _is_redrawn(content: bytes, at: int) -> bool:
    """Whether a text stands before this on its line, and a carriage return leads back to its begin."""
    if content[at - 1 : at] != b"\r":
        return False
    return bool(clean(content[content.rfind(b"\n", 0, at) + 1 : at].replace(b"\r", b"")))


@define(eq=False)
class LogBook:
    """All histories by source: `proxy`, `upstream`, `model:<id>`, and `stdout`, which is what the daemon prints.

    `print_` writes to standard output, `printed` says which of `proxy` and `upstream` go there.
    """

    bus: Bus
    print_: Callable[[bytes], None]
    printed: frozenset[str] = frozenset({PROXY})
    _histories: dict[str, History] = field(factory=dict, init=False)

    def feed(self, source: str, data: bytes) -> None:
        """Add output of the proxy, or of a model, which is kept with all models' output as well."""
        now = time.time()
        self.history(source).feed(data, now)
        kind = UPSTREAM if source.startswith(MODEL) else PROXY
        if kind == UPSTREAM:
            self.history(UPSTREAM).feed(data, now)
        if kind in self.printed:
            self.history(STDOUT).feed(data, now)
            self.print_(data)
        self.bus.publish(Logged(source, data))

    def heard(self, model: ModelId, data: bytes) -> None:
        """Add output of a model."""
        self.feed(MODEL + model, data)

    def history(self, source: str) -> History:
        """The history of a source, empty when it never wrote."""
        return self._histories.setdefault(source, History(source))

    def belongs_to(self, event: Logged, source: str) -> bool:
        """Whether a follower of `source` wants this chunk."""
        kind = UPSTREAM if event.source.startswith(MODEL) else PROXY
        return source in {event.source, kind} or (source == STDOUT and kind in self.printed)


def _begin_of_last_lines(content: bytes, first: int, end: int, count: int) -> int:
    """Where the last `count` lines of a part begin, about: `first` when there are not more."""
    pieces = content[first:end].replace(b"\r", b"\n").rsplit(b"\n", count + 1)
    return first + len(pieces[0]) + 1 if len(pieces) > count + 1 else first


PRINTED = {
    "proxy": frozenset({PROXY}),
    "upstream": frozenset({UPSTREAM}),
    "both": frozenset({PROXY, UPSTREAM}),
    "none": frozenset[str](),
}
"""What each value of `logToStdout` prints."""


def level_of(text: str) -> str:
    """The level that a line names itself, "" when it names none."""
    found = _LEVEL.search(text[:120])
    if found is None:
        return ""
    if found[5]:
        return _LETTERS[found[5]]
    return next(level for level, group in zip(_LEVELS, found.groups(), strict=False) if group)
