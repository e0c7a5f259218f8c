"""What is PostgreSQL's own of the activity store; what every database must do is in `test_store`."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from swaplab_core.adapters.store import SqlStore
from swaplab_core.adapters.store_database import VERSION_TABLE, Database, database_url
from swaplab_core.adapters.store_table import ACTIVITY
from swaplab_core.domain.activity import ActivityFilter, ActivityQuery, ActivityRow, SortKey
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.metering import Usage

ROW = ActivityRow(created=100, model="m", req_path="/p", status=200)


@pytest.fixture
def url(postgresql):
    return postgresql.database()


def rows():
    """Rows that every filter and every order can tell apart."""
    for n in range(12):
        yield ActivityRow(
            created=100 + n // 3,
            model="aBc"[n % 3],
            req_path="/v1/50%_\\" if n % 5 == 0 else "/V1/chat",
            status=(200, 404, 500, 503)[n % 4],
            tokens=Usage(n, 12 - n, n % 4, n, n // 2, 0.5 * n, 7.0 - n / 2),
            duration_ms=n * 7 % 12,
            ttft_ms=None if n % 4 == 0 else n * 5.0 % 12,
            error_msg="Zwölf" if n == 7 else "",
            metadata={"session_id": f"s{n % 2}"},
        )


FILTERS = (
    {"start": 101, "end": 102},
    {"min_id": 3, "max_id": 9},
    {"models": ("a", "B")},
    {"statuses": ((400, 499), (503, 503))},
    {"session": "s1"},
    {"text": "50%_\\"},
    {"text": "v1/CHAT"},
    {"text": "zwölf"},
    {"text": "%"},
)
QUERIES = (
    *(ActivityQuery(ActivityFilter(**where)) for where in FILTERS),
    *(ActivityQuery(sort=key, ascending=ascending) for key in SortKey for ascending in (True, False)),
    *(ActivityQuery(page=page, limit=5) for page in (1, 3, 4)),
)


def test_every_question_has_the_answer_that_sqlite_gives(url):
    async def answers(store):
        await store.insert(list(rows()))
        found = [await store.rows(query) for query in QUERIES]
        counts = [await store.count(query.where) for query in QUERIES]
        stats = [await store.stats(query.where) for query in QUERIES]
        await store.close()
        return [[row.id for row in page] for page in found], counts, stats, found

    expected, told = asyncio.run(answers(SqlStore())), asyncio.run(answers(SqlStore(url=url)))

    assert told == expected
    assert all(expected[1])
    assert len({tuple(ids) for ids in expected[0]}) > 20


def test_several_daemons_may_open_an_empty_database_at_the_same_moment_and_share_it(url):
    async def scenario():
        stores = [SqlStore(url=url) for _ in range(4)]
        ids = await asyncio.gather(*(store.insert([ROW, ROW]) for store in stores))
        counts = {await store.count(ActivityFilter()) for store in stores}
        await asyncio.gather(*(store.close() for store in stores))
        return sorted(itertools.chain.from_iterable(ids)), counts

    assert asyncio.run(scenario()) == (list(range(1, 9)), {8})


def test_a_server_that_goes_is_told_and_one_that_is_back_is_used_again(postgresql, url):
    async def scenario():
        store = SqlStore(url=url)
        assert await store.insert([ROW]) == [1]
        postgresql.stop()
        try:
            with pytest.raises(StoreFailed):
                await store.insert([ROW])
            with pytest.raises(StoreFailed):
                await store.count(ActivityFilter())
        finally:
            postgresql.start()
        ids = await store.insert([ROW])
        assert await store.count(ActivityFilter()) == 2
        await store.close()
        return ids

    assert asyncio.run(scenario())[0] > 1


def test_migrations_make_the_table_that_the_code_uses(url):
    database = Database.open(url)
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, ACTIVITY.metadata) == []
            assert context.get_current_revision() == "0003"
    finally:
        database.close()


@pytest.mark.parametrize(
    "written", ["postgresql://u@h/d", "postgres://u@h/d", " postgresql://u@h/d\n", "postgresql+psycopg://u@h/d"]
)
def test_an_address_gets_the_driver_that_comes_with_us(written):
    assert str(database_url(written)) == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize("address", ["postgresql://u:secret@/d?host={}", "postgres://u@/d?host={}&password=secret"])
def test_a_server_that_is_not_there_is_told_with_what_to_do_and_without_the_password(tmp_path, address):
    async def scenario():
        store = SqlStore(url=address.format(tmp_path))
        with pytest.raises(StoreFailed) as error:
            await store.open()
        await store.close()
        return str(error.value)

    message = asyncio.run(scenario())
    assert message.startswith("the activity store postgresql+psycopg://u")
    assert str(tmp_path.name) in message
    assert message.endswith("(the database of store.url must run, be reachable, and let this user in)")
    assert "secret" not in message
