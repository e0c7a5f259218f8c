"""The activity over HTTP, on a real store.

Names of the conformance list: API activity empty, activity, filters, invalid filters, stats; capture API.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer
from attrs import evolve

from swaplab_core.adapters.store import SqlStore
from swaplab_core.domain.activity import ActivityFilter, ActivityRow
from swaplab_core.domain.capture import Capture
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.events import ActivityCleared, Event
from swaplab_core.domain.metering import Usage
from swaplab_core.runtime.captures import CaptureCache, Raw
from swaplab_core.runtime.metering import Measured
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.server.api.activity import ActivityRoutes
from swaplab_core.server.api.history import HistoryRoutes
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.route import RouteTable
from swaplab_core.services.requests.activity import Activity
from swaplab_core.services.requests.history import History

NOW = int(time.time())
ROW = ActivityRow(
    created=NOW,
    model="a",
    req_path="/v1/chat/completions",
    status=200,
    content_type="application/json",
    tokens=Usage(25, 10, 5, prompt_per_second=100.0, output_per_second=50.0),
    duration_ms=40,
    metadata={"session_id": "s1"},
    wait_ms=3.0,
    client="10.0.0.7 curl/8",
)
FAILED = evolve(ROW, model="b", status=503, tokens=Usage(), error_msg="not ready", metadata={}, wait_ms=None, client="")


def raw(capture: Capture) -> Raw:
    measured = Measured(200, body=capture.resp_body)
    return Raw(capture.method, capture.req_path, capture.req_headers, capture.req_body, capture.resp_headers, measured)


EVENTS: list[Event] = []
Client = TestClient[web.Request, web.Application]


def with_api(work: Callable[[Client, Recorder], Awaitable[None]], rows: int = 1000) -> None:
    """Serve the routes in this process, and run `work`."""

    async def scenario():
        store, captures = SqlStore(), CaptureCache(100_000)
        recorder = Recorder(store, captures, lambda _: None)
        application = web.Application(middlewares=[error_middleware])
        table = RouteTable(application)
        table.mount(ActivityRoutes(Activity(store, recorder, captures), lambda: rows).routes())
        table.mount(HistoryRoutes(History(store, recorder, captures, EVENTS.append)).routes())
        async with TestClient(TestServer(application)) as client:
            await work(client, recorder)
        await recorder.close()
        await store.close()

    asyncio.run(scenario())


async def get(client, path, status=200):
    async with client.get(path) as response:
        assert response.status == status, await response.text()
        return await response.json()


def test_api_activity_empty():
    async def work(client, _):
        page = await get(client, "/api/metrics/activity")
        assert page == {"data": [], "page": 1, "limit": 25, "total": 0, "total_pages": 0}
        assert await get(client, "/api/metrics") == []
        assert await get(client, "/api/metrics/activity/export") == []

    with_api(work)


def test_what_is_kept_is_told_and_forgotten_captures_alone_or_everything():
    async def deleted(client, path):
        async with client.delete(path) as response:
            return await response.json()

    async def work(client, recorder):
        for row in (ROW, FAILED):
            recorder.record(row, raw(Capture("POST", row.req_path, req_body=b"x" * 100)))
        kept = await get(client, "/api/metrics/kept")
        assert (kept["place"], kept["rows"], kept["oldest"]) == ("memory", 2, ROW.created)
        assert (kept["max_rows"], kept["max_age_seconds"]) == (None, None)
        assert (kept["captures"]["count"], kept["captures"]["max_bytes"]) == (2, 100_000)
        assert kept["captures"]["bytes"] > 0

        EVENTS.clear()
        assert await deleted(client, "/api/captures") == {"deleted": 2}
        assert {row["has_capture"] for row in (await get(client, "/api/metrics/activity"))["data"]} == {False}
        assert await deleted(client, "/api/metrics/activity") == {"deleted": 2}
        assert [ActivityCleared(), ActivityCleared()] == EVENTS
        kept = await get(client, "/api/metrics/kept")
        assert (kept["rows"], kept["oldest"], kept["captures"]["bytes"]) == (0, None, 0)
        recorder.record(ROW)
        (row,) = (await get(client, "/api/metrics/activity"))["data"]
        assert row["id"] == 3

    with_api(work)


def test_api_activity_holds_what_was_recorded_a_moment_ago():
    async def work(client, recorder):
        recorder.record(ROW)
        recorder.record(FAILED, raw(Capture("POST", FAILED.req_path)))
        page = await get(client, "/api/metrics/activity")
        newest, oldest = page["data"]
        assert (page["total"], page["total_pages"]) == (2, 1)
        assert (newest["id"], newest["model"], newest["has_capture"], newest["error_msg"]) == (
            2,
            "b",
            True,
            "not ready",
        )
        assert (oldest["id"], oldest["has_capture"], oldest["tokens"]["input_tokens"]) == (1, False, 25)
        assert oldest["metadata"] == {"session_id": "s1"}

    with_api(work)


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ("model=a", [1]),
        ("model=a&model=b", [2, 1]),
        ("status=5xx", [2]),
        ("session=s1", [1]),
        ("text=NOT+ready", [2]),
        ("min_id=2", [2]),
        ("limit=1&page=2", [1]),
        ("sort=model&order=asc", [1, 2]),
        ("start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00%2B02:00", []),
        ("start=2020-01-01T00:00:00Z", [2, 1]),
        ("client=10.0.0.7+curl/8", [1]),
        ("path=/v1/chat/completions&min_ms=41", []),
        ("captured=true", [2]),
        ("id=1&id=9", [1]),
        ("id=1&id=2&captured=true", [2]),
        ("sort=wait&order=asc", [1, 2]),
    ],
)
def test_api_activity_filters(parameters, ids):
    async def work(client, recorder):
        recorder.record(ROW)
        recorder.record(FAILED, raw(Capture("POST", FAILED.req_path)))
        page = await get(client, f"/api/metrics/activity?{parameters}")
        assert [row["id"] for row in page["data"]] == ids
        exported = await get(client, f"/api/metrics/activity/export?{parameters}")
        assert {row["id"] for row in exported} >= set(ids)

    with_api(work)


@pytest.mark.parametrize(
    "path",
    [
        "/api/metrics/activity?limit=0",
        "/api/metrics/activity?page=x",
        "/api/metrics/activity?sort=secret",
        "/api/metrics/activity?order=up",
        "/api/metrics/activity?start=now",
        "/api/metrics/activity?min_id=3&max_id=2",
        "/api/metrics/activity?status=9xx",
        "/api/metrics/stats?end=now",
        "/api/metrics/groups?by=colour",
        "/api/metrics/heat?of=mood",
        "/api/metrics/activity?captured=perhaps",
        "/api/metrics/activity/export?format=xml",
        "/api/metrics/activity/export?format=csv&min_id=0",
        "/api/captures/x",
        "/api/captures/0",
        "/api/captures/99999999999999999999",
    ],
)
def test_api_activity_invalid_filters(path):
    async def work(client, _):
        answer = await get(client, path, 400)
        assert answer["error"]["code"] == "invalid-request"
        assert answer["error"]["message"]

    with_api(work)


def test_api_stats():
    async def work(client, recorder):
        recorder.record(ROW)
        recorder.record(FAILED)
        stats = await get(client, "/api/metrics/stats")
        assert (stats["total_requests"], stats["total_input_tokens"], stats["total_cache_tokens"]) == (2, 25, 5)
        assert (stats["gen_histogram"]["p50"], stats["gen_histogram"]["bins"]) == (50.0, [1])
        assert (await get(client, "/api/metrics/stats?model=b"))["gen_histogram"] is None

    with_api(work)


def test_rows_are_gathered_by_what_they_have_in_common():
    async def work(client, recorder):
        for row in (ROW, evolve(ROW, duration_ms=80), FAILED):
            recorder.record(row)
        by_session = await get(client, "/api/metrics/groups")
        told = [(each["key"], each["requests"], each["failed"], each["input_tokens"]) for each in by_session["groups"]]
        assert (by_session["by"], told) == ("session", [("s1", 2, 0, 50), ("", 1, 1, 0)])
        assert (by_session["groups"][0]["mean_ms"], by_session["groups"][0]["longest_ms"]) == (60.0, 80)
        for by, keys in {"model": ["a", "b"], "status": ["200", "503"], "error": ["not ready"]}.items():
            answer = await get(client, f"/api/metrics/groups?by={by}&limit=5")
            assert [each["key"] for each in answer["groups"]] == keys
        assert (await get(client, "/api/metrics/groups?by=path&model=nobody"))["groups"] == []

    with_api(work)


def test_a_heat_map_tells_when_requests_took_how_long():
    async def work(client, recorder):
        assert (await get(client, "/api/metrics/heat"))["cells"] == []
        for age, took in ((0, 40), (0, 45), (120, 40), (120, 700_000)):
            recorder.record(evolve(ROW, created=NOW - age, duration_ms=took))
        heat = await get(client, "/api/metrics/heat")
        last, longest = heat["columns"] - 1, len(heat["edges_ms"]) - 1
        assert heat["seconds"] == 5
        assert heat["cells"] == [[0, 0, 1], [0, longest, 1], [last, 0, 2]]
        assert (await get(client, "/api/metrics/heat?of=ttft"))["cells"] == []

    with_api(work)


def test_the_older_list_is_oldest_first_and_bounded():
    async def work(client, recorder):
        for number in range(5):
            recorder.record(evolve(ROW, duration_ms=number))
        rows = await get(client, "/api/metrics")
        assert [(row["id"], row["duration_ms"], row["input_tokens"]) for row in rows] == [
            (3, 2, 25),
            (4, 3, 25),
            (5, 4, 25),
        ]

    with_api(work, rows=3)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_export_of_many_rows_is_complete_and_in_order(order):
    async def work(client, recorder):
        for number in range(2500):
            recorder.record(evolve(ROW, duration_ms=number))
        ids = list(range(1, 2501))[:: 1 if order == "asc" else -1]
        rows = await get(client, f"/api/metrics/activity/export?order={order}")
        assert [row["id"] for row in rows] == ids
        async with client.get(f"/api/metrics/activity/export?format=csv&order={order}") as response:
            assert response.headers["Content-Disposition"] == 'attachment; filename="activity.csv"'
            assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
            table = csv.DictReader(io.StringIO(await response.text(), newline=""))
            assert [int(row["id"]) for row in table] == ids

    with_api(work)


def test_rows_that_come_during_an_export_do_not_disturb_it():
    async def work(client, recorder):
        for _ in range(1500):
            recorder.record(ROW)
        activity = Activity(recorder.store, recorder, recorder.captures)
        seen = []
        async for rows in activity.batches(ActivityFilter(models=("a",))):
            seen += [row.id for row in rows]
            recorder.record(ROW)
            await recorder.flush()
        assert seen == list(range(1500, 0, -1))

    with_api(work)


def test_capture_api():
    async def work(client, recorder):
        capture = Capture("POST", "/v1/x", {"Authorization": "[REDACTED]"}, b'{"a": 1}', {"Server": "x"}, b"\xff")
        recorder.record(ROW, raw(capture))
        await recorder.flush()
        answer = await get(client, "/api/captures/1")
        assert base64.b64decode(answer["req_body"]) == b'{"a": 1}'
        assert base64.b64decode(answer["resp_body"]) == b"\xff"
        assert (answer["id"], answer["req_path"], answer["left_out"]) == (1, "/v1/x", [])
        async with client.get("/api/captures/1?format=curl") as response:
            assert response.content_type == "text/plain"
            command = await response.text()
        assert f"--url http://{response.url.host}:{response.url.port}/v1/x" in command
        assert "--header 'Authorization: [REDACTED]'" in command

    with_api(work)


def test_a_capture_that_is_not_there_is_404():
    async def work(client, recorder):
        recorder.record(ROW)
        assert (await get(client, "/api/captures/1", 404))["error"]["code"] == "unknown-capture"
        assert (await get(client, "/api/captures/7?format=curl", 404))["error"]["message"]

    with_api(work)


def test_a_store_that_fails_gives_a_clear_answer():
    async def work(client, recorder):
        recorder.store.path = "/nonexistent/x.db"
        for path in ("/api/metrics/activity", "/api/metrics", "/api/metrics/stats", "/api/metrics/activity/export"):
            assert (await get(client, path, 500))["error"]["code"] == "store-failed"

    with_api(work)


def test_an_export_that_breaks_off_does_not_look_whole(monkeypatch):
    async def work(client, recorder):
        for _ in range(1500):
            recorder.record(ROW)
        await recorder.flush()
        ask, asked = recorder.store.rows, []

        async def failing(query):
            asked.append(query)
            if len(asked) > 1:
                raise StoreFailed("the disk is gone")
            return await ask(query)

        monkeypatch.setattr(SqlStore, "rows", lambda _, query: failing(query))
        with pytest.raises(ClientPayloadError):
            await get(client, "/api/metrics/activity/export")

    with_api(work)
