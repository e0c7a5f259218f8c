"""DGX updates over ssh and through an agent: a real drain, machines that really go and come back with another boot id.

What stands in is what only a DGX has: its update service (`busctl`), and the right to ask it (`sudo`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_jobs import ended, job, log_of
from node_models import alone, sim_on
from running_swaplab import Swaplab, event_data, running_swaplab

from swaplab_cluster.testing_agents import RealAgent, running_agent
from swaplab_cluster.testing_machines import Room, booting, can_reboot, install, running_machines
from swaplab_cluster.testing_sshd import find_sshd
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

SUDO = """while [ $# -gt 0 ]; do case $1 in -n) shift ;; -u) shift 2 ;; *) break ;; esac; done
exec "$@\""""
BUSCTL = """case $* in
    *"com.nvidia.dgx.dashboard.admin1 UpdateAndReboot") echo asked >>"$HOME/asked" ;;
    *) exit 1 ;;
esac"""
UPDATED = ["Drain {0}", "Update {0} and reboot it", "Wait until {0} is back", "Undrain {0}"]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[Room]:
    program = require("ssh", find_sshd(), "apt install openssh-server")
    require("namespaces", can_reboot(), "run as root, with util-linux")
    with running_machines(tmp_path_factory.mktemp("dgx"), program, 3, boots=True) as room:
        for machine in room.machines.values():
            machine.install("sudo", SUDO)
            machine.install("busctl", BUSCTL)
        yield room


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, room) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("control")
    here = "  - {id: here, executor: local, data_ip: 127.0.0.1, control_ip: 127.0.0.1}\n"
    (folder / "cluster-inventory.yaml").write_text(room.inventory() + here)
    cluster = {"sshIdentity": str(room.identity), "knownHosts": str(room.known_hosts), "collectSeconds": 0}
    models = {
        "a": sim_on("m1", "127.0.0.21", "--tokens", "60", "--tokens-per-second", "40"),
        "b": sim_on("m2", "127.0.0.22"),
    }
    with running_swaplab(folder, models, plugins={"cluster": cluster}, **alone(*models)) as running:
        yield running


def confirmed(swaplab: Swaplab, *targets: str) -> str:
    """Ask for an update as a user must: once to be told, once more with the word; answers the job."""
    body = {"targets": list(targets)}
    told = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body=body)
    assert told.status == 409, told.text
    again = {**body, "confirm": told.json()["confirm"]}
    answer = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body=again)
    assert answer.status == 202, answer.text
    return str(answer.json()["job"])


def asked(home: Path) -> int:
    """How often the update service of the machine with this home was told to update."""
    file = home / "asked"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_one_machine_after_the_other_is_drained_updated_and_waited_for(room: Room, swaplab: Swaplab):
    first, second = room.machines["m1"], room.machines["m2"]
    assert swaplab.chat("b").status == 200
    with swaplab.streaming("a") as stream:
        name = confirmed(swaplab, "m1", "m2")
        drained = wait_until(lambda: answer if (answer := swaplab.chat("a")).status != 200 else None, "the drain")
        assert drained.status == 503
        assert "m1 is drained: its system is being updated" in drained.error["message"]
        assert asked(first.home) == 0, "somebody is being served there"
        assert event_data(stream.read())[-1] == "[DONE]", "what ran was not cut off"
    wait_until(lambda: asked(first.home), "the update of the first machine")
    assert swaplab.model("a")["state"] == "stopped"
    first.crash()
    wait_until(lambda: "m1 has gone" in log_of(swaplab, name), "the loss to be noticed")
    assert (swaplab.chat("b").status, asked(second.home)) == (200, 0), "the other machine serves on"
    first.start()
    wait_until(lambda: asked(second.home), "the update of the second machine")
    assert swaplab.model("b")["state"] == "stopped"
    assert swaplab.chat("a").status == 200, "the first machine takes models again"
    second.crash()
    second.start()
    ended(swaplab, name)
    assert job(swaplab, name)["steps"] == [title.format(node) for node in ("m1", "m2") for title in UPDATED]
    assert (asked(first.home), asked(second.home), asked(room.machines["m3"].home)) == (1, 1, 0)
    assert swaplab.ask("GET", "/api/drain").json() == {"nodes": [], "models": []}


def test_the_first_machine_that_fails_ends_it_and_stays_drained(room: Room, swaplab: Swaplab):
    broken, next_one = room.machines["m1"], room.machines["m3"]
    broken.install("busctl", "echo 'Call failed: Access denied' >&2; exit 1")
    name = confirmed(swaplab, "m1", "m3")
    said = ended(swaplab, name, "failed")
    assert "Call failed: Access denied" in said
    assert "m1: the update answered exit code 1" in str(job(swaplab, name))
    assert [drain["node"] for drain in swaplab.ask("GET", "/api/drain").json()["nodes"]] == ["m1"]
    assert asked(next_one.home) == 0
    assert swaplab.ask_as_admin("DELETE", "/api/drain?node=m1").status == 200


def test_this_machine_is_updated_only_when_that_is_said(room: Room, swaplab: Swaplab):
    def ask(**body: object):
        return swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body=body)

    refused = ask(targets=["here", "m3"])
    assert refused.status == 400
    assert "here is the machine that swaplab itself runs on" in refused.text
    told = ask(targets=["here", "m3"], includeController=True)
    assert [one["node"] for one in told.json()["plan"]] == ["m3", "here"], "it comes last"


class Booted:
    """A machine whose agent can be ended and booted again; `folder` is its home, token and certificate."""

    def __init__(self, folder: Path, address: str, stack: contextlib.ExitStack) -> None:
        self.home, self.address, self.port = folder, address, find_free_port(address)
        self._stack = stack
        install(folder, "sudo", SUDO)
        install(folder, "busctl", BUSCTL)

    def start(self) -> RealAgent:
        """Boot: with another boot id each time."""
        own = ("env", f"HOME={self.home}", f"PATH={self.home}/bin:{os.environ['PATH']}", *booting(self.home))
        agent = running_agent(self.home, self.address, [sys.executable], port=self.port, prefix=own)
        return self._stack.enter_context(agent)


@pytest.mark.nightly
def test_the_agent_of_a_machine_updates_it_and_is_waited_for(tmp_path):
    require("namespaces", can_reboot(), "run as root, with util-linux")
    with contextlib.ExitStack() as stack:
        machine = Booted(tmp_path / "m1", "127.0.0.31", stack)
        agent = machine.start()
        where = f"data_ip: {agent.address}, control_ip: {agent.address}"
        (tmp_path / "cluster-inventory.yaml").write_text(
            f"nodes:\n  - {{id: m1, {where}, agent_port: {agent.port}, agent_pin: {agent.pin}}}\n"
        )
        cluster = {"execMode": "agent", "agentTokenFile": str(agent.token_file), "collectSeconds": 0}
        models = {"a": sim_on("m1", agent.address, "--tokens", "40", "--tokens-per-second", "40")}
        swaplab = stack.enter_context(running_swaplab(tmp_path, models, plugins={"cluster": cluster}))
        with swaplab.streaming("a") as stream:
            name = confirmed(swaplab, "m1")
            drained = wait_until(lambda: answer if (answer := swaplab.chat("a")).status != 200 else None, "the drain")
            assert "m1 is drained: its system is being updated" in drained.error["message"]
            assert asked(machine.home) == 0, "somebody is being served there"
            assert event_data(stream.read())[-1] == "[DONE]", "what ran was not cut off"
        wait_until(lambda: asked(machine.home), "the update")
        assert swaplab.model("a")["state"] == "stopped"
        agent.process.kill_group()
        wait_until(lambda: "m1 has gone" in log_of(swaplab, name), "the loss to be noticed")
        assert swaplab.chat("a").status == 503, "it is still drained"
        machine.start()
        assert "m1 is back" in ended(swaplab, name)
        assert job(swaplab, name)["steps"] == [title.format("m1") for title in UPDATED]
        assert asked(machine.home) == 1
        assert swaplab.ask("GET", "/api/drain").json() == {"nodes": [], "models": []}
        assert swaplab.chat("a").status == 200
