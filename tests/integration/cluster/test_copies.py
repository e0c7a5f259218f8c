"""Models copied from node to node: real rsync, between two real sshd."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest
from cluster_jobs import begin, ended
from node_models import sim_on
from running_swaplab import Swaplab, running_swaplab

from swaplab_cluster.testing_machines import Machine, Room, running_machines
from swaplab_cluster.testing_sshd import find_sshd, make_key, public_key
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

REPO = "models--org--name"
HUB = ".cache/huggingface/hub"
WEIGHTS = os.urandom(24 * 2**20)
MIB = 2**20


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_machines(tmp_path_factory.mktemp("room"), program, 3) as room:
        yield room


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, room):
    folder = tmp_path_factory.mktemp("control")
    (folder / "cluster-inventory.yaml").write_text(room.inventory())
    keys = {"sshIdentity": str(room.identity), "copyIdentity": str(room.identity)}
    cluster = {**keys, "knownHosts": str(room.known_hosts), "collectSeconds": 0}
    models = {"user": sim_on("m1", "127.0.0.21", "--model", "org/name")}
    with running_swaplab(folder, models, plugins={"cluster": cluster}) as running:
        yield running


@pytest.fixture(scope="module")
def source(room):
    """A whole repository on the first machine."""
    repo = room.machines["m1"].home / HUB / REPO
    revision = repo / "snapshots" / "abc123"
    revision.mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    for name, content in (("model.safetensors", WEIGHTS), ("tokenizer.json", b"{}" * 5000)):
        blob = hashlib.sha256(content).hexdigest()
        (repo / "blobs" / blob).write_bytes(content)
        (revision / name).symlink_to(f"../../blobs/{blob}")
    return repo


def cells(swaplab: Swaplab) -> dict[str, dict[str, str]]:
    return dict(swaplab.ask("GET", "/api/plugins/cluster/view/cache").json()["cells"].get(REPO, {}))


def largest(folder: Path) -> int:
    """The size of the largest file that has arrived, whatever it is called until it is whole."""
    return max((file.stat().st_size for file in folder.rglob("*") if file.is_file()), default=0)


def arrived(machine: Machine) -> Path:
    return machine.home / HUB / REPO


def test_a_copy_that_is_cut_goes_on_where_it_ended_and_every_file_is_verified(room: Room, swaplab, source):
    target = room.machines["m2"]
    slow = begin(swaplab, "copy_model", repo=REPO, source="m1", targets=["m2"], limit=4)
    wait_until(lambda: largest(arrived(target)) > 6 * MIB, "a quarter of the weights")
    target.cut_off()
    ended(swaplab, slow, "failed")
    kept = arrived(target) / "blobs" / ".rsync-partial"
    wait_until(lambda: largest(kept) > 6 * MIB, "what has arrived, kept beside the files")
    target.start()
    assert cells(swaplab)["m2"]["state"] == "warn"
    assert "incomplete" in cells(swaplab)["m2"]["text"]

    said = ended(swaplab, begin(swaplab, "copy_model", repo=REPO, source="m1", targets=["m2"]))
    assert f"every file of {REPO} is what it is called" in said
    sent = int(re.findall(r"sent ([\d,]+) bytes", said)[-1].replace(",", ""))
    assert sent < len(WEIGHTS) - 5 * MIB, "what was there already was not sent again"
    assert "on 127.0.1.22 port" in target.log(), "it came over the data network"
    assert (arrived(target) / "snapshots/abc123/model.safetensors").read_bytes() == WEIGHTS
    assert not kept.exists()
    assert [cells(swaplab)[node]["state"] for node in ("m1", "m2", "m3")] == ["ok", "ok", "na"]


def test_a_file_that_arrived_otherwise_than_it_is_called_fails_the_copy(room: Room, swaplab, source):
    [blob] = (file for file in (source / "blobs").iterdir() if file.stat().st_size < MIB)
    whole = blob.read_bytes()
    blob.write_bytes(whole[::-1])
    try:
        job = begin(swaplab, "copy_model", repo=REPO, source="m1", targets=["m3"])
        assert f"wrong: {blob.name}" in ended(swaplab, job, "failed")
    finally:
        blob.write_bytes(whole)


def test_a_target_that_shows_another_host_key_gets_nothing(room: Room, swaplab, source, tmp_path):
    make_key(tmp_path / "stranger")
    target, pins = room.machines["m3"], room.known_hosts.read_text()
    cells(swaplab)  # the daemon is connected with every machine
    room.known_hosts.write_text(pins.replace(target.host_key, public_key(tmp_path / "stranger")))
    before = target.log().count("Accepted publickey")
    try:
        job = begin(swaplab, "copy_model", repo=REPO, source="m1", targets=["m3"])
        assert "Host key verification failed" in ended(swaplab, job, "failed")
    finally:
        room.known_hosts.write_text(pins)
    assert target.log().count("Accepted publickey") == before


def test_deleting_tells_first_who_uses_it_and_takes_it_from_the_named_node_only(room: Room, swaplab, source):
    mine, copied = room.machines["m1"], room.machines["m2"]
    ended(swaplab, begin(swaplab, "copy_model", repo=REPO, source="m1", targets=["m2"]))
    assert swaplab.chat("user").status == 200
    wish = {"input": {"repo": REPO, "nodes": ["m1"]}, "target": ""}
    told = swaplab.ask_as_admin("POST", "/api/actions/cluster:delete_model?dry_run=1", json_body=wish).json()
    assert told["warnings"] == ["the model user uses it, and runs on m1"]
    ended(swaplab, begin(swaplab, "delete_model", repo=REPO, nodes=["m2"]))
    assert not arrived(copied).exists()
    assert arrived(mine).exists()
    nodes = {node["node"]: node["models"] for node in swaplab.ask("GET", "/api/cluster/cache").json()["nodes"]}
    assert [model["repo"] for model in nodes["m1"]] == [REPO]
    assert nodes["m1"][0]["complete"]
    assert nodes["m2"] == []
