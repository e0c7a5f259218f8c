"""The activity on the wire: llama-swap's JSON with our additions. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from swaplab_core.domain.activity import (
    LATENCY_EDGES_MS,
    ActivityGroup,
    ActivityPage,
    ActivityQuery,
    ActivityRow,
    ActivityStats,
    Heat,
)
from swaplab_core.domain.capture import Capture, Part
from swaplab_core.domain.histogram import Histogram

UNKNOWN = -1
"""What llama-swap's clients understand where an engine did not tell."""

HasCapture = Callable[[int], bool]


def row_json(row: ActivityRow, *, has_capture: bool) -> dict[str, Any]:
    """One row. `ttft_ms`, `wait_ms`, `itl_ms`, `itl_p95_ms` are ours, null when unknown."""
    tokens = row.tokens
    record: dict[str, Any] = {
        "id": row.id,
        "timestamp": _time(row.created),
        "model": row.model,
        "req_path": row.req_path,
        "resp_content_type": row.content_type,
        "resp_status_code": row.status,
        "tokens": {
            "cache_tokens": _told(tokens.cached_tokens),
            "draft_tokens": _told(tokens.draft_tokens),
            "draft_acc_tokens": _told(tokens.draft_accepted_tokens),
            "input_tokens": tokens.input_tokens or 0,
            "output_tokens": tokens.output_tokens or 0,
            "prompt_per_second": _told(tokens.prompt_per_second),
            "tokens_per_second": _told(tokens.output_per_second),
        },
        "duration_ms": row.duration_ms,
        "has_capture": has_capture,
        "ttft_ms": _rounded(row.ttft_ms),
        "wait_ms": _rounded(row.wait_ms),
        "itl_ms": _rounded(row.itl_ms),
        "itl_p95_ms": _rounded(row.itl_p95_ms),
    }
    if row.error_msg:
        record["error_msg"] = row.error_msg
    if row.client:
        record["client"] = row.client
    if row.metadata:
        record["metadata"] = dict(row.metadata)
    return record


def page_json(page: ActivityPage, query: ActivityQuery, has_capture: HasCapture) -> dict[str, Any]:
    """One page of rows."""
    return {
        "data": [row_json(row, has_capture=has_capture(row.id)) for row in page.rows],
        "page": query.page,
        "limit": query.limit,
        "total": page.total,
        "total_pages": -(-page.total // query.limit),
    }


def flat_json(row: ActivityRow, *, has_capture: bool) -> dict[str, Any]:
    """One row for the older `/api/metrics`, whose clients look for the counts beside everything else."""
    record = row_json(row, has_capture=has_capture)
    return {**record, **record["tokens"]}


def stats_json(stats: ActivityStats) -> dict[str, Any]:
    """Sums and histograms."""
    return {
        "total_requests": stats.requests,
        "total_input_tokens": stats.input_tokens,
        "total_output_tokens": stats.output_tokens,
        "total_cache_tokens": stats.cached_tokens,
        "prompt_histogram": _histogram(stats.prompt_speeds),
        "gen_histogram": _histogram(stats.output_speeds),
    }


def group_json(group: ActivityGroup) -> dict[str, Any]:
    """One group."""
    return {
        "key": group.key,
        "requests": group.requests,
        "failed": group.failed,
        "input_tokens": group.input_tokens,
        "output_tokens": group.output_tokens,
        "mean_ms": _rounded(group.mean_ms),
        "longest_ms": group.longest_ms,
        "first": _time(group.first),
        "last": _time(group.last),
    }


def heat_json(heat: Heat) -> dict[str, Any]:
    """A heat map: `cells` are [column, row, count]."""
    return {
        "start": _time(heat.start),
        "seconds": heat.width,
        "columns": heat.columns,
        "edges_ms": list(LATENCY_EDGES_MS),
        "cells": [list(cell) for cell in heat.cells],
    }


def capture_json(row_id: int, capture: Capture) -> dict[str, Any]:
    """One exchange; bodies in base64. `method` and `left_out` (bodies that were not kept) are ours."""
    return {
        "id": row_id,
        "method": capture.method,
        "req_path": capture.req_path,
        "req_headers": dict(capture.req_headers),
        "req_body": base64.b64encode(capture.req_body).decode(),
        "resp_headers": dict(capture.resp_headers),
        "resp_body": base64.b64encode(capture.resp_body).decode(),
        "left_out": [name for name, part in _BODIES.items() if part in capture.left_out],
    }


_BODIES = {"req_body": Part.REQUEST_BODY, "resp_body": Part.RESPONSE_BODY}


def _histogram(found: Histogram | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "bins": list(found.bins),
        "min": found.minimum,
        "max": found.maximum,
        "binSize": found.bin_size,
        "p50": found.p50,
        "p95": found.p95,
        "p99": found.p99,
    }


def _time(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _told(value: float | None) -> float:
    return UNKNOWN if value is None else value


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
