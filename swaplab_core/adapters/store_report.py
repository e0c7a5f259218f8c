"""Reports on the table `activity` as SQL: what rows have in common, and how long they took over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from swaplab_core.adapters.store_table import ACTIVITY, conditions
from swaplab_core.domain.activity import LATENCY_EDGES_MS, ActivityFilter, ActivityGroup, GroupKey, Measure

_C = ACTIVITY.c
_FAILED = 400

_GATHERED_BY: Mapping[GroupKey, sa.Column[Any]] = {
    GroupKey.SESSION: _C.session,
    GroupKey.CLIENT: _C.client,
    GroupKey.MODEL: _C.model_id,
    GroupKey.PATH: _C.req_path,
    GroupKey.STATUS: _C.resp_status_code,
    GroupKey.ERROR: _C.error_msg,
}
_MEASURES: Mapping[Measure, sa.Column[Any]] = {
    Measure.DURATION: _C.duration_ms,
    Measure.TTFT: _C.ttft_ms,
    Measure.WAIT: _C.wait_ms,
}


def groups_of(where: ActivityFilter, by: GroupKey, limit: int) -> sa.Select[Any]:
    """One record for each key; rows without an error have no place among the errors."""
    key, count = _GATHERED_BY[by], sa.func.count()
    failed = sa.func.sum(sa.case((_C.resp_status_code >= _FAILED, 1), else_=0))
    sums = (sa.func.sum(each) for each in (_C.input_tokens, _C.output_tokens))
    times = (sa.func.avg(_C.duration_ms), sa.func.max(_C.duration_ms))
    moments = (sa.func.min(_C.ts_created), sa.func.max(_C.ts_created))
    found = sa.select(key, count, failed, *sums, *times, *moments).where(*conditions(where))
    if by is GroupKey.ERROR:
        found = found.where(key != "")
    return found.group_by(key).order_by(count.desc(), key).limit(limit)


def to_group(record: sa.Row[Any]) -> ActivityGroup:
    """A record of `groups_of`."""
    key, requests, failed, read, written, mean, longest, first, last = tuple(record)
    return ActivityGroup(str(key), requests, int(failed), int(read), int(written), float(mean), longest, first, last)


def span_of(where: ActivityFilter) -> sa.Select[Any]:
    """When the first and the last row ended."""
    return sa.select(sa.func.min(_C.ts_created), sa.func.max(_C.ts_created)).where(*conditions(where))


def heat_of(where: ActivityFilter, of: Measure, start: int, width: int) -> sa.Select[Any]:
    """Column, row and count of each cell that holds any; what was not measured is in none."""
    time = _MEASURES[of]
    column = (_C.ts_created - start) // width
    steps = [(time < edge, number) for number, edge in enumerate(LATENCY_EDGES_MS[1:])]
    row = sa.case(*steps, else_=len(LATENCY_EDGES_MS) - 1)
    cells = sa.select(column.label("x"), row.label("y"), sa.func.count()).where(time.is_not(None), *conditions(where))
    return cells.group_by("x", "y").order_by("x", "y")
