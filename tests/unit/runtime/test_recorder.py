"""Writing what has been recorded: nothing is lost, nothing is written twice, nobody waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import asynccontextmanager

from attrs import define, field

from swaplab_core.domain.activity import ActivityRow
from swaplab_core.domain.capture import Capture
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.events import ActivityRecorded
from swaplab_core.runtime import recorder as module
from swaplab_core.runtime.captures import CaptureCache, Raw, unpack
from swaplab_core.runtime.metering import Measured
from swaplab_core.runtime.recorder import BATCH_ROWS, Recorder
from swaplab_core.testing.waiting import wait_until_async

HOURS = 3600.0


@define(eq=False)
class ListStore:
    """Keeps rows in a list. `broken`: fails; `gate`: waits for it before it writes."""

    written: list[ActivityRow] = field(factory=list)
    batches: list[int] = field(factory=list)
    broken: bool = False
    gate: asyncio.Event | None = None
    attempts: int = 0
    pruned: int = 0

    async def insert(self, rows: Sequence[ActivityRow]) -> list[int]:
        self.attempts += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreFailed("the disk is full")
        self.batches.append(len(rows))
        self.written += rows
        return list(range(len(self.written) - len(rows) + 1, len(self.written) + 1))

    async def prune(self) -> None:
        self.pruned += 1
        if self.broken:
            raise StoreFailed("the disk is full")


def row(number):
    return ActivityRow(number, "m", "/p", 200)


def rows(count):
    return [row(number) for number in range(count)]


def raw(capture):
    measured = Measured(200, body=capture.resp_body)
    return Raw(capture.method, capture.req_path, capture.req_headers, capture.req_body, capture.resp_headers, measured)


def build(store=None, **options):
    events = []
    recorder = Recorder(store or ListStore(), CaptureCache(100_000), events.append, **options)
    return recorder, recorder.store, events


@asynccontextmanager
async def running(recorder):
    task = asyncio.ensure_future(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_a_row_is_written_at_once_and_announced():
    async def scenario():
        recorder, store, events = build(flush_seconds=HOURS)
        async with running(recorder):
            recorder.record(row(1))
            await wait_until_async(lambda: events, "the row is announced")
        assert (store.written, events) == ([row(1)], [ActivityRecorded(1)])

    asyncio.run(scenario())


def test_rows_that_come_fast_are_written_together():
    async def scenario():
        recorder, store, events = build(flush_seconds=0.01)
        async with running(recorder):
            recorder.record(row(0))
            await wait_until_async(lambda: store.batches, "the first row is written")
            for number in range(1, 50):
                recorder.record(row(number))
            await wait_until_async(lambda: len(events) == 50, "all are written")
        assert (store.batches, store.written) == ([1, 49], rows(50))
        assert [event.id for event in events] == list(range(1, 51))

    asyncio.run(scenario())


def test_many_rows_do_not_wait_for_the_time():
    async def scenario():
        recorder, store, _ = build(flush_seconds=HOURS)
        async with running(recorder):
            recorder.record(row(0))
            await wait_until_async(lambda: store.batches, "the first row is written")
            for number in range(1, BATCH_ROWS + 1):
                recorder.record(row(number))
            await wait_until_async(lambda: len(store.written) == BATCH_ROWS + 1, "a full batch is written")

    asyncio.run(scenario())


def test_flush_writes_what_was_recorded_before_it():
    async def scenario():
        recorder, store, _ = build()
        for number in range(3 * BATCH_ROWS + 1):
            recorder.record(row(number))
        await recorder.flush()
        assert store.written == rows(3 * BATCH_ROWS + 1)
        assert max(store.batches) <= BATCH_ROWS

    asyncio.run(scenario())


def test_flush_waits_for_what_is_being_written():
    async def scenario():
        gate = asyncio.Event()
        recorder, store, _ = build(ListStore(gate=gate))
        recorder.record(row(1))
        flushes = [asyncio.ensure_future(recorder.flush()) for _ in range(3)]
        await wait_until_async(lambda: store.attempts, "writing has begun")
        flushes.append(asyncio.ensure_future(recorder.flush()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(flush.done() for flush in flushes)
        gate.set()
        await asyncio.gather(*flushes)
        assert store.written == [row(1)]

    asyncio.run(scenario())


def test_nothing_is_lost_or_doubled_when_the_writer_is_cancelled():
    async def scenario():
        gate = asyncio.Event()
        recorder, store, _ = build(ListStore(gate=gate))
        async with running(recorder):
            recorder.record(row(0))
            await wait_until_async(lambda: store.attempts, "writing has begun")
            recorder.record(row(1))
        gate.set()
        await recorder.close()
        assert store.written == rows(2)

    asyncio.run(scenario())


def test_rows_outlast_a_store_that_fails_for_a_while(monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)

    async def scenario():
        recorder, store, events = build(ListStore(broken=True), flush_seconds=0.001)
        async with running(recorder):
            for number in range(5):
                recorder.record(row(number))
            await wait_until_async(lambda: store.attempts > 2, "several tries")
            recorder.record(row(5))
            assert events == []
            store.broken = False
            await wait_until_async(lambda: len(events) == 6, "all are written")
        assert store.written == rows(6)

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    told = [record.getMessage() for record in caplog.records]
    assert told == ["the disk is full; requests are kept in memory until it works", "the activity is written again"]


def test_a_store_that_fails_stops_no_reader():
    async def scenario():
        recorder, store, _ = build(ListStore(broken=True))
        recorder.record(row(1))
        await recorder.flush()
        assert store.attempts == 1

    asyncio.run(scenario())


def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_ROWS", 10)

    async def scenario():
        recorder, store, _ = build(ListStore(broken=True))
        for number in range(25):
            recorder.record(row(number))
        await recorder.flush()
        assert recorder.lost == 15
        store.broken = False
        await recorder.flush()
        assert store.written == rows(10)

    asyncio.run(scenario())


def test_a_capture_is_kept_under_the_id_of_its_row():
    async def scenario():
        recorder, _, _ = build()
        capture = Capture("POST", "/p", req_body=b"asked")
        recorder.record(row(1))
        recorder.record(row(2), raw(capture))
        await recorder.flush()
        assert 1 not in recorder.captures
        packed = recorder.captures.get(2)
        assert packed is not None
        assert unpack(packed) == capture

    asyncio.run(scenario())


def test_captures_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_CAPTURE_BYTES", 100)

    async def scenario():
        recorder, store, _ = build()
        for number in range(5):
            recorder.record(row(number), raw(Capture("POST", "/p", req_body=bytes(20), resp_body=bytes(20))))
        await recorder.flush()
        assert (len(store.written), len(recorder.captures)) == (5, 2)
        recorder.record(row(5), raw(Capture("POST", "/p", req_body=bytes(40))))
        await recorder.flush()
        assert 6 in recorder.captures

    asyncio.run(scenario())


def test_under_load_rows_come_first_and_captures_are_packed_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "PACKED_AT_ONCE", 2)

    async def scenario():
        recorder, store, _ = build()
        for number in range(5):
            recorder.record(row(number), raw(Capture("POST", "/p", req_body=b"asked %d" % number)))
        await recorder.flush()
        assert (len(store.written), len(recorder.captures.oldest_raw(9))) == (5, 3)
        recorder.record(row(5))
        await recorder.flush()
        assert list(recorder.captures.oldest_raw(9)) == [5]
        assert unpack(recorder.captures.get(1)).req_body == b"asked 0"
        assert recorder.captures.get(5).make().req_body == b"asked 4"

    asyncio.run(scenario())


def test_close_tells_what_could_not_be_written(caplog):
    async def scenario():
        recorder, _, _ = build(ListStore(broken=True))
        recorder.record(row(1))
        await recorder.close()

    asyncio.run(scenario())
    assert "the last 1 rows of the activity are lost: the disk is full" in caplog.text


def test_an_idle_store_is_pruned(monkeypatch):
    monkeypatch.setattr(module, "PRUNE_SECONDS", 0.001)

    async def scenario():
        recorder, store, _ = build()
        async with running(recorder):
            await wait_until_async(lambda: store.pruned > 1, "old rows are dropped")
            store.broken = True
            seen = store.pruned
            await wait_until_async(lambda: store.pruned > seen + 1, "a failure does not end that")

    asyncio.run(scenario())
