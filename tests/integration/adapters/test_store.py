"""The activity store on real SQLite and PostgreSQL.

Names of the conformance list, "store": insert, list, filter newest first; time range; ID range; models (blank ignored);
combined paging; sorting and fallback; stats; prune; file persists; WAL.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from attrs import evolve
from sqlalchemy.dialects import postgresql

from swaplab_core.adapters.store import SqlStore
from swaplab_core.adapters.store_database import VERSION_TABLE, Database, sqlite_url
from swaplab_core.adapters.store_table import ACTIVITY, conditions, page_of
from swaplab_core.domain.activity import (
    ActivityFilter,
    ActivityQuery,
    ActivityRow,
    ActivityStats,
    Retention,
    SortKey,
)
from swaplab_core.domain.errors import StoreFailed
from swaplab_core.domain.histogram import histogram
from swaplab_core.domain.metering import Usage

FULL = ActivityRow(
    created=1787392802,
    model="org/qwen:Q4",
    req_path="/v1/chat/completions",
    status=200,
    content_type="text/event-stream",
    tokens=Usage(25, 10, 3, 8, 6, 1923.1, 58.8),
    duration_ms=1450,
    ttft_ms=12.5,
    wait_ms=0.25,
    itl_ms=17.0,
    itl_p95_ms=21.0,
    error_msg="",
    metadata={"session_id": "s1", "fifo_priority": "0"},
    client="10.0.0.7 curl/8",
)


@pytest.fixture(params=["memory", "file", "postgresql"])
def path(request, tmp_path):
    match request.param:
        case "memory":
            return ""
        case "file":
            return str(tmp_path / "activity.db")
        case _:
            return request.getfixturevalue("postgresql").database()


def with_store(path, work, **options):
    """Run `work(store)` and close the store; `path` may be an address too."""

    async def scenario():
        store = SqlStore(url=path, **options) if "://" in path else SqlStore(path, **options)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(scenario())


def rows_of(path, rows, **query):
    """Insert rows, ask, and answer the ids found."""

    async def work(store):
        await store.insert(rows)
        where = ActivityFilter(**{key: query.pop(key) for key in list(query) if hasattr(ActivityFilter(), key)})
        found = await store.rows(ActivityQuery(where, **query))
        assert await store.count(where) >= len(found)
        return [row.id for row in found]

    return with_store(path, work)


def simple(number, **more):
    return ActivityRow(created=100 + number, **{"model": "m", "req_path": "/p", "status": 200, **more})


SEVERAL = [
    simple(1, model="a"),
    simple(2, model="b", status=404, error_msg="No such thing"),
    simple(3, model="a", status=500, metadata={"session_id": "s1"}),
    simple(4, model="c", status=503, metadata={"session_id": "s2", "note": "100% _sure_"}),
    simple(5, model="b", req_path="/v1/Embeddings"),
]


def test_insert_gives_ids_in_order_and_every_field_comes_back(path):
    async def work(store):
        assert await store.insert([FULL, simple(1)]) == [1, 2]
        assert await store.insert([]) == []
        assert await store.insert([FULL]) == [3]
        return await store.rows(ActivityQuery())

    untold = evolve(simple(1), id=2, tokens=Usage(0, 0))
    assert with_store(path, work) == [evolve(FULL, id=3), untold, evolve(FULL, id=1)]


def test_an_emptied_store_gives_no_id_twice(path):
    async def work(store):
        await store.insert([simple(1), simple(2)])
        assert await store.clear() == 2
        assert await store.clear() == 0
        assert await store.rows(ActivityQuery()) == []
        return await store.insert([simple(3)])

    assert with_store(path, work) == [3]


def test_of_many_rows_at_once_each_gets_the_id_that_it_is_told(path):
    async def work(store):
        rows = [simple(number, model=f"m{number}") for number in range(427)]
        assert await store.insert(rows) == list(range(1, 428))
        assert await store.insert(rows[:100]) == list(range(428, 528))
        return {row.id: row.model for row in await store.rows(ActivityQuery(limit=1000))}

    stored = [*range(427), *range(100)]
    assert with_store(path, work) == {number: f"m{of}" for number, of in enumerate(stored, 1)}


def test_list_filter_newest_first(path):
    assert rows_of(path, SEVERAL) == [5, 4, 3, 2, 1]
    assert rows_of("", SEVERAL, models=("a",)) == [3, 1]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"start": 103}, [5, 4, 3]),
        ({"end": 102}, [2, 1]),
        ({"start": 102, "end": 102}, [2]),
        ({"min_id": 4}, [5, 4]),
        ({"max_id": 1}, [1]),
        ({"min_id": 2, "max_id": 3}, [3, 2]),
        ({"models": ("a", "c")}, [4, 3, 1]),
        ({"models": ("", " ", "a")}, [3, 1]),
        ({"models": ("", " ")}, [5, 4, 3, 2, 1]),
        ({"models": ("x' OR 1=1 --",)}, []),
        ({"statuses": ((400, 499),)}, [2]),
        ({"statuses": ((200, 200), (500, 599))}, [5, 4, 3, 1]),
        ({"session": "s1"}, [3]),
        ({"session": "s"}, []),
        ({"text": "no SUCH"}, [2]),
        ({"text": "embed"}, [5]),
        ({"text": "100% _s"}, [4]),
        ({"text": "%"}, [4]),
        ({"text": "_"}, [4, 3]),
        ({"models": ("a", "b"), "start": 102, "statuses": ((200, 299),), "text": "/"}, [5]),
    ],
)
def test_filters(where, ids):
    assert rows_of("", SEVERAL, **where) == ids


def test_combined_paging(path):
    async def work(store):
        await store.insert([simple(n, model="ab"[n % 2]) for n in range(50)])
        where = ActivityFilter(models=("a",))
        pages = [await store.rows(ActivityQuery(where, page=page, limit=10)) for page in (1, 2, 3, 4)]
        assert await store.count(where) == 25
        return [[row.id for row in page] for page in pages]

    ids = list(range(49, 0, -2))
    assert with_store(path, work) == [ids[:10], ids[10:20], ids[20:], []]


SORTED = [
    simple(3, model="b", req_path="/2", status=500, content_type="x", duration_ms=7, ttft_ms=None, wait_ms=None),
    simple(1, model="c", req_path="/3", status=404, content_type="y", duration_ms=9, ttft_ms=2.0, wait_ms=2.0),
    simple(2, model="a", req_path="/1", status=200, content_type="z", duration_ms=8, ttft_ms=1.0, wait_ms=1.0),
]
TOKENS = [Usage(5, 6, 9, 1, 1, 1.5, 3.0), Usage(6, 4, 8, 3, 1, 2.5, 2.0), Usage(4, 5, 7, 2, 1, 0.5, 1.0)]
ASCENDING = {
    SortKey.ID: [1, 2, 3],
    SortKey.TIME: [2, 3, 1],
    SortKey.MODEL: [3, 1, 2],
    SortKey.REQ_PATH: [3, 1, 2],
    SortKey.STATUS: [3, 2, 1],
    SortKey.CONTENT_TYPE: [1, 2, 3],
    SortKey.CACHED: [3, 2, 1],
    SortKey.PROMPT: [3, 1, 2],
    SortKey.GENERATED: [2, 3, 1],
    SortKey.DRAFTED: [1, 3, 2],
    SortKey.PROMPT_SPEED: [3, 1, 2],
    SortKey.GEN_SPEED: [3, 2, 1],
    SortKey.DURATION: [1, 3, 2],
    SortKey.TTFT: [3, 2, 1],
    SortKey.WAIT: [3, 2, 1],
}


@pytest.mark.parametrize("key", SortKey)
def test_sorting(key):
    rows = [evolve(row, tokens=tokens) for row, tokens in zip(SORTED, TOKENS, strict=True)]
    assert rows_of("", rows, sort=key, ascending=True) == ASCENDING[key]
    descending = (
        [2, 3, 1] if key in {SortKey.TTFT, SortKey.WAIT} else ASCENDING[key][::-1]
    )  # what is unknown is always last
    assert rows_of("", rows, sort=key) == descending


def test_sorting_fallback_is_the_id():
    alike = [simple(1, model=model) for model in "aba"]
    assert rows_of("", alike, sort=SortKey.MODEL, ascending=True) == [1, 3, 2]
    assert rows_of("", alike, sort=SortKey.MODEL) == [2, 3, 1]


def test_stats(path):
    speeds = [random.Random(number).uniform(1, 100) for number in range(200)]
    rows = [
        simple(number, model="ab"[number % 2], tokens=Usage(10, 3, 4, output_per_second=speed))
        for number, speed in enumerate(speeds)
    ]

    async def work(store):
        await store.insert([*rows, simple(0), simple(0, tokens=Usage(1, 1, prompt_per_second=0.0))])
        return await store.stats(ActivityFilter()), await store.stats(ActivityFilter(models=("a",)))

    everything, one_model = with_store(path, work)
    assert everything == ActivityStats(202, 2001, 601, 800, None, histogram(sorted(speeds)))
    assert one_model == ActivityStats(100, 1000, 300, 400, None, histogram(sorted(speeds[::2])))


def test_stats_of_nothing(path):
    assert with_store(path, lambda store: store.stats(ActivityFilter())) == ActivityStats(0, 0, 0, 0, None, None)


def test_prune_keeps_the_newest_rows_and_gives_no_id_twice(path):
    async def work(store):
        for number in range(12):
            await store.insert([simple(number)])
        kept = [row.id for row in await store.rows(ActivityQuery())]
        store.retention = Retention(max_rows=0)
        await store.insert([simple(0)])
        assert await store.count(ActivityFilter()) == 0
        store.retention = Retention()
        return kept, await store.insert([simple(0)])

    assert with_store(path, work, retention=Retention(max_rows=5)) == ([12, 11, 10, 9, 8], [14])


def test_prune_drops_what_is_too_old(path):
    async def work(store):
        now = int(time.time())
        await store.insert([evolve(simple(0), created=now - age) for age in (7200, 3601, 30, 0)])
        await store.prune()
        return [row.id for row in await store.rows(ActivityQuery())]

    assert with_store(path, work, retention=Retention(max_age_seconds=3600)) == [4, 3]


def test_odd_text_is_stored_all_the_same(path):
    odd = b"\xff".decode("utf-8", "surrogateescape")

    async def work(store):
        await store.insert([simple(1, model=f"m{odd}\0", error_msg="a\0b", metadata={f"k{odd}": f"v{odd}\0"})])
        return (await store.rows(ActivityQuery()))[0]

    row = with_store(path, work)
    assert (row.model, row.error_msg, dict(row.metadata)) == ("m?", "ab", {"k?": "v?"})


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_url_may_name_memory_too(url):
    async def work(store):
        assert store.is_in_memory
        await asyncio.gather(
            *(store.insert([FULL]) for _ in range(20)), *(store.count(ActivityFilter()) for _ in range(20))
        )
        return await store.count(ActivityFilter())

    assert with_store("", work, url=url) == 20


def test_a_url_may_name_a_file_too(tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    assert with_store("", lambda store: store.insert([FULL]), url=url) == [1]
    assert with_store(str(tmp_path / "x.db"), lambda store: store.insert([FULL])) == [2]


def test_file_persists(tmp_path):
    path = str(tmp_path / "a b?%&#ü.db")
    with_store(path, lambda store: store.insert([FULL]))
    assert with_store(path, lambda store: store.rows(ActivityQuery())) == [evolve(FULL, id=1)]
    assert with_store(path, lambda store: store.insert([FULL])) == [2]
    assert [file.name for file in tmp_path.iterdir()] == ["a b?%&#ü.db"]


def test_wal(tmp_path):
    path = tmp_path / "activity.db"

    async def work(store):
        await store.insert([FULL])
        assert (tmp_path / "activity.db-wal").exists()
        with contextlib.closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert other.execute("SELECT count(*) FROM activity").fetchone() == (1,)

    with_store(str(path), work)


def test_neither_the_event_loop_nor_a_reader_waits_for_a_writer_that_is_held_up(tmp_path):
    path = tmp_path / "activity.db"

    async def work(store):
        await store.insert([FULL])
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.ensure_future(store.insert([FULL]))
            assert await store.count(ActivityFilter()) == 1
            assert not writing.done()
            other.execute("COMMIT")
        assert await writing == [2]

    with_store(str(path), work)


def llama_swap_file(path):
    """A file as llama-swap has it, with two rows."""
    texts = ("model_id", "req_path", "resp_content_type", "error_msg", "metadata_json")
    counts = ("cache_tokens", "draft_tokens", "draft_acc_tokens", "input_tokens", "output_tokens")
    columns = [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "ts_created INTEGER NOT NULL",
        *(f"{name} TEXT NOT NULL DEFAULT ''" for name in texts),
        *(f"{name} INTEGER NOT NULL DEFAULT 0" for name in (*counts, "resp_status_code", "duration_ms")),
        *(f"{name} REAL NOT NULL DEFAULT 0" for name in ("prompt_per_second", "tokens_per_second")),
    ]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE activity ({', '.join(columns)})")
        insert_as_llama_swap(connection, "old one", 25)
        insert_as_llama_swap(connection, "old two", 7)


def insert_as_llama_swap(connection, model, tokens):
    connection.execute(
        "INSERT INTO activity (ts_created, model_id, req_path, resp_status_code, cache_tokens, input_tokens) "
        "VALUES (1787392802, ?, '/v1/chat/completions', 200, -1, ?)",
        (model, tokens),
    )


def test_a_file_of_llama_swap_is_taken_over_and_llama_swap_can_go_on_with_it(tmp_path):
    path = tmp_path / "llama-swap.db"
    llama_swap_file(path)

    async def work(store):
        assert await store.insert([FULL]) == [3]
        return [(row.id, row.model, row.tokens.input_tokens, row.session) for row in await store.rows(ActivityQuery())]

    ours = [(3, "org/qwen:Q4", 25, "s1"), (2, "old two", 7, ""), (1, "old one", 25, "")]
    assert with_store(str(path), work) == ours
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        insert_as_llama_swap(connection, "new", 1)
    assert with_store(str(path), lambda store: store.count(ActivityFilter())) == 4


def test_migrations_make_the_table_that_the_code_uses(tmp_path):
    path = tmp_path / "x.db"
    database = Database.open(sqlite_url(str(path)))
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, ACTIVITY.metadata) == []
            assert context.get_current_revision() == "0003"
    finally:
        database.close()


@pytest.mark.parametrize(
    "missing", [("session", "itl_p95_ms"), ("session", "ttft_ms", "wait_ms", "itl_ms", "itl_p95_ms")]
)
def test_a_migration_that_was_killed_is_finished(tmp_path, missing):
    path = tmp_path / "x.db"
    Database.open(sqlite_url(str(path))).close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX ix_activity_session")
        for name in missing:
            connection.execute(f"ALTER TABLE activity DROP COLUMN {name}")
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    assert with_store(str(path), lambda store: store.insert([FULL])) == [1]
    assert with_store(str(path), lambda store: store.rows(ActivityQuery())) == [evolve(FULL, id=1)]


def test_every_statement_is_understood_by_postgresql_too():
    where = ActivityFilter(("a",), 1, 2, 3, 4, ((400, 499), (500, 500)), "s", "50%")
    dialect = postgresql.dialect()
    for key in SortKey:
        assert "ORDER BY" in str(page_of(ActivityQuery(where, key)).compile(dialect=dialect))
    table = str(sa.schema.CreateTable(ACTIVITY).compile(dialect=dialect))
    assert "id BIGSERIAL NOT NULL" in table
    insert = sa.insert(ACTIVITY).returning(ACTIVITY.c.id, sort_by_parameter_order=True)
    assert "RETURNING activity.id" in str(insert.compile(dialect=dialect))
    assert "ILIKE" in str(sa.select(ACTIVITY).where(*conditions(where)).compile(dialect=dialect))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"path": "/nonexistent/x.db"}, "store /nonexistent/x.db cannot be opened: unable to open database file"),
        ({"path": "/"}, "store.path must name a file in a folder that exists"),
        ({"url": "postgresql+nodriver://u:secret@h/x"}, "cannot be opened"),
        ({"url": "mysql+pymysql://u:secret@h/x"}, "install the driver of that database"),
        ({"url": "nonsense"}, "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why_and_keeps_passwords_to_itself(options, told):
    async def scenario():
        store = SqlStore(**options)
        with pytest.raises(StoreFailed) as error:
            await store.open()
        await store.close()
        return str(error.value)

    message = asyncio.run(scenario())
    assert told in message
    assert "secret" not in message


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes\n" * 1000)
    with pytest.raises(StoreFailed, match="the file holds something else"):
        with_store(str(path), lambda store: store.open())
    assert path.read_bytes() == b"my notes\n" * 1000


def test_a_file_of_a_newer_swaplab_is_refused(tmp_path):
    path = tmp_path / "x.db"
    Database.open(sqlite_url(str(path))).close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreFailed, match="a newer swaplab has written it"):
        with_store(str(path), lambda store: store.open())


def test_a_store_that_could_not_be_opened_is_tried_again(tmp_path):
    folder = tmp_path / "later"

    async def work(store):
        with pytest.raises(StoreFailed):
            await store.insert([FULL])
        folder.mkdir()
        return await store.insert([FULL])

    assert with_store(str(folder / "x.db"), work) == [1]
