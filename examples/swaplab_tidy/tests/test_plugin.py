"""The plugin keeps the contract of plugins, and plans what it should: without a daemon, and without a disk."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

import pytest
from swaplab_tidy.plugin import Clean, Settings, Tidy, clean

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import Command, Plan, Step
from swaplab_core.testing.contracts.plugin import PluginContract
from swaplab_core.testing.fake_lab import FakeLab

SETTINGS = Settings(folders=("/srv/cache", "~/models"))


class TestTidy(PluginContract):
    name = "tidy"
    plugin = Tidy
    settings = SETTINGS
    targets = ("/srv/cache", "/etc")


def test_old_files_of_a_folder_are_removed_by_find():
    argv = ("find", "/srv/cache/", "-type", "f", "-mtime", "+30", "-print", "-delete")
    step = Step("Remove old files", Command(argv, cwd=PurePosixPath("/")), timeout_seconds=3600)
    assert clean("/srv/cache", 30) == Plan((step,), locks=frozenset({"folder:/srv/cache"}))


def test_a_folder_that_is_not_in_the_settings_is_left_alone():
    (action,) = Tidy().swaplab_actions(FakeLab({"tidy": SETTINGS}))
    with pytest.raises(InvalidRequest, match="is not one of the folders"):
        action.plan(Clean(), "/etc")


def test_without_folders_there_is_nothing_to_do():
    (action,) = Tidy().swaplab_actions(FakeLab())
    assert action.spec.unavailable == "no folder is set up"


def test_a_full_disk_is_found(tmp_path):
    (check,) = Tidy().swaplab_diagnostics(FakeLab({"tidy": Settings((str(tmp_path),), full=1)}))
    (finding,) = asyncio.run(check.run())
    assert "% full" in finding.message
