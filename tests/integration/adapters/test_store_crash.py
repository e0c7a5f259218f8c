"""A daemon that is killed loses at most the last second of its activity."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from swaplab_core.adapters.store import SqlStore
from swaplab_core.domain.activity import ActivityQuery

WRITER = """
import asyncio, sys
from swaplab_core.adapters.store import SqlStore
from swaplab_core.domain.activity import ActivityRow
from swaplab_core.runtime.captures import CaptureCache
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.runtime.tasks import spawn

async def main(place):
    store = SqlStore(url=place) if "://" in place else SqlStore(place)
    recorder = Recorder(store, CaptureCache(0), lambda event: None)
    await recorder.store.open()
    spawn(recorder.run(), name="recorder")
    number = 0
    while True:
        number += 1
        recorder.record(ActivityRow(number, "m", "/p", 200))
        print(number, flush=True)
        await asyncio.sleep(0.002)

asyncio.run(main(sys.argv[1]))
"""
ROWS = 900
"""More than three seconds' worth: enough batches have been written, and one is under way."""

SAFE_SECONDS = 2.0
"""A second is promised; the other one is for a machine that lets the writer wait."""


def write_and_die(place) -> tuple[int, int]:
    """Run a writer, kill it; answers the last row that it recorded some time before, and the last of all."""
    recorded: list[float] = []
    with subprocess.Popen([sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        while len(recorded) < ROWS:
            assert writer.stdout.readline(), "the writer ended by itself"
            recorded.append(time.monotonic())
        killed = time.monotonic()
        writer.kill()
        rest = writer.stdout.read().count(b"\n")
    assert writer.returncode == -9
    return sum(when < killed - SAFE_SECONDS for when in recorded), ROWS + rest


def stored(place) -> list[int]:
    async def read():
        store = SqlStore(url=place) if "://" in place else SqlStore(place)
        try:
            return [row.created for row in await store.rows(ActivityQuery(ascending=True, limit=100_000))]
        finally:
            await store.close()

    return asyncio.run(read())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    return str(tmp_path / "a.db") if request.param == "sqlite" else request.getfixturevalue("postgresql").database()


def test_rows_older_than_a_second_outlast_kill_9(place):
    before = 0
    for _ in range(2):
        safe, last = write_and_die(place)
        found = stored(place)[before:]
        assert found == list(range(1, len(found) + 1)), "no row is missing in between, none is there twice"
        assert safe <= len(found) <= last
        assert safe > 0
        before += len(found)
