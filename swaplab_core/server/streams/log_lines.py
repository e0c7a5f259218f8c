"""A log as line records, for the UI: pages of the past, and what is new since the last look."""

from __future__ import annotations

import orjson
from attrs import define, field

from swaplab_core.runtime.logbook import History, LogLine

PAGE = 200
MOST_LINES = 1000


@define(eq=False)
class LineFollower:
    """Remembers what of a history its reader has got. `wanted` are the levels to show; empty means all lines.

    A line that has grown comes again under its number. What is forgotten before it was told becomes a gap.
    """

    history: History
    wanted: frozenset[str] = frozenset()
    _last: LogLine | None = field(default=None, init=False)
    _end: int = field(default=0, init=False)

    def begin(self, since: int | None) -> bytes:
        """The events of the newest lines, or of those from number `since` on if that is still known."""
        if since is None or since > self.history.written:
            self._end = self.history.page(limit=MOST_LINES).begin
        else:
            self._end = since
        return self.news()

    def news(self) -> bytes:
        """The events of what has come since."""
        page = self.history.page(since=self._last.number if self._last else self._end, limit=MOST_LINES)
        lines = [line for line in page.lines if self._is_news(line)]
        gap = _gap(page.begin - self._end) if page.begin > self._end else b""
        self._end = page.end
        self._last = lines[-1] if lines else self._last
        return gap + b"".join(_event(line) for line in lines if not self.wanted or line.level in self.wanted)

    def _is_news(self, line: LogLine) -> bool:
        last = self._last
        return last is None or line.number > last.number or (line.number == last.number and line.text != last.text)


def record(line: LogLine) -> dict[str, object]:
    """One line. `cr`: it stands in place of the line before it, as on a terminal."""
    shown: dict[str, object] = {"seq": line.number, "ts": line.time, "source": line.source, "text": line.text}
    if line.level:
        shown["level"] = line.level
    if line.replaces:
        shown["cr"] = True
    if line.coloured:
        shown["ansi"] = line.coloured
    return shown


def _event(line: LogLine) -> bytes:
    return b"event: line\nid: %d\ndata: %b\n\n" % (line.number, orjson.dumps(record(line)))


def _gap(size: int) -> bytes:
    return b"event: gap\ndata: %b\n\n" % orjson.dumps({"bytes": size})
