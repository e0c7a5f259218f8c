"""An answer's head in bytes, as aiohttp would send it for the same headers."""

from __future__ import annotations

import time
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from attrs import define, field

from swaplab_core.adapters.relay import KnownHead, RawHeaders, is_events, unwanted_in_answers
from swaplab_core.runtime.inflight import REDACTED, SENSITIVE

MOST_KNOWN = 256
_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
_BODILESS = frozenset({204, 304})
_SERVER = f"Server: {SERVER_SOFTWARE}\r\n".encode()
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@define
class DateLine:
    """The Date header, made anew once a second."""

    _second: int = field(default=0, init=False)
    _line: bytes = field(default=b"", init=False)

    def now(self) -> bytes:
        """The line, with its end."""
        second = int(time.time())
        if second != self._second:
            t = time.gmtime(second)
            day = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year}"
            self._second = second
            self._line = f"Date: {day} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT\r\n".encode()
        return self._line


@define(eq=False)
class AnswerHead:
    """What goes to the client, whether its body is to be `chunked`, and what is remembered: `shown` is for people.

    `before` and `after` are the bytes around a length; without one all stands before it. A Date is said by the engine,
    or comes behind both.
    """

    status: int
    before: bytes
    after: bytes
    is_dated: bool
    chunked: bool
    events: bool
    content_type: str
    content_encoding: str
    size: int | None
    length_title: str
    shown: dict[str, str]

    def data(self, date: bytes, size: int | None) -> bytes:
        """All of it, with this length if it tells one, and this Date if the engine told none."""
        length = b"%d" % size if self.after and size is not None else b""
        return b"%b%b%b%b\r\n" % (self.before, length, self.after, b"" if self.is_dated else date)

    def shown_with(self, size: int) -> dict[str, str]:
        """What is remembered, with this length."""
        return {**self.shown, self.length_title: str(size)}


def answer_head(status: int, headers: RawHeaders) -> AnswerHead:
    """Leave out what belongs to the upstream's connection, add what every answer has."""
    unwanted = unwanted_in_answers(headers)
    if status == 204:
        unwanted = unwanted | {b"content-length"}
    lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n".encode()]
    before, length_title = b"", ""
    seen: dict[bytes, str] = {}
    shown: dict[str, str] = {}
    for name, value in headers:
        low, title, is_secret = _known(name)
        text = value.decode("utf-8", "surrogateescape")
        shown[title] = REDACTED if is_secret else text
        seen[low] = text
        if low in unwanted:
            continue
        if low == b"content-length":
            before, lines, length_title = b"".join([*lines, name, b": "]), [b"\r\n"], title
        else:
            lines.append(b"%b: %b\r\n" % (name, value))
    content_type, size = seen.get(b"content-type", ""), seen.get(b"content-length")
    events = is_events(content_type)
    chunked = size is None and status not in _BODILESS
    if chunked:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    if not content_type and size != "0" and status not in _BODILESS:
        lines.append(b"Content-Type: application/octet-stream\r\n")
    if events:
        lines.append(b"X-Accel-Buffering: no\r\n")
    if b"server" not in seen:
        lines.append(_SERVER)
    after = b"".join(lines)
    if not before:
        before, after = after, b""
    return AnswerHead(
        status,
        before,
        after,
        b"date" in seen,
        chunked,
        events,
        content_type,
        seen.get(b"content-encoding", ""),
        None if size is None else int(size),
        length_title,
        shown,
    )


@lru_cache(maxsize=256)
def _known(name: bytes) -> tuple[bytes, str, bool]:
    """A header's name: lower case, as text, and whether its value is for nobody's eyes."""
    title = name.decode("utf-8", "surrogateescape")
    return name.lower(), title, title.lower() in SENSITIVE


@define(eq=False)
class KnownAnswers:
    """What goes to clients for heads of engines that are known: made once, but for length and Date."""

    _heads: dict[KnownHead, AnswerHead] = field(factory=dict, init=False)

    def of(self, known: KnownHead) -> AnswerHead:
        """The same as `answer_head`; its `size` and the length in `shown` are those of another answer."""
        head = self._heads.get(known)
        if head is None:
            if len(self._heads) >= MOST_KNOWN:
                self._heads.clear()
            head = self._heads[known] = answer_head(known.status, known.headers)
        return head


def whole_answer(response: web.Response, date: bytes) -> bytes:
    """An answer of our own: head and body."""
    body = response.body if isinstance(response.body, bytes) else b""
    headers = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in response.headers.items()]
    headers = [pair for pair in headers if pair[0].lower() != b"content-length"]
    head = answer_head(response.status, [*headers, (b"Content-Length", b"%d" % len(body))])
    return head.data(date, len(body)) + body
