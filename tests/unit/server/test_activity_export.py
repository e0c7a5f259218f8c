"""The activity on the wire and in files."""

from __future__ import annotations

import asyncio
import csv
import io

import orjson
import pytest

from swaplab_core.domain.activity import ActivityPage, ActivityQuery, ActivityRow, ActivityStats
from swaplab_core.domain.capture import Capture, Part
from swaplab_core.domain.histogram import histogram
from swaplab_core.domain.metering import Usage
from swaplab_core.server.api.activity_export import COLUMNS, as_csv, as_json
from swaplab_core.server.shapes.activity import capture_json, flat_json, page_json, row_json, stats_json

ROW = ActivityRow(
    created=1787392802,
    model="qwen",
    req_path="/v1/chat/completions",
    status=200,
    content_type="text/event-stream",
    tokens=Usage(25, 10, prompt_per_second=1923.1, output_per_second=58.8),
    duration_ms=1450,
    ttft_ms=12.34567,
    metadata={"fifo_priority": "0", "selector": "coder"},
    id=17,
)
BARE = ActivityRow(created=0, model="m", req_path="/p", status=502, error_msg="502 Bad Gateway", id=18)


def nobody(_):
    return False


def collect(write, *batches):
    async def each():
        for batch in batches:
            yield batch

    async def scenario():
        return b"".join([piece async for piece in write(each(), lambda row_id: row_id == 17)])

    return asyncio.run(scenario())


def test_a_row_has_llama_swaps_shape_and_our_additions():
    assert row_json(ROW, has_capture=True) == {
        "id": 17,
        "timestamp": "2026-08-22T10:00:02Z",
        "model": "qwen",
        "req_path": "/v1/chat/completions",
        "resp_content_type": "text/event-stream",
        "resp_status_code": 200,
        "tokens": {
            "cache_tokens": -1,
            "draft_tokens": -1,
            "draft_acc_tokens": -1,
            "input_tokens": 25,
            "output_tokens": 10,
            "prompt_per_second": 1923.1,
            "tokens_per_second": 58.8,
        },
        "duration_ms": 1450,
        "has_capture": True,
        "metadata": {"fifo_priority": "0", "selector": "coder"},
        "ttft_ms": 12.346,
        "wait_ms": None,
        "itl_ms": None,
        "itl_p95_ms": None,
    }


def test_what_is_empty_is_left_out_or_unknown():
    record = row_json(BARE, has_capture=False)
    assert "metadata" not in record
    assert record["error_msg"] == "502 Bad Gateway"
    assert record["tokens"] == dict.fromkeys(record["tokens"], -1) | {"input_tokens": 0, "output_tokens": 0}


def test_the_older_list_has_the_counts_beside_everything_else():
    record = flat_json(ROW, has_capture=False)
    assert (record["input_tokens"], record["tokens_per_second"], record["tokens"]["input_tokens"]) == (25, 58.8, 25)


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (10, 1), (11, 2)])
def test_pages_are_counted(total, pages):
    record = page_json(ActivityPage((), total), ActivityQuery(page=2, limit=10), nobody)
    assert record == {"data": [], "page": 2, "limit": 10, "total": total, "total_pages": pages}


def test_stats_have_llama_swaps_shape():
    assert stats_json(ActivityStats(3, 10, 20, 5, histogram([1.0, 2.0]), None)) == {
        "total_requests": 3,
        "total_input_tokens": 10,
        "total_output_tokens": 20,
        "total_cache_tokens": 5,
        "prompt_histogram": {
            "bins": [1, 0, 0, 0, 1],
            "min": 1.0,
            "max": 2.0,
            "binSize": 0.2,
            "p50": 1.5,
            "p95": pytest.approx(1.95),
            "p99": pytest.approx(1.99),
        },
        "gen_histogram": None,
    }


def test_a_capture_has_llama_swaps_shape():
    capture = Capture("POST", "/x", {"A": "1"}, b"\xff", {"B": "2"}, b"", Part.RESPONSE_BODY)
    assert capture_json(3, capture) == {
        "id": 3,
        "method": "POST",
        "req_path": "/x",
        "req_headers": {"A": "1"},
        "req_body": "/w==",
        "resp_headers": {"B": "2"},
        "resp_body": "",
        "left_out": ["resp_body"],
    }


def test_json_export_is_one_array_however_many_batches():
    assert orjson.loads(collect(as_json)) == []
    records = [row_json(ROW, has_capture=True), row_json(BARE, has_capture=False)]
    assert orjson.loads(collect(as_json, [ROW, BARE])) == records
    assert orjson.loads(collect(as_json, [ROW], [BARE])) == records


def read_csv(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_csv_export_has_one_line_per_row():
    first, second = read_csv(collect(as_csv, [ROW], [BARE]))
    assert tuple(first) == COLUMNS
    assert (first["id"], first["timestamp"], first["has_capture"]) == ("17", "2026-08-22T10:00:02Z", "true")
    assert (first["input_tokens"], first["cache_tokens"], first["ttft_ms"], first["wait_ms"]) == (
        "25",
        "",
        "12.346",
        "",
    )
    assert first["metadata"] == '{"fifo_priority":"0","selector":"coder"}'
    assert (second["error_msg"], second["metadata"], second["has_capture"]) == ("502 Bad Gateway", "", "false")
    assert read_csv(collect(as_csv)) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text):
    (record,) = read_csv(collect(as_csv, [ActivityRow(0, text, "/p", 500, error_msg=text)]))
    assert (record["model"], record["error_msg"]) == (f"'{text}", f"'{text}")


def test_quotes_and_line_ends_survive_csv():
    text = 'He said "no",\nand left; ünïcode'
    (record,) = read_csv(collect(as_csv, [ActivityRow(0, "m", "/p", 500, error_msg=text)]))
    assert record["error_msg"] == text
