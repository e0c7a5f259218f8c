"""The activity store: the port `Store` on a database, off the event loop.

One thread writes and one reads, so a long report delays no write. The database is opened in the background with the
first call; one that cannot be opened is tried again with the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from swaplab_core.domain.activity import (
    ActivityFilter,
    ActivityGroup,
    ActivityQuery,
    ActivityRow,
    ActivityStats,
    GroupKey,
    Heat,
    Measure,
    Retention,
)

if TYPE_CHECKING:
    from swaplab_core.adapters.store_database import Database

T = TypeVar("T")

_IN_MEMORY = frozenset({"sqlite://", "sqlite:///", "sqlite:///:memory:"})


def _open(path: str, url: str) -> Database:
    from swaplab_core.adapters.store_database import Database, sqlite_url  # noqa: PLC0415 - slow to import, see there

    return Database.open(url or sqlite_url(path))


def _one_thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=name)


@define(eq=False)
class SqlStore:
    """`url` is the address of a database, such as `postgresql://user@host/name`; without it `path` is a SQLite file, or
    "" for memory. `retention` may be changed at any time. Every method raises StoreFailed.
    """

    path: str = ""
    url: str = ""
    retention: Retention = field(factory=Retention)
    _database: Database | None = field(default=None, init=False)
    _writer: ThreadPoolExecutor = field(factory=lambda: _one_thread("store-write"), init=False)
    _reader: ThreadPoolExecutor = field(factory=lambda: _one_thread("store-read"), init=False)

    @property
    def is_in_memory(self) -> bool:
        """Nothing outlives the daemon."""
        return self.url in _IN_MEMORY if self.url else not self.path

    @property
    def place(self) -> str:
        """Where the rows are: memory, file or database."""
        if self.is_in_memory:
            return "memory"
        return "database" if self.url and not self.url.startswith("sqlite") else "file"

    def is_at_place_of(self, other: SqlStore) -> bool:
        """Do both mean the same database?"""
        return (self.path, self.url) == (other.path, other.url)

    async def open(self) -> None:
        """Connect and bring the schema up to date; later calls do it too, this one tells early."""
        await self._write(lambda _: None)

    async def insert(self, rows: Sequence[ActivityRow]) -> list[int]:
        """Write rows, all or none; answers their ids, in order."""
        return await self._write(lambda database: database.insert(rows)) if rows else []

    async def prune(self) -> None:
        """Drop what is older than is kept."""
        await self._write(lambda database: database.prune())

    async def clear(self) -> int:
        """Drop every row; answers how many."""
        return await self._write(lambda database: database.clear())

    async def rows(self, query: ActivityQuery) -> list[ActivityRow]:
        """One page."""
        return await self._read(lambda database: database.rows(query))

    async def count(self, where: ActivityFilter) -> int:
        """How many rows there are."""
        return await self._read(lambda database: database.count(where))

    async def stats(self, where: ActivityFilter) -> ActivityStats:
        """Sums and histograms."""
        return await self._read(lambda database: database.stats(where))

    async def groups(self, where: ActivityFilter, by: GroupKey, limit: int) -> list[ActivityGroup]:
        """What rows have in common, the most frequent first."""
        return await self._read(lambda database: database.groups(where, by, limit))

    async def heat(self, where: ActivityFilter, of: Measure) -> Heat:
        """How many took how long, over time."""
        return await self._read(lambda database: database.heat(where, of))

    async def close(self) -> None:
        """Finish what is being written, and disconnect."""
        database = self._database
        if database is not None:
            await self._in(self._writer, database.close)
        self._reader.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    async def _write(self, work: Callable[[Database], T]) -> T:
        return await self._in(self._writer, lambda: work(self._opened()))

    async def _read(self, work: Callable[[Database], T]) -> T:
        if self.is_in_memory:  # one connection, so one thread
            return await self._write(work)
        if self._database is None:
            await self.open()
        return await self._in(self._reader, lambda: work(self._opened()))

    def _opened(self) -> Database:
        """Opens in the writing thread only: reading waits for that."""
        database = self._database or _open(self.path, self.url)
        database.retention = self.retention
        self._database = database
        return database

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)
