"""How much of the past is kept, and forgetting it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

from swaplab_core.domain.activity import ActivityFilter, ActivityQuery, Retention
from swaplab_core.domain.events import ActivityCleared, Event
from swaplab_core.ports import HistoryStore
from swaplab_core.runtime.captures import CaptureCache
from swaplab_core.runtime.recorder import Recorder


@frozen
class Kept:
    """What there is now, and the limits. `oldest` is unix seconds. Captures are counted in bytes of memory."""

    place: str
    rows: int
    oldest: int | None
    limits: Retention
    captures: int
    capture_bytes: int
    most_capture_bytes: int


@define(eq=False)
class History:
    """Rows and captures together; every method raises StoreFailed."""

    store: HistoryStore
    recorder: Recorder
    captures: CaptureCache
    publish: Callable[[Event], None]

    async def kept(self) -> Kept:
        """How much there is."""
        await self.recorder.flush()
        oldest = await self.store.rows(ActivityQuery(ascending=True, limit=1))
        return Kept(
            self.store.place,
            await self.store.count(ActivityFilter()),
            oldest[0].created if oldest else None,
            self.store.retention,
            len(self.captures),
            self.captures.size,
            self.captures.budget_bytes,
        )

    async def clear(self) -> int:
        """Forget every request that has ended, and its capture; answers how many."""
        await self.recorder.flush()
        count = await self.store.clear()
        self._forget()
        return count

    async def forget_captures(self) -> int:
        """Forget what the requests and answers were, also of those that are not written yet; answers how many."""
        await self.recorder.flush()
        return self._forget()

    def _forget(self) -> int:
        count = len(self.captures)
        self.captures.clear()
        self.publish(ActivityCleared())
        return count
