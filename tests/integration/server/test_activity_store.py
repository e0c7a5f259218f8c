"""Where a daemon keeps its activity: a file or a database that outlives it, in whatever way it ends."""

from __future__ import annotations

import signal

import pytest
from running_swaplab import sim

from swaplab_core.testing.waiting import wait_until

MODELS = {"a": sim("--say", "Hello")}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        return {"path": str(tmp_path / "activity.db")}
    return {"url": request.getfixturevalue("postgresql").database()}


def rows(swaplab):
    return swaplab.ask("GET", "/api/metrics/activity?limit=100").json()["data"]


def test_what_was_served_is_there_after_kill_9_and_no_more_is_kept_than_the_file_says(serve, store):
    first = serve(MODELS, killed=True, store=store)
    for _ in range(3):
        assert first.chat("a").said == "Hello"
    assert len(rows(first)) == 3, "who asks is told what is written"
    first.process.send(signal.SIGKILL)
    first.process.wait()

    second = serve(MODELS, store={**store, "maxRows": 4})
    assert [row["id"] for row in rows(second)] == [3, 2, 1]
    for _ in range(2):
        assert second.chat("a").status == 200
    assert [row["id"] for row in rows(second)] == [5, 4, 3, 2]

    second.reload(MODELS, store={**store, "maxRows": 2, "maxAge": "1h"})
    assert second.chat("a").status == 200
    assert [row["id"] for row in rows(second)] == [6, 5]


def test_a_database_that_is_not_there_stops_nobody_and_is_written_when_it_is(serve, postgresql):
    url = postgresql.database()
    postgresql.stop()
    try:
        swaplab = serve(MODELS, store={"url": url})
        assert swaplab.chat("a").said == "Hello"
        swaplab.wait_for_log("requests are kept in memory until it works")
    finally:
        postgresql.start()
    swaplab.wait_for_log("the activity is written again")
    assert [row["model"] for row in rows(swaplab)] == ["a"]


def test_another_place_is_used_after_the_next_start_only_and_that_is_said(serve, tmp_path):
    swaplab = serve(MODELS, store={"path": str(tmp_path / "old.db")})

    swaplab.reload(MODELS, store={"path": str(tmp_path / "new.db")})

    swaplab.wait_for_log("the activity stays where it is until swaplab is started again")
    assert swaplab.chat("a").status == 200
    wait_until(lambda: rows(swaplab), "the row")
    assert not (tmp_path / "new.db").exists()
