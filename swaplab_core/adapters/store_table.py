"""The table `activity`: its columns, and how rows, filters and sort keys become SQL. The same for every database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from swaplab_core.domain.activity import ActivityFilter, ActivityQuery, ActivityRow, SortKey
from swaplab_core.domain.metering import Usage
from swaplab_core.domain.text import storable

UNKNOWN = -1
"""How the table writes what an engine did not tell, as llama-swap's does; token counts in and out become 0."""


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False, server_default="0")


ACTIVITY = sa.Table(
    "activity",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("ts_created", sa.BigInteger, nullable=False),
    _text("model_id"),
    _text("req_path"),
    _text("resp_content_type"),
    _whole("resp_status_code"),
    _whole("cache_tokens"),
    _whole("draft_tokens"),
    _whole("draft_acc_tokens"),
    _whole("input_tokens"),
    _whole("output_tokens"),
    _real("prompt_per_second"),
    _real("tokens_per_second"),
    _whole("duration_ms"),
    _text("error_msg"),
    _text("metadata_json"),
    sa.Column("ttft_ms", sa.Double),
    sa.Column("wait_ms", sa.Double),
    sa.Column("itl_ms", sa.Double),
    sa.Column("itl_p95_ms", sa.Double),
    _text("session"),
    _text("client"),
    sa.Index("ix_activity_ts", "ts_created", "id"),
    sa.Index("ix_activity_model", "model_id", "ts_created", "id"),
    sa.Index("ix_activity_session", "session", "id"),
    sqlite_autoincrement=True,
)
_C = ACTIVITY.c
GIVEN = tuple(column.name for column in ACTIVITY.columns if column.name != "id")
"""The columns that a row brings."""

_SORTED_BY: Mapping[SortKey, sa.Column[Any]] = {
    SortKey.ID: _C.id,
    SortKey.TIME: _C.ts_created,
    SortKey.MODEL: _C.model_id,
    SortKey.REQ_PATH: _C.req_path,
    SortKey.STATUS: _C.resp_status_code,
    SortKey.CONTENT_TYPE: _C.resp_content_type,
    SortKey.CACHED: _C.cache_tokens,
    SortKey.PROMPT: _C.input_tokens,
    SortKey.GENERATED: _C.output_tokens,
    SortKey.DRAFTED: _C.draft_tokens,
    SortKey.PROMPT_SPEED: _C.prompt_per_second,
    SortKey.GEN_SPEED: _C.tokens_per_second,
    SortKey.DURATION: _C.duration_ms,
    SortKey.TTFT: _C.ttft_ms,
    SortKey.WAIT: _C.wait_ms,
}


def to_values(row: ActivityRow) -> tuple[Any, ...]:
    """A row as the table has it, in the order of `GIVEN`; the database gives the id."""
    tokens = row.tokens
    return (
        row.created,
        _usual(row.model),
        _usual(row.req_path),
        _usual(row.content_type),
        row.status,
        _or(tokens.cached_tokens, UNKNOWN),
        _or(tokens.draft_tokens, UNKNOWN),
        _or(tokens.draft_accepted_tokens, UNKNOWN),
        _or(tokens.input_tokens, 0),
        _or(tokens.output_tokens, 0),
        _or(tokens.prompt_per_second, UNKNOWN),
        _or(tokens.output_per_second, UNKNOWN),
        row.duration_ms,
        storable(row.error_msg) if row.error_msg else "",
        _metadata_text(row.metadata),
        row.ttft_ms,
        row.wait_ms,
        row.itl_ms,
        row.itl_p95_ms,
        storable(row.session),
        _usual(row.client),
    )


def to_row(record: sa.Row[Any]) -> ActivityRow:
    """Undo `to_values`."""
    return ActivityRow(
        id=record.id,
        created=record.ts_created,
        model=record.model_id,
        req_path=record.req_path,
        content_type=record.resp_content_type,
        status=record.resp_status_code,
        tokens=Usage(
            input_tokens=record.input_tokens,
            output_tokens=record.output_tokens,
            cached_tokens=_known(record.cache_tokens),
            draft_tokens=_known(record.draft_tokens),
            draft_accepted_tokens=_known(record.draft_acc_tokens),
            prompt_per_second=_known(record.prompt_per_second),
            output_per_second=_known(record.tokens_per_second),
        ),
        duration_ms=record.duration_ms,
        error_msg=record.error_msg,
        metadata=_metadata(record.metadata_json),
        ttft_ms=record.ttft_ms,
        wait_ms=record.wait_ms,
        itl_ms=record.itl_ms,
        itl_p95_ms=record.itl_p95_ms,
        client=record.client,
    )


def conditions(where: ActivityFilter) -> Iterator[sa.ColumnElement[bool]]:
    """What a row must fulfil."""
    yield from _bounds(where)
    yield from (column == name for column, name in _names(where) if name)
    if models := [model for model in where.models if model.strip()]:
        yield _C.model_id.in_(models)
    if where.ids is not None:
        yield _C.id.in_(where.ids)
    if where.statuses:
        yield sa.or_(*(_C.resp_status_code.between(low, high) for low, high in where.statuses))
    if where.text:
        places = (_C.model_id, _C.req_path, _C.error_msg, _C.metadata_json)
        yield sa.or_(*(place.icontains(where.text, autoescape=True) for place in places))


def _bounds(where: ActivityFilter) -> Iterator[sa.ColumnElement[bool]]:
    least = ((_C.ts_created, where.start), (_C.id, where.min_id), (_C.duration_ms, where.min_ms))
    most = ((_C.ts_created, where.end), (_C.id, where.max_id))
    yield from (column >= bound for column, bound in least if bound is not None)
    yield from (column <= bound for column, bound in most if bound is not None)


def _names(where: ActivityFilter) -> Iterator[tuple[sa.Column[str], str]]:
    yield from ((_C.session, where.session), (_C.client, where.client), (_C.req_path, where.path))


def page_of(query: ActivityQuery) -> sa.Select[Any]:
    """The rows of one page."""
    keys = dict.fromkeys((_SORTED_BY[query.sort], _C.id))
    order = [key.asc() if query.ascending else key.desc() for key in keys]
    if query.sort in {SortKey.TTFT, SortKey.WAIT}:
        order[0] = order[0].nulls_last()  # databases differ in where they put what is unknown
    offset = (query.page - 1) * query.limit
    return sa.select(ACTIVITY).where(*conditions(query.where)).order_by(*order).limit(query.limit).offset(offset)


def _or(value: float | None, unknown: int) -> float:
    return unknown if value is None else value


def _known(value: Any) -> Any:
    return None if value < 0 else value


_usual = lru_cache(maxsize=1024)(storable)
"""For texts of which there are few, each in row after row."""


def _metadata_text(metadata: Mapping[str, str]) -> str:
    return _text_of(tuple(metadata.items())) if metadata else ""


@lru_cache(maxsize=256)
def _text_of(metadata: tuple[tuple[str, str], ...]) -> str:
    """Mostly the same for row after row."""
    return orjson.dumps({storable(name): storable(value) for name, value in metadata}).decode()


def _metadata(text: str) -> dict[str, str]:
    """What is no object of texts was not written by us; it is shown as far as it goes."""
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return {name: str(each) for name, each in value.items()} if isinstance(value, dict) else {}
