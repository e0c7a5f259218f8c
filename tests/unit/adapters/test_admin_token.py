"""The admin token on disk, and to whom the commands send it."""

from __future__ import annotations

import json
import os
import pwd
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from swaplab_core.adapters.admin_token import BadTokenFolder, NoTokenFolder, TokenFolder
from swaplab_core.adapters.state_folder import state_home

URL = "http://127.0.0.1:8080"


@pytest.fixture
def folder(tmp_path):
    return TokenFolder(tmp_path / "deep" / "state")


def test_it_is_made_once_and_only_its_owner_can_read_it(folder):
    token = folder.admin_token()

    file = folder.path / "admin-token"
    assert TokenFolder(folder.path).admin_token() == token == file.read_text()
    assert len(token) > 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert [path.name for path in folder.path.iterdir()] == ["admin-token"]


def test_daemons_that_start_at_the_same_time_agree_on_one(folder):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: TokenFolder(folder.path).admin_token(), range(64)))) == 1


def test_one_that_others_can_read_is_not_used(folder):
    folder.admin_token()
    (folder.path / "admin-token").chmod(0o640)

    with pytest.raises(BadTokenFolder, match=r"can be read by others \(mode 640\) \(remove it, and a new"):
        folder.admin_token()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_one_of_somebody_else_is_not_used(folder):
    folder.admin_token()
    os.chown(folder.path / "admin-token", 12345, -1)

    with pytest.raises(BadTokenFolder, match="belongs to somebody else"):
        folder.admin_token()


def test_an_empty_one_is_not_used(folder):
    folder.admin_token()
    (folder.path / "admin-token").write_text("\n")

    with pytest.raises(BadTokenFolder, match="is empty"):
        folder.admin_token()


def test_a_link_in_its_place_is_not_followed(folder, tmp_path):
    other = tmp_path / "other"
    other.write_text("chosen by somebody")
    other.chmod(0o600)
    folder.path.mkdir(parents=True)
    (folder.path / "admin-token").symlink_to(other)

    with pytest.raises(NoTokenFolder):
        folder.admin_token()


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(NoTokenFolder, match=r"cannot be used: .* \(name another with --state-dir\)"):
        TokenFolder(tmp_path / "file" / "below").admin_token()


def test_the_commands_get_it_while_a_daemon_of_the_folder_serves_there_and_nowhere_else(folder):
    token = folder.admin_token()
    assert folder.token_for(URL) == ""

    with folder.serving(URL):
        assert folder.token_for(URL) == token
        assert folder.token_for("https://127.0.0.1:8080/") == token
        for other in (
            "http://127.0.0.1:8081",
            "http://127.0.0.2:8080",
            "http://[::1]:8080",
            "http://evil:8080",
            "x",
            "",
        ):
            assert folder.token_for(other) == ""
    assert folder.token_for(URL) == ""


def test_the_default_ports_need_not_be_written(folder):
    token = folder.admin_token()
    with folder.serving("http://127.0.0.1:80"), folder.serving("https://127.0.0.1:443"):
        assert folder.token_for("http://127.0.0.1") == token
        assert folder.token_for("https://127.0.0.1/") == token


@pytest.mark.parametrize("record", [{"pid": 2**22 - 1, "started": "1"}, {"pid": os.getpid(), "started": "1"}, {}, []])
def test_nobody_gets_it_who_has_taken_the_port_of_a_daemon_that_was_killed(folder, record):
    folder.admin_token()
    with folder.serving(URL):
        (file,) = folder.path.glob("serving-*")
        file.write_text(json.dumps(record))
        assert folder.token_for(URL) == ""


def test_the_record_of_a_later_daemon_is_left_alone(folder):
    folder.admin_token()
    with folder.serving(URL):
        (file,) = folder.path.glob("serving-*")
        file.write_text("another's")
    assert file.read_text() == "another's"


def test_the_place_is_where_the_system_keeps_state(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_home() == tmp_path / "swaplab"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_home() == tmp_path / ".local" / "state" / "swaplab"


def test_without_a_home_it_is_a_place_whose_lack_can_be_told(monkeypatch):
    def nobody(_):
        raise KeyError("no such user")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)

    assert state_home().is_absolute()
