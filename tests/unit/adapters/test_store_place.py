"""A place for the activity that cannot be is a mistake in the configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from swaplab_core.adapters.store_place import check_store_place, why_unwritable
from swaplab_core.config.load import Loaded, Source, load


def loaded_with(path: str) -> Loaded:
    return check_store_place(
        load([Source("c.yaml", f"models: {{}}\nstore:\n  path: '{path}'\n")], environment={}, backends={})
    )


def test_a_file_that_does_not_exist_yet_may_be_made_in_a_folder_that_does(tmp_path):
    assert loaded_with(f"{tmp_path}/new.db").config is not None
    assert not (tmp_path / "new.db").exists(), "only looked at"


def test_a_file_that_exists_and_can_be_written_is_fine(tmp_path):
    (tmp_path / "old.db").touch()

    assert loaded_with(f"{tmp_path}/old.db").config is not None


@pytest.mark.parametrize(
    ("path", "reason"),
    [("gone/new.db", "there is no folder"), ("", "is a folder"), ("file/new.db", "there is no folder")],
)
def test_a_place_that_cannot_be_is_a_problem_at_its_line(tmp_path, path, reason):
    (tmp_path / "file").touch()

    loaded = loaded_with(f"{tmp_path}/{path}")

    assert loaded.config is None
    (problem,) = loaded.problems
    assert (problem.path, problem.line) == ("store.path", 3)
    assert reason in problem.message


def test_what_may_not_be_written_is_told(tmp_path):
    (tmp_path / "old.db").touch()

    def forbidden(_: Path) -> bool:  # what root is told of no file
        return False

    assert why_unwritable(tmp_path / "old.db", forbidden) == f"'{tmp_path}/old.db' cannot be written"
    assert why_unwritable(tmp_path / "new.db", forbidden) == f"nothing can be written into the folder '{tmp_path}'"


def test_without_a_store_there_is_nothing_to_check():
    loaded = load([Source("c.yaml", "models: {}\n")], environment={}, backends={})

    assert check_store_place(loaded) is loaded
