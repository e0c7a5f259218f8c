"""Writes finished requests to the store: at once when little happens, in batches when much does, never in their way.

A row is announced on the bus when it is stored, and its capture is kept under the id that the store gave it. Captures
are made small a few at a time, and not while batches are large.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from attrs import define, field

from swaplab_core.domain.activity import ActivityRow
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.events import ActivityRecorded, Event
from swaplab_core.ports import Store
from swaplab_core.runtime.captures import CaptureCache, Raw
from swaplab_core.runtime.tasks import spawn

FLUSH_SECONDS = 0.5
RETRY_SECONDS = 2.0
PRUNE_SECONDS = 60.0
BATCH_ROWS = 2000
"""Rows of one commit: each has its price, on disk and between the threads."""
BUSY_ROWS = 500
"""A batch of as many, and captures are not made small: newer ones displace them before anybody looks."""
SLICE_ROWS = 100
"""So many are announced in one go, before others have their turn: about a fifth of a millisecond."""
MAX_WAITING_ROWS = 20_000
"""What is kept while the store does not work; newer rows are then lost, and counted."""
MAX_WAITING_CAPTURE_BYTES = 32 * 2**20
PACKED_AT_ONCE = 64

_log = logging.getLogger(__name__)


_Entry = tuple[ActivityRow, Raw | None]


@define(eq=False)
class _Waiting:
    """What is to be written, bounded. `recorded` and `taken` count the rows ever put in and ever taken out."""

    entries: deque[_Entry] = field(factory=deque, init=False)
    recorded: int = field(default=0, init=False)
    taken: int = field(default=0, init=False)
    lost: int = field(default=0, init=False)
    _capture_bytes: int = field(default=0, init=False)

    def put(self, row: ActivityRow, capture: Raw | None) -> None:
        if len(self.entries) >= MAX_WAITING_ROWS:
            self.lost += 1
            return
        size = capture.size if capture else 0
        if self._capture_bytes + size > MAX_WAITING_CAPTURE_BYTES:
            capture, size = None, 0
        self._capture_bytes += size
        self.entries.append((row, capture))
        self.recorded += 1

    def take(self) -> list[_Entry]:
        batch = [self.entries.popleft() for _ in range(min(BATCH_ROWS, len(self.entries)))]
        self.taken += len(batch)
        self._capture_bytes -= sum([capture.size for _, capture in batch if capture is not None])
        return batch

    def put_back(self, batch: Sequence[_Entry]) -> None:
        self.taken -= len(batch)
        self.entries.extendleft((row, None) for row, _ in reversed(batch))


def _nothing() -> None:
    """Nobody holds anything back."""


@define(eq=False)
class Recorder:
    """`record` rows; `run` in the background; `close` at the end. Rows wait in memory for `flush_seconds` at most.

    `gather` records what has ended and is not recorded yet; `flush` begins with it.
    """

    store: Store
    captures: CaptureCache
    publish: Callable[[Event], None]
    flush_seconds: float = FLUSH_SECONDS
    gather: Callable[[], None] = _nothing
    _waiting: _Waiting = field(factory=_Waiting, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _full: asyncio.Event = field(factory=asyncio.Event, init=False)
    _writing: asyncio.Task[None] | None = field(default=None, init=False)
    _failure: StoreFailed | None = field(default=None, init=False)

    @property
    def lost(self) -> int:
        """Rows that could not be kept, because the store did not work for long."""
        return self._waiting.lost

    def record(self, row: ActivityRow, capture: Raw | None = None) -> None:
        """Take a finished request; never waits and never fails, so it may be called while a request is cancelled."""
        self._waiting.put(row, capture)
        self._news.set()
        if len(self._waiting.entries) >= BATCH_ROWS:
            self._full.set()

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(PRUNE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                await self._prune()
            else:
                await self.flush()
                await self._pause()

    async def flush(self) -> None:
        """Write what has been recorded until now. Returns when that is done, or cannot be done at present."""
        self.gather()
        goal = self._waiting.recorded
        while self._waiting.taken < goal or self._is_writing:
            if not self._is_writing:
                self._writing = spawn(self._write(), name="write activity")
            assert self._writing is not None
            await asyncio.shield(self._writing)  # who waits may be cancelled, what is half written may not
            if self._failure is not None:
                return

    async def close(self) -> None:
        """Write the rest."""
        await self.flush()
        if waiting := len(self._waiting.entries):
            _log.error("the last %d rows of the activity are lost: %s", waiting, self._failure)

    @property
    def _is_writing(self) -> bool:
        return self._writing is not None and not self._writing.done()

    async def _pause(self) -> None:
        if self._failure is not None:
            await asyncio.sleep(RETRY_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.flush_seconds):
                await self._full.wait()

    async def _write(self) -> None:
        batch = self._waiting.take()
        self._full.clear()
        try:
            ids = await self.store.insert([row for row, _ in batch])
        except StoreFailed as error:
            self._waiting.put_back(batch)
            self._fail(error)
            return
        self._recover()
        if not self._waiting.entries:
            self._news.clear()
        for begin in range(0, len(batch), SLICE_ROWS):
            if begin:
                await asyncio.sleep(0)
            self._announce(ids[begin : begin + SLICE_ROWS], batch[begin : begin + SLICE_ROWS])
        if len(batch) < BUSY_ROWS:
            await self._pack_some()

    def _announce(self, ids: Sequence[int], entries: Sequence[_Entry]) -> None:
        for row_id, (_, capture) in zip(ids, entries, strict=True):
            if capture is not None:
                self.captures.add(row_id, capture)
            self.publish(ActivityRecorded(row_id))

    async def _pack_some(self) -> None:
        raw = self.captures.oldest_raw(PACKED_AT_ONCE)
        if raw:
            packed = await asyncio.to_thread(lambda: [each.pack() for each in raw.values()])
            for row_id, each in zip(raw, packed, strict=True):
                self.captures.replace(row_id, each)

    async def _prune(self) -> None:
        try:
            await self.store.prune()
        except StoreFailed as error:
            _log.warning("%s", error)

    def _fail(self, error: StoreFailed) -> None:
        if self._failure is None:
            _log.error("%s; requests are kept in memory until it works", error)
        self._failure = error

    def _recover(self) -> None:
        if self._failure is not None:
            _log.info("the activity is written again")
        self._failure = None
