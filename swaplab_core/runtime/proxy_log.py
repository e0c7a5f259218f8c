"""The proxy's own log: Python's logging goes into the log book, in the format the configuration asks for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from swaplab_core.config.schema import Config
from swaplab_core.runtime.logbook import PROXY, LogBook

MOMENT_SECONDS = 0.2
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

_LAYOUTS = {
    "ansic": "%a %b %e %H:%M:%S %Y",
    "unixdate": "%a %b %e %H:%M:%S %Z %Y",
    "rubydate": "%a %b %d %H:%M:%S %z %Y",
    "rfc822": "%d %b %y %H:%M %Z",
    "rfc822z": "%d %b %y %H:%M %z",
    "rfc850": "%A, %d-%b-%y %H:%M:%S %Z",
    "rfc1123": "%a, %d %b %Y %H:%M:%S %Z",
    "rfc1123z": "%a, %d %b %Y %H:%M:%S %z",
    "kitchen": "%-I:%M%p",
    "stamp": "%b %e %H:%M:%S",
}
_FRACTIONS = {"stampmilli": 3, "stampmicro": 6, "stampnano": 9}


class ProxyLog(logging.Handler):
    """The root logger's only handler; `use` follows another configuration."""

    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self._book = book
        self._stamp: Callable[[datetime], str] = no_stamp
        self._pending: list[tuple[float, Callable[..., str], tuple[object, ...]]] = []

    def install(self, config: Config) -> None:
        """Become the root logger's only handler."""
        logging.getLogger().handlers[:] = [self]
        self.use(config)

    def use(self, config: Config) -> None:
        """Level and time format of `config`; a level it does not know is info."""
        logging.getLogger().setLevel(LEVELS.get(config.log_level.lower(), logging.INFO))
        self._stamp = time_stamper(config.log_time_format)

    def filter(self, record: logging.LogRecord) -> bool:
        """Of libraries only what should worry somebody is logged, and of a client's malformed form or HTTP nothing."""
        is_ours = record.name.startswith("swaplab")
        is_worrying = record.levelno >= logging.WARNING and not record.name.startswith("python_multipart")
        return (is_ours or is_worrying) and not _is_no_http(record) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line (a traceback as several)."""
        self.flush()
        self._write(self._line(record.created, record.levelname, self.format(record)))

    def soon(self, created: float, text: Callable[..., str], *values: object) -> None:
        """Write `text(*values)` within a moment, together with what else comes: for lines of which there are many.

        Call it on the event loop.
        """
        if not self._pending:
            asyncio.get_running_loop().call_later(MOMENT_SECONDS, self.flush)
        self._pending.append((created, text, values))

    def flush(self) -> None:
        """Write what waits."""
        if self._pending:
            pending, self._pending = self._pending, []
            self._write("".join([self._line(created, "INFO", text(*values)) for created, text, values in pending]))

    def _line(self, created: float, level: str, text: str) -> str:
        stamp = self._stamp(datetime.fromtimestamp(created).astimezone()) if self._stamp is not no_stamp else ""
        return f"{stamp}{' ' if stamp else ''}[{level}] {text}\n"

    def _write(self, lines: str) -> None:
        self._book.feed(PROXY, lines.encode("utf-8", "replace"))


def _is_no_http(record: logging.LogRecord) -> bool:
    """The web server tells with a traceback what a client has sent, which got its 400: anybody could fill the log."""
    error = record.exc_info[1] if record.exc_info else None
    return record.name == "aiohttp.server" and getattr(error, "code", None) == HTTPStatus.BAD_REQUEST


def no_stamp(_: datetime) -> str:
    """No time at all."""
    return ""


def time_stamper(name: str) -> Callable[[datetime], str]:
    """How to write a time, by the name of a Go layout; an unknown name writes none."""
    name = name.lower()
    if name in _LAYOUTS:
        return lambda moment: moment.strftime(_LAYOUTS[name])
    if name in _FRACTIONS:
        return lambda moment: f"{moment:%b %e %H:%M:%S}.{moment.microsecond * 1000:09}"[: 16 + _FRACTIONS[name]]
    if name == "rfc3339":
        return lambda moment: moment.isoformat(timespec="seconds")
    if name == "rfc3339nano":
        return lambda moment: moment.isoformat(timespec="microseconds")
    return no_stamp
