"""From nothing to a cluster, as a user does it: machines are found, added, pinned, looked at, and removed again."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_jobs import begin, ended, job
from running_swaplab import Swaplab, running_swaplab

from swaplab_cluster.host_keys import fingerprint, pinned
from swaplab_cluster.testing_machines import running_machines
from swaplab_cluster.testing_sshd import find_sshd
from swaplab_core.testing.require import require


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_machines(tmp_path_factory.mktemp("room"), program, 2) as room:
        yield room


def status(swaplab: Swaplab) -> dict[str, object]:
    return dict(swaplab.ask("GET", "/api/cluster/status?view=summary&force=1").json())


def preview(swaplab: Swaplab, action: str, target: str = "", **form: object):
    body = {"input": form, "target": target}
    return swaplab.ask_as_admin("POST", f"/api/actions/cluster:{action}?dry_run=1", json_body=body)


def test_machines_are_found_added_pinned_and_removed(room, tmp_path: Path):
    first = room.machines["m1"]
    cluster = {"sshIdentity": str(room.identity), "collectSeconds": 0}
    with running_swaplab(tmp_path, {}, plugins={"cluster": cluster}) as swaplab:
        assert status(swaplab)["overall"] == "solo"
        found = begin(swaplab, "discover", network="127.0.0.20/30", port=first.port)
        said = ended(swaplab, found)
        assert "2 machines answer, 2 of them are not enrolled" in said
        assert job(swaplab, found)["result"]["new"] == ["127.0.0.21", "127.0.0.22"]
        assert status(swaplab)["overall"] == "solo", "what is found is only proposed"

        for machine in room.machines.values():
            entry = {"controlIp": machine.address, "dataIp": machine.data_address, "sshPort": machine.port}
            ended(swaplab, begin(swaplab, "add_node", id=machine.id, **entry))
        assert (tmp_path / "cluster-inventory.yaml").read_text().count("control_ip") == 2
        unpinned = status(swaplab)
        assert unpinned["overall"] == "degraded"
        assert all("is not pinned" in node["sshError"] for node in unpinned["nodes"])

        [key] = pinned(f"m1 {first.host_key}", "m1", 22)
        shown = preview(swaplab, "enrol", "m1")
        assert key.fingerprint in shown.text, "a person compares it before"
        other = preview(swaplab, "enrol", "m1", fingerprint=fingerprint(b"somebody else"))
        assert other.status == 409
        assert "this is not the machine" in other.text
        for name in room.machines:
            ended(swaplab, begin(swaplab, "enrol", name))
        assert status(swaplab)["overall"] == "healthy"

        ended(swaplab, begin(swaplab, "remove_node", "m2"))
        assert [node["id"] for node in status(swaplab)["nodes"]] == ["m1"]
