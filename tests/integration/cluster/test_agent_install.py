"""The agent, installed over ssh on a machine of its own, and then used: the whole plan, step after step, for real.

Without a network: pip gets what the agent needs from a folder. Where no systemd runs, a stand-in reads the unit and
starts what it says, as `systemctl --user` would.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_jobs import begin, ended, job
from node_models import sim_on
from running_swaplab import Swaplab, running_swaplab
from wheelhouse import make_wheelhouse

from swaplab_cluster.testing_machines import Machine, Room, running_machines
from swaplab_cluster.testing_sshd import find_sshd
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

pytestmark = [pytest.mark.nightly]

SYSTEMCTL = r"""unit=$HOME/.config/systemd/user/swaplab-agent.service
case "$1 $2" in
    "--user daemon-reload") test -f "$unit" ;;
    "--user enable") test "$3" = swaplab-agent.service ;;
    "--user restart")
        line=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s|%h|$HOME|g; s|%%|%|g")
        setsid sh -c "exec $line" >"$HOME/agent.log" 2>&1 &
        ;;
    *) exit 1 ;;
esac"""


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[Room]:
    program = require("ssh", find_sshd(), "apt install openssh-server")
    folder = tmp_path_factory.mktemp("install")
    wheels = make_wheelhouse(folder / "wheels", "swaplab-core", "swaplab-cluster")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_COMPILE": "1"}
    with running_machines(folder, program, 1, environment=offline) as room:
        machine = room.machines["m1"]
        machine.install("loginctl", 'test "$1" = enable-linger')
        machine.install("systemctl", SYSTEMCTL)
        yield room


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, room) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("control")
    port = find_free_port(room.machines["m1"].address)
    (folder / "cluster-inventory.yaml").write_text(room.inventory(f", executor: ssh, agent_port: {port}"))
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text("of this test, and long enough to be one\n")
    cluster = {
        "sshIdentity": str(room.identity),
        "knownHosts": str(room.known_hosts),
        "agentTokenFile": str(folder / "token"),
        "agentAllow": [sys.executable],
        "collectSeconds": 0,
    }
    with running_swaplab(folder, {"a": sim_on("m1", "127.0.0.21")}, plugins={"cluster": cluster}) as running:
        yield running


def test_an_agent_is_installed_over_ssh_and_then_runs_the_models(room: Room, swaplab: Swaplab):
    machine = room.machines["m1"]
    name = begin(swaplab, "install_agent", "m1")
    said = ended(swaplab, name, seconds=200.0)
    assert "of this test" not in said, "the token is in no log"
    assert "of this test" not in str(job(swaplab, name))
    token = machine.home / ".config/swaplab-agent/token"
    assert token.read_text() == "of this test, and long enough to be one\n"
    assert token.stat().st_mode & 0o777 == 0o600
    wait_until(lambda: "swaplab-agent listens on" in agent_log(machine), "the agent to listen")

    pin = re.findall(r"^[0-9a-f]{64}$", said, re.MULTILINE)[-1]
    file = swaplab.config.parent / "cluster-inventory.yaml"
    file.write_text(file.read_text().replace("executor: ssh", f"executor: agent, agent_pin: {pin}"))
    status = swaplab.ask("GET", "/api/cluster/status?include=metrics&force=1").json()["nodes"][0]
    assert (status["executor"], status["sshOk"], status.get("error")) == ("agent", True, None)
    assert status["memory"]["totalMiB"] > 0
    assert swaplab.chat("a").status == 200
    with_agent = f"{machine.home}/.local/share/swaplab-agent/bin/"
    assert any(with_agent in line for line in ancestors(swaplab.model("a")["pid"])), "the agent is what runs it"

    file.write_text(file.read_text().replace(pin, "00" * 32))
    refused = swaplab.ask("GET", "/api/cluster/status?force=1").json()["nodes"][0]
    assert "another certificate" in refused["sshError"]


def agent_log(machine: Machine) -> str:
    file = machine.home / "agent.log"
    return file.read_text() if file.exists() else ""


def ancestors(pid: int) -> list[str]:
    """The command lines of a process's parents."""
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(Path(f"/proc/{pid}/cmdline").read_text())
    return found


def test_without_a_service_the_job_says_how_the_agent_is_started(room: Room, swaplab: Swaplab):
    file = swaplab.config.parent / "cluster-inventory.yaml"
    file.write_text(re.sub(r"executor: agent, agent_pin: \w+", "executor: ssh", file.read_text()))
    assert swaplab.ask("GET", "/api/cluster/status?force=1").json()["overall"] == "healthy"
    said = ended(swaplab, begin(swaplab, "install_agent", "m1", service=False), seconds=200.0)
    assert "start it there with: ~/.local/share/swaplab-agent/bin/swaplab-agent --listen :" in said
    assert "systemctl" not in said
