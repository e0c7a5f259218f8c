"""The activity: what was asked of which model, how it went, what it took; and the captures that go with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from attrs import define, evolve

from swaplab_core.domain.activity import (
    MAX_PAGE_SIZE,
    ActivityFilter,
    ActivityGroup,
    ActivityPage,
    ActivityQuery,
    ActivityRow,
    ActivityStats,
    GroupKey,
    Heat,
    Measure,
)
from swaplab_core.domain.capture import Capture
from swaplab_core.domain.errors import UnknownCapture
from swaplab_core.ports import Store
from swaplab_core.runtime.captures import CaptureCache, Raw, unpack
from swaplab_core.runtime.recorder import Recorder

MOST_CAPTURES = 10_000
"""Of the captured rows, so many of the newest are found by `captured`."""


@define(eq=False)
class Activity:
    """Reads what the recorder wrote; what was recorded before the call is always in the answer.

    Every method that reads raises StoreFailed.
    """

    store: Store
    recorder: Recorder
    captures: CaptureCache

    async def page(self, query: ActivityQuery) -> ActivityPage:
        """One page, and how many rows there are on all."""
        await self.recorder.flush()
        where = self._known(query.where)
        rows = await self.store.rows(evolve(query, where=where))
        return ActivityPage(tuple(rows), await self.store.count(where))

    async def stats(self, where: ActivityFilter) -> ActivityStats:
        """Sums and histograms over all rows meant."""
        await self.recorder.flush()
        return await self.store.stats(self._known(where))

    async def groups(self, where: ActivityFilter, by: GroupKey, limit: int) -> Sequence[ActivityGroup]:
        """What the rows meant have in common, the most frequent first."""
        await self.recorder.flush()
        return await self.store.groups(self._known(where), by, limit)

    async def heat(self, where: ActivityFilter, of: Measure) -> Heat:
        """How long the rows meant took, over time."""
        await self.recorder.flush()
        return await self.store.heat(self._known(where), of)

    async def newest(self, limit: int) -> Sequence[ActivityRow]:
        """The newest rows, oldest first."""
        await self.recorder.flush()
        return (await self.store.rows(ActivityQuery(limit=limit)))[::-1]

    async def batches(self, where: ActivityFilter, *, ascending: bool = False) -> AsyncIterator[Sequence[ActivityRow]]:
        """All rows meant, by id, some hundred at a time. What is added meanwhile does not disturb the order."""
        await self.recorder.flush()
        query = ActivityQuery(self._known(where), ascending=ascending, limit=MAX_PAGE_SIZE)
        while rows := await self.store.rows(query):
            yield rows
            query = evolve(query, where=_after(query.where, rows[-1].id, ascending=ascending))

    def _known(self, where: ActivityFilter) -> ActivityFilter:
        """The store knows no captures."""
        if not where.captured:
            return where
        kept = self.captures.newest(MOST_CAPTURES)
        return evolve(where, ids=kept if where.ids is None else tuple(set(kept).intersection(where.ids)))

    def has_capture(self, row_id: int) -> bool:
        """Whether it can be looked at now."""
        return row_id in self.captures

    async def capture(self, row_id: int) -> Capture:
        """The exchange behind a row. Raises UnknownCapture."""
        kept = self.captures.get(row_id)
        if kept is None:
            raise UnknownCapture(f"there is no capture of request {row_id}", advice="only the newest ones are kept")
        return kept.make() if isinstance(kept, Raw) else await asyncio.to_thread(unpack, kept)


def _after(where: ActivityFilter, row_id: int, *, ascending: bool) -> ActivityFilter:
    return evolve(where, min_id=row_id + 1) if ascending else evolve(where, max_id=row_id - 1)
