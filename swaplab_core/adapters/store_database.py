"""The database of the activity: opening, migrating, reading, writing. Blocks; `store` calls it in threads.

SQLAlchemy takes a third of a second to import, so nothing imports this module while the daemon starts.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from attrs import define, field
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from swaplab_core.adapters.store_report import groups_of, heat_of, span_of, to_group
from swaplab_core.adapters.store_table import ACTIVITY, GIVEN, conditions, page_of, to_row, to_values
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
    heat_width,
)
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.histogram import Histogram, histogram

BUSY_SECONDS = 5
CONNECT_SECONDS = 10
VERSION_TABLE = "swaplab_schema"
PRUNE_SECONDS = 60.0
_MIGRATIONS = Path(__file__).with_name("migrations")
_NEWEST = max(file.name[1:5] for file in (_MIGRATIONS / "versions").glob("v*.py"))
_IN_MEMORY = frozenset({None, "", ":memory:"})
_C = ACTIVITY.c
_INSERT = f"INSERT OR FAIL INTO activity ({', '.join(GIVEN)}) VALUES "  # noqa: S608 - names of ours
"""FAIL: a refused row undoes the transaction anyway; to undo the statement alone, SQLite would write a file."""
_ROW = f"({', '.join('?' * len(GIVEN))})"
_MOST_VALUES = 32_000 if sqlite3.sqlite_version_info >= (3, 32) else 999
_TOGETHER = tuple(count for count in (256, 32, 4, 1) if count * len(GIVEN) <= _MOST_VALUES)
"""Rows of one statement: after each, the driver waits for its turn among Python's threads."""
_INSERTS = {count: _INSERT + ", ".join([_ROW] * count) for count in _TOGETHER}
_SHOWN = frozenset({"host", "port"})
"""What of an address's query is told; a password may stand there too."""
_MIGRATION_LOCK = 0x5AB1AB
_migrating = threading.Lock()  # alembic keeps its context in globals


class NewerSchema(Exception):
    """A newer swaplab has written the database."""


@define(eq=False)
class Database:
    """One open database. May be used by several threads, except when it is in memory."""

    engine: sa.Engine
    retention: Retention = field(factory=Retention)
    _pruned: float = field(default=0.0, init=False)

    @classmethod
    def open(cls, url: str | sa.URL) -> Self:
        """Connect and bring the schema up to date. Raises StoreFailed."""
        with _told(f"the activity store {_shown(url)} cannot be opened"), ExitStack() as failed:
            database = cls(_engine(url))
            failed.callback(database.close)
            database.migrate()
            failed.pop_all()
        return database

    def migrate(self) -> None:
        """Bring the schema up to date. That needs alembic, which is large, so mostly there is nothing to do."""
        if self.engine.url.get_backend_name() == "sqlite" and self.engine.url.database in _IN_MEMORY:
            ACTIVITY.metadata.create_all(self.engine)  # what begins empty needs no history
        elif self._version() != _NEWEST:
            self._upgrade()

    def _version(self) -> str | None:
        with self.engine.begin() as connection:
            if not sa.inspect(connection).has_table(VERSION_TABLE):
                return None
            told = sa.select(sa.column("version_num", sa.String)).select_from(sa.table(VERSION_TABLE))
            return connection.execute(told).scalar_one_or_none()

    def _upgrade(self) -> None:
        from alembic import command  # noqa: PLC0415 - see above
        from alembic.config import Config as AlembicConfig  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        logging.getLogger("alembic").setLevel(logging.WARNING)  # else it reports at each start that all is well
        config = AlembicConfig()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with _migrating, self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":  # another swaplab may be doing the same
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes.update(connection=connection, version_table=VERSION_TABLE)
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise NewerSchema(str(error)) from error

    def insert(self, rows: Sequence[ActivityRow]) -> list[int]:
        """Write rows, all or none; answers their ids, in order."""
        values = [to_values(row) for row in rows]
        with _told("the activity cannot be written"), self.engine.begin() as connection:
            ids = _insert(connection, values)
            if self.retention.max_rows is not None:
                connection.execute(sa.delete(ACTIVITY).where(_C.id <= ids[-1] - self.retention.max_rows))
            if time.monotonic() >= self._pruned + PRUNE_SECONDS:
                self._drop_aged(connection)
        return ids

    def prune(self) -> None:
        """Drop what is older than is kept."""
        with _told("old activity cannot be deleted"), self.engine.begin() as connection:
            self._drop_aged(connection)

    def clear(self) -> int:
        """Drop every row; answers how many. Their ids are not given again."""
        with _told("the activity cannot be deleted"), self.engine.begin() as connection:
            return connection.execute(sa.delete(ACTIVITY)).rowcount

    def rows(self, query: ActivityQuery) -> list[ActivityRow]:
        """One page."""
        with self._reading() as connection:
            return [to_row(record) for record in connection.execute(page_of(query))]

    def count(self, where: ActivityFilter) -> int:
        """How many rows there are."""
        statement = sa.select(sa.func.count()).select_from(ACTIVITY).where(*conditions(where))
        with self._reading() as connection:
            return int(connection.execute(statement).scalar_one())

    def stats(self, where: ActivityFilter) -> ActivityStats:
        """Sums and histograms."""
        cached = sa.case((_C.cache_tokens > 0, _C.cache_tokens), else_=0)
        sums = (sa.func.coalesce(sa.func.sum(each), 0) for each in (_C.input_tokens, _C.output_tokens, cached))
        statement = sa.select(sa.func.count(), *sums).select_from(ACTIVITY).where(*conditions(where))
        with self._reading() as connection:
            requests, read, written, from_cache = (int(value) for value in connection.execute(statement).one())
            prompt = _speeds(connection, _C.prompt_per_second, where)
            output = _speeds(connection, _C.tokens_per_second, where)
        return ActivityStats(requests, read, written, from_cache, prompt, output)

    def groups(self, where: ActivityFilter, by: GroupKey, limit: int) -> list[ActivityGroup]:
        """What rows have in common, the most frequent first."""
        with self._reading() as connection:
            return [to_group(record) for record in connection.execute(groups_of(where, by, limit))]

    def heat(self, where: ActivityFilter, of: Measure) -> Heat:
        """How many took how long, over time."""
        with self._reading() as connection:
            first, last = connection.execute(span_of(where)).one()
            if first is None:
                return Heat()
            width = heat_width(last - first)
            start = first - first % width
            cells = connection.execute(heat_of(where, of, start, width))
            return Heat(start, width, (last - start) // width + 1, tuple(tuple(cell) for cell in cells))

    def close(self) -> None:
        """Disconnect."""
        self.engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _told("the activity cannot be read"), self.engine.begin() as connection:
            yield connection

    def _drop_aged(self, connection: sa.Connection) -> None:
        self._pruned = time.monotonic()
        if self.retention.max_age_seconds is not None:
            oldest = int(time.time() - self.retention.max_age_seconds)
            connection.execute(sa.delete(ACTIVITY).where(_C.ts_created < oldest))


def _insert(connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """For SQLite by hand, which is several times as fast; who writes there is alone, so ids follow each other."""
    if connection.dialect.name != "sqlite":
        statement = sa.insert(ACTIVITY).returning(_C.id, sort_by_parameter_order=True)
        return list(connection.execute(statement, [dict(zip(GIVEN, row, strict=True)) for row in rows]).scalars())
    begin = 0
    while begin < len(rows):
        count = next(count for count in _TOGETHER if count <= len(rows) - begin)
        values = tuple(chain.from_iterable(rows[begin : begin + count]))
        connection.exec_driver_sql(_INSERTS[count], values)
        begin += count
    last = int(connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one())
    return list(range(last - len(rows) + 1, last + 1))


def sqlite_url(path: str) -> sa.URL:
    """The address of a file; in memory for "". A path may hold any character."""
    return sa.URL.create("sqlite", database=path or None)


def database_url(url: str | sa.URL) -> sa.URL:
    """The address with the driver that we use, where it names none; `postgres` is an old name of `postgresql`."""
    text = url if isinstance(url, sa.URL) else re.sub("^postgres(?=[:+])", "postgresql", url.strip())
    made = sa.make_url(text)
    return made.set(drivername="postgresql+psycopg") if made.drivername == "postgresql" else made


def _engine(url: str | sa.URL) -> sa.Engine:
    made = database_url(url)
    if made.get_backend_name() == "postgresql":
        return sa.create_engine(made, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
    arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    if made.database in _IN_MEMORY:
        return sa.create_engine(made, connect_args=arguments, poolclass=StaticPool)
    engine = sa.create_engine(made, connect_args=arguments)
    sa.event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: sqlite3.Connection, _: object) -> None:
    """Readers and the writer do not wait for each other, and what is committed survives a power failure."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()  # SQLAlchemy would forget it
        raise


def _speeds(connection: sa.Connection, speed: sa.Column[float], where: ActivityFilter) -> Histogram | None:
    statement = sa.select(speed).where(speed > 0, *conditions(where)).order_by(speed)
    return histogram(array("d", connection.execute(statement).scalars()))


def _shown(url: str | sa.URL) -> str:
    """The path of a file, or the address without its password."""
    try:
        made = database_url(url)
    except SQLAlchemyError:
        return "of store.url"
    if made.get_backend_name() == "sqlite" and made.database:
        return made.database
    shown = {key: value for key, value in made.query.items() if key in _SHOWN}
    return made.set(query=shown).render_as_string(hide_password=True)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, NewerSchema, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise StoreFailed(f"{what}: {reason}", advice=_advice(error)) from error


def _advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "install the driver of that database, for PostgreSQL: pip install 'swaplab-core[postgresql]'"
    if isinstance(error, NewerSchema):
        return "a newer swaplab has written it: use that one, or another store.path"
    if "not a database" in str(error):
        return "the file holds something else: name another one in store.path"
    if isinstance(error, OperationalError) and "connection" in str(error):
        return "the database of store.url must run, be reachable, and let this user in"
    if "unable to open" in str(error):
        return "store.path must name a file in a folder that exists and can be written"
    return ""
