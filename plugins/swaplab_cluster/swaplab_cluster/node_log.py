"""The system log of a machine, as the pages' logs read it: the newest entries of its journal, and what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from attrs import frozen

from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import Output

LINES = 200
PAUSE_SECONDS = 3.0
_LEVELS = ("error", "error", "error", "error", "warn", "info", "info", "debug")
"""By syslog's priority."""


@frozen
class Entry:
    """One entry; `at` in Unix seconds, `cursor` is the journal's own name for the place."""

    at: float
    text: str
    level: str
    cursor: str


def argv(cursor: str = "") -> tuple[str, ...]:
    """Ask for the newest entries, or for those after a cursor."""
    after = (f"--after-cursor={cursor}",) if cursor else ()
    fields = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER"
    return ("journalctl", "--no-pager", "--quiet", "--output=json", fields, f"--lines={LINES}", *after)


def read(output: bytes) -> list[Entry]:
    """The entries of such an answer; lines that are none are left out."""
    return [entry for line in output.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> Entry | None:
    try:
        value = orjson.loads(line)
        at, cursor = int(value["__REALTIME_TIMESTAMP"]) / 1e6, str(value["__CURSOR"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    message = value.get("MESSAGE")
    if isinstance(message, list):  # what is no text comes as the numbers of its bytes
        message = bytes(each & 255 for each in message if isinstance(each, int)).decode(errors="replace")
    who, priority = value.get("SYSLOG_IDENTIFIER"), str(value.get("PRIORITY", "6"))
    level = _LEVELS[int(priority)] if priority in {*"01234567"} else ""
    return Entry(at, f"{who}: {message}" if who else str(message), level, cursor)


async def follow(
    look: Callable[[tuple[str, ...]], Awaitable[Output]], node: str, now: Callable[[], float]
) -> AsyncIterator[bytes]:
    """Events without an end. A machine that does not answer is asked again; why, a line says once."""
    number, cursor, trouble = 0, "", ""
    yield b": the log begins\n\n"
    while True:
        entries, said = await _look(look, cursor)
        if said and said != trouble:
            entries = [Entry(now(), said, "error", cursor)]
        trouble = said
        for entry in entries:
            number += 1
            yield _event(number, node, entry)
            cursor = entry.cursor
        await asyncio.sleep(PAUSE_SECONDS)


async def _look(look: Callable[[tuple[str, ...]], Awaitable[Output]], cursor: str) -> tuple[list[Entry], str]:
    """What is new, or why nothing could be read."""
    try:
        output = await look(argv(cursor))
    except NodeError as error:
        return [], str(error)
    if output.exit_code != 0 and not output.stdout:
        return [], output.stderr.decode(errors="replace").strip() or f"journalctl: exit code {output.exit_code}"
    return read(output.stdout), ""


def _event(number: int, node: str, entry: Entry) -> bytes:
    record = {"seq": number, "ts": entry.at, "source": f"node:{node}", "text": entry.text}
    if entry.level:
        record["level"] = entry.level
    return b"event: line\nid: %d\ndata: %b\n\n" % (number, orjson.dumps(record))
