"""Activity as a file to take away: JSON as the API writes it, CSV, or a Markdown table. Made piece by piece."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from attrs import frozen

from swaplab_core.domain.activity import ActivityRow
from swaplab_core.server.shapes.activity import UNKNOWN, HasCapture, row_json

Batches = AsyncIterable[Sequence[ActivityRow]]

COLUMNS = (
    "id",
    "timestamp",
    "model",
    "req_path",
    "resp_status_code",
    "resp_content_type",
    "duration_ms",
    "wait_ms",
    "ttft_ms",
    "itl_ms",
    "itl_p95_ms",
    "input_tokens",
    "output_tokens",
    "cache_tokens",
    "draft_tokens",
    "draft_acc_tokens",
    "prompt_per_second",
    "tokens_per_second",
    "has_capture",
    "error_msg",
    "client",
    "metadata",
)
SHOWN = (
    "id",
    "timestamp",
    "model",
    "req_path",
    "resp_status_code",
    "input_tokens",
    "output_tokens",
    "tokens_per_second",
    "ttft_ms",
    "duration_ms",
    "error_msg",
)
"""The columns of a table for people."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


async def as_json(batches: Batches, has_capture: HasCapture) -> AsyncIterator[bytes]:
    """A JSON array, one row per line."""
    separator = b"[\n"
    async for rows in batches:
        yield separator + b",\n".join(orjson.dumps(row_json(row, has_capture=has_capture(row.id))) for row in rows)
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


async def as_csv(batches: Batches, has_capture: HasCapture) -> AsyncIterator[bytes]:
    """CSV with a head line; what is unknown is empty, metadata is JSON."""
    yield _lines([COLUMNS])
    async for rows in batches:
        yield _lines(_cells(row_json(row, has_capture=has_capture(row.id))) for row in rows)


async def as_markdown(batches: Batches, has_capture: HasCapture) -> AsyncIterator[bytes]:
    """A Markdown table of what people look at."""
    yield f"| {' | '.join(SHOWN)} |\n|{'---|' * len(SHOWN)}\n".encode()
    async for rows in batches:
        yield "".join(_line(row_json(row, has_capture=has_capture(row.id))) for row in rows).encode()


@frozen
class Format:
    """One way to write an export."""

    content_type: str
    write: Callable[[Batches, HasCapture], AsyncIterator[bytes]]


FORMATS: Mapping[str, Format] = {
    "json": Format("application/json", as_json),
    "csv": Format("text/csv", as_csv),
    "md": Format("text/markdown", as_markdown),
}


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _line(record: dict[str, Any]) -> str:
    values = record | record["tokens"]
    return f"| {' | '.join(_plain(values.get(column)) for column in SHOWN)} |\n"


def _plain(value: object) -> str:
    """A cell that stays one: no line ends, no bars, no markup of others."""
    text = "" if value is None or value == UNKNOWN else " ".join(str(value).split())
    return re.sub(r"[\\|<>`*_\[\]]", r"\\\g<0>", text)


def _cells(record: dict[str, Any]) -> list[object]:
    values = record | record["tokens"]
    return [_cell(values.get(column)) for column in COLUMNS]


def _cell(value: object) -> object:
    """Text from clients and engines must not become a formula in a spreadsheet."""
    if isinstance(value, dict):
        value = orjson.dumps(value).decode()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_SIGNS) else value
    if isinstance(value, bool):
        return str(value).lower()
    return None if value == UNKNOWN else value
