"""One daemon at a time has a state folder; a dead one is in nobody's way, and one that stops is waited for."""

from __future__ import annotations

import json
import os
import socket

import pytest

from swaplab_core.adapters.state_folder import StateFolder, StateFolderInUse


def test_the_lock_of_a_dead_daemon_is_in_nobodys_way(tmp_path):
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "host": socket.gethostname(), "stopping": True}))

    folder = StateFolder(tmp_path)

    assert folder.path == tmp_path
    assert json.loads((tmp_path / "lock").read_text()) == {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "stopping": False,
    }
    folder.close()
    StateFolder(tmp_path).close()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            {"pid": 7, "host": socket.gethostname(), "stopping": False},
            r"swaplab \(process 7\) uses .* with: kill 7, or",
        ),
        (
            {"pid": 1, "host": "a-container", "stopping": False},
            r"\(process 1 on a-container\) uses .*\(stop it there, or",
        ),
        ("an older swaplab, or a full disk", r"another swaplab uses .*\(stop it, or"),
    ],
)
def test_who_has_the_folder_is_named_as_far_as_it_is_known(tmp_path, record, said):
    first = StateFolder(tmp_path)
    (tmp_path / "lock").write_text(json.dumps(record))

    with pytest.raises(StateFolderInUse, match=said):
        StateFolder(tmp_path, patience_seconds=0.0)

    first.close()


def test_one_that_stops_is_waited_for_without_a_limit(tmp_path):
    first, told = StateFolder(tmp_path), []
    first.tell_stopping()

    def tell(message):
        told.append(message)
        first.close()

    second = StateFolder(tmp_path, tell, patience_seconds=0.0)

    assert told == [f"waiting for swaplab {os.getpid()} to stop: it has the state folder {tmp_path}"]
    second.close()


def test_a_folder_that_cannot_be_used_is_replaced_and_the_reason_told(tmp_path):
    (tmp_path / "file").touch()

    folder = StateFolder(tmp_path / "file")

    assert folder.problem == (
        f"the state folder {tmp_path}/file cannot be used (File exists): jobs and history end with this run"
    )
    assert folder.below("jobs").is_dir()
    folder.close()
    assert not folder.path.exists()
