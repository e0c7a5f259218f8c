"""Noticing changes of configuration files: real files, and a clock that moves when told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from swaplab_core.adapters.watch import INTERVAL_SECONDS, LONGEST_SETTLING_SECONDS, SETTLING_SECONDS, FileWatcher
from swaplab_core.testing.fakes import ManualClock

ROUND = INTERVAL_SECONDS + 3 * SETTLING_SECONDS


class Watching:
    """A running watcher; `await changes()` lets it look and answers how many changes it has reported since."""

    def __init__(self, file, folder=None):
        self.clock, self.reported = ManualClock(), 0
        self.watcher = FileWatcher(file, folder, self.clock)

    async def __aenter__(self):
        self.task = asyncio.get_running_loop().create_task(self.watcher.run(self.report))
        await self.clock.settle()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.wait([self.task])

    def report(self):
        self.reported += 1

    async def changes(self, seconds=ROUND):
        before = self.reported
        await self.clock.advance(seconds)
        return self.reported - before


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("models: {}\n")
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "fragments"
    path.mkdir()
    (path / "a.yaml").write_text("a: 1\n")
    return path


def watch(scenario, file, folder=None):
    async def run():
        async with Watching(file, folder) as watching:
            await scenario(watching)

    asyncio.run(run())


def set_time(path, seconds):
    os.utime(path, (seconds, seconds))


def test_what_is_there_at_first_is_no_change(file):
    async def scenario(watching):
        assert await watching.changes(60) == 0

    watch(scenario, file)


def test_a_write_is_one_change(file):
    async def scenario(watching):
        file.write_text("models: {a: {cmd: x}}\n")
        assert await watching.changes() == 1
        assert await watching.changes(60) == 0

    watch(scenario, file)


def test_a_touch_is_a_change_that_others_may_find_to_be_none(file):
    async def scenario(watching):
        set_time(file, 1_000_000_000)
        assert await watching.changes() == 1

    watch(scenario, file)


@pytest.mark.parametrize("text", ["models: {aaaa: {}}\n", "models: []\n"], ids=["another size", "the same size"])
def test_an_edit_that_keeps_the_modification_time_is_noticed(file, text):
    set_time(file, 1_000_000_000)

    async def scenario(watching):
        file.write_text(text)
        set_time(file, 1_000_000_000)
        assert await watching.changes() == 1

    watch(scenario, file)


def test_a_file_replaced_by_renaming_is_noticed(file, tmp_path):
    async def scenario(watching):
        new = tmp_path / "new"
        new.write_text("models: []\n")
        new.replace(file)
        assert await watching.changes() == 1

    watch(scenario, file)


def test_the_swap_of_a_link_in_the_way_of_kubernetes_is_noticed(tmp_path):
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "config.yaml").write_text(f"# {version}\n")
        set_time(tmp_path / version / "config.yaml", 1_000_000_000)
    data, file = tmp_path / "..data", tmp_path / "config.yaml"
    data.symlink_to("v1")
    file.symlink_to("..data/config.yaml")

    async def scenario(watching):
        new = tmp_path / "..data_tmp"
        new.symlink_to("v2")
        new.replace(data)
        assert await watching.changes() == 1

    watch(scenario, file)


def test_a_file_that_goes_is_no_change_and_one_that_comes_back_is(file):
    async def scenario(watching):
        file.unlink()
        assert await watching.changes(60) == 0
        file.write_text("models: {b: {}}\n")
        assert await watching.changes() == 1

    watch(scenario, file)


def test_a_file_that_is_not_there_at_first_is_noticed_when_it_comes(tmp_path):
    file = tmp_path / "later.yaml"

    async def scenario(watching):
        assert await watching.changes(60) == 0
        file.write_text("models: {}\n")
        assert await watching.changes() == 1

    watch(scenario, file)


def test_a_file_still_being_written_is_waited_for(file):
    async def scenario(watching):
        with file.open("w") as writing:
            for _ in range(4):
                print("# half", file=writing, flush=True)
                step = INTERVAL_SECONDS if watching.clock.now() == 0 else SETTLING_SECONDS / 2
                assert await watching.changes(step) == 0, "it changed since it was last looked at"
            print("models: {}", file=writing, flush=True)
        assert await watching.changes() == 1
        assert await watching.changes(60) == 0

    watch(scenario, file)


def test_somebody_who_never_stops_writing_is_not_waited_for(file):
    async def scenario(watching):
        changes = 0
        for number in range(round(2 * LONGEST_SETTLING_SECONDS / SETTLING_SECONDS) + 10):
            file.write_text(f"# {number}\n")
            changes += await watching.changes(SETTLING_SECONDS)
        assert changes >= 1

    watch(scenario, file)


def test_fragments_are_added_changed_and_removed(file, folder):
    async def scenario(watching):
        (folder / "b.yml").write_text("b: 1\n")
        assert await watching.changes() == 1
        (folder / "a.yaml").write_text("a: 22\n")
        assert await watching.changes() == 1
        (folder / "a.yaml").unlink()
        assert await watching.changes() == 1
        assert await watching.changes(60) == 0

    watch(scenario, file, folder)


@pytest.mark.parametrize("with_file", [True, False])
def test_what_is_no_yaml_in_the_folder_is_not_looked_at(file, folder, with_file):
    async def scenario(watching):
        (folder / "notes.txt").write_text("x")
        (folder / ".a.yaml.swp").write_text("x")
        (folder / "deeper").mkdir()
        (folder / "deeper" / "c.yaml").write_text("c: 1\n")
        assert await watching.changes(60) == 0

    watch(scenario, file if with_file else None, folder)


@pytest.mark.parametrize("with_folder", ["emptied", "gone"])
def test_a_folder_that_is_empty_for_a_moment_is_no_change(folder, with_folder):
    async def scenario(watching):
        (folder / "a.yaml").unlink()
        if with_folder == "gone":
            folder.rmdir()
        assert await watching.changes(60) == 0
        folder.mkdir(exist_ok=True)
        (folder / "a.yaml").write_text("a: 2\n")
        assert await watching.changes() == 1

    watch(scenario, None, folder)


def test_beside_an_empty_folder_the_file_is_watched_all_the_same(file, folder):
    (folder / "a.yaml").unlink()

    async def scenario(watching):
        file.write_text("models: {a: {}}\n")
        assert await watching.changes() == 1
        (folder / "b.yaml").write_text("b: 1\n")
        assert await watching.changes() == 1
        (folder / "b.yaml").unlink()
        assert await watching.changes(60) == 0, "emptied: somebody's moment"
        file.write_text("models: {b: {}}\n")
        assert await watching.changes() == 1

    watch(scenario, file, folder)
