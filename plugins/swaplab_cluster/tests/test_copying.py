"""The command that copies a model, and real copies between two machines."""

from __future__ import annotations

import pytest

from swaplab_cluster.copying import Login, copy_command, read_progress
from swaplab_cluster.host_keys import HostKey
from swaplab_cluster.inventory import InventoryNode
from swaplab_core.domain.errors import InvalidRequest

REPO = "models--org--name"


def node(name: str, executor: str = "ssh") -> InventoryNode:
    return InventoryNode(id=name, data_ip="192.0.2.2", control_ip="x", proxy_ip="x", ssh_user="ops", executor=executor)


def shell(login: Login) -> str:
    argv = copy_command(node("a"), node("b"), "/c", REPO, login).argv
    return argv[argv.index("--rsh") + 1]


def test_a_copy_goes_over_the_data_network_and_needs_no_shell():
    wanted = copy_command(node("a"), node("b"), "~/.cache/hub/", REPO)
    assert wanted.argv[-2:] == (f".cache/hub/{REPO}/", f"ops@192.0.2.2:.cache/hub/{REPO}/")
    assert str(wanted.cwd) == "~"
    assert copy_command(node("a", "local"), node("b"), "/srv/hub", REPO).argv[-2] == f"/srv/hub/{REPO}/"
    assert "--bwlimit=4m" in copy_command(node("a"), node("b"), "/srv/hub", REPO, limit_mib=4).argv


def test_the_source_is_held_to_the_host_key_that_is_pinned_here():
    keys = [HostKey("ssh-rsa", b"old"), HostKey("ssh-ed25519", b"new")]
    said = shell(Login("~/.ssh/copy", keys))
    assert '-o HostKeyAlias=b -o "KnownHostsCommand=/bin/echo b ssh-ed25519 bmV3"' in said
    assert "-i ~/.ssh/copy" in said
    assert said.endswith("-o StrictHostKeyChecking=yes")
    without = shell(Login())
    assert "KnownHosts" not in without
    assert without.endswith("-o StrictHostKeyChecking=yes")


@pytest.mark.parametrize(
    ("folder", "repo", "identity"),
    [
        ("-e sh", REPO, ""),
        ("~other/hub", REPO, ""),
        ("/c", "../x", ""),
        ("/c", REPO, "-oX"),
        ("/c", REPO, 'a" -o "X=y'),
    ],
)
def test_what_would_be_something_else_to_rsync_or_ssh_is_refused(folder, repo, identity):
    with pytest.raises(InvalidRequest):
        copy_command(node("a"), node("b"), folder, repo, Login(identity))


def test_its_progress_is_read():
    told = read_progress("    132,120,576  45%  112.30MB/s    0:00:01 (xfr#1, to-chk=3/7)")
    assert told is not None
    assert (told.stage, told.fraction) == ("112.30MB/s", 0.45)
    assert read_progress("sending incremental file list") is None
