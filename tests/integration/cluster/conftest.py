"""Machines for a daemon: real sshd or real agents on loopback addresses, or in network namespaces."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from attrs import frozen
from node_models import alone, sim_on
from running_swaplab import Swaplab, command, marked_processes, running_swaplab

from swaplab_cluster.testing_agents import RealAgent, running_agent
from swaplab_cluster.testing_netns import can_make_namespaces, namespaces
from swaplab_cluster.testing_sshd import SshdNodes, find_sshd, run_sshd, running_sshd
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

IDS = ("n2", "n3", "n4")


@frozen
class Field:
    """Machines, as an inventory and what the daemon must be told to reach them."""

    folder: Path
    settings: Mapping[str, object]
    environment: Mapping[str, str]
    mark: str
    sshd: SshdNodes | None = None
    executed: bool = False

    @contextlib.contextmanager
    def serving(self, models: Mapping[str, Mapping[str, object]], *, killed: bool = False, **top: object):
        """A daemon with these models; what they start anywhere must have ended at the end of the block."""
        marked = {
            name: {**entry, "env": [*entry.get("env", []), f"SWAPLAB_TEST_MARK={self.mark}"]}
            for name, entry in models.items()
        }
        more = {"plugins": {"cluster": dict(self.settings)}, "executed": self.executed, **top}
        with running_swaplab(self.folder, marked, env=self.environment, killed=killed, **more) as swaplab:
            yield swaplab
        wait_until(lambda: not self.living(), f"processes {self.living()} to be gone")

    def living(self) -> list[int]:
        """Every process that a model has started, on whichever machine."""
        return marked_processes(self.mark)


def inventory(addresses: Sequence[str], more: Sequence[str] | None = None, end: str = "") -> str:
    """An inventory of n2, n3, …; `more` are further keys of each."""
    lines = ["nodes:"]
    for at, address in enumerate(addresses):
        extra = f", {more[at]}" if more else ""
        lines.append(f"  - {{id: {IDS[at]}, data_ip: {address}, control_ip: {address}{extra}}}")
    return "\n".join(lines) + "\n" + end


@pytest.fixture(scope="session")
def sshd_nodes(tmp_path_factory) -> Iterator[SshdNodes]:
    """Three real sshd on 127.0.0.2 to 127.0.0.4."""
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_sshd(tmp_path_factory.mktemp("sshd"), program) as nodes:
        yield nodes


@pytest.fixture
def over_ssh(tmp_path, sshd_nodes) -> Field:
    """Three machines reached with ssh."""
    return field_over_ssh(tmp_path, sshd_nodes)


def field_over_ssh(folder: Path, sshd_nodes: SshdNodes) -> Field:
    """Three machines reached with ssh, for a daemon in this folder."""
    addresses = list(sshd_nodes.processes)
    (folder / "cluster-inventory.yaml").write_text(inventory(addresses, [f"ssh_port: {sshd_nodes.port}"] * 3))
    settings = {
        "knownHosts": str(sshd_nodes.known_hosts),
        "sshIdentity": str(sshd_nodes.identity),
        "collectSeconds": 0,
    }
    return Field(folder, settings, {}, uuid.uuid4().hex, sshd_nodes)


@pytest.fixture(scope="session")
def agents(tmp_path_factory) -> Iterator[dict[str, RealAgent]]:
    """Three agents on 127.0.0.2 to 127.0.0.4 with one token, which allow this Python."""
    folder = tmp_path_factory.mktemp("agents")
    with contextlib.ExitStack() as stack:
        yield {
            node: stack.enter_context(running_agent(folder / node, f"127.0.0.{node[1:]}", [sys.executable]))
            for node in IDS
        }


@pytest.fixture
def through_agents(tmp_path, agents) -> Field:
    """Three machines reached through agents."""
    return field_through_agents(tmp_path, agents)


def field_through_agents(folder: Path, agents: Mapping[str, RealAgent]) -> Field:
    """Three machines reached through agents, and all of them as a gang, for a daemon in this folder."""
    keys = [f"agent_port: {agent.port}, agent_pin: {agent.pin}" for agent in agents.values()]
    addresses = [agent.address for agent in agents.values()]
    gang = "gangs:\n  - {id: trio, nodes: [n2, n3, n4]}\n"
    (folder / "cluster-inventory.yaml").write_text(inventory(addresses, keys, gang))
    token = str(next(iter(agents.values())).token_file)
    environment = {"LLAMA_SWAP_CLUSTER_EXEC_MODE": "agent", "LLAMA_SWAP_AGENT_TOKEN_FILE": token}
    return Field(folder, {}, environment, uuid.uuid4().hex)


@pytest.fixture
def spaces():
    """Two machines in network namespaces; the test is inside, in their hub."""
    program = require("namespaces", can_make_namespaces(), "run as root where network namespaces can be made")
    with namespaces(program, 2) as made, made.inside():
        yield made


@pytest.fixture(params=["ssh", "agent"] if os.environ.get("SWAPLAB_PROFILE") == "nightly" else ["ssh"])
def far(request, tmp_path, spaces) -> Iterator[Field]:
    """The two machines of the namespaces, reached with ssh, and at night through agents as well."""
    if request.param == "agent":
        yield from _with_agents(tmp_path, spaces)
    else:
        yield from _with_sshd(tmp_path, spaces)


def _with_sshd(folder: Path, spaces) -> Iterator[Field]:
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_sshd(folder, program, addresses=()) as made, contextlib.ExitStack() as stack:
        for node in range(spaces.count):
            stack.enter_context(run_sshd(folder, program, spaces.address(node), 22, prefix=spaces.prefix(node)))
        public = " ".join((folder / "hostkey.pub").read_text().split()[:2])
        known = [f"{spaces.address(node)} {public}\n" for node in range(spaces.count)]
        made.known_hosts.write_text("".join(known))
        (folder / "cluster-inventory.yaml").write_text(
            inventory([spaces.address(node) for node in range(spaces.count)])
        )
        settings = {"knownHosts": str(made.known_hosts), "sshIdentity": str(made.identity), "statusSeconds": 0}
        yield Field(folder, settings, {}, uuid.uuid4().hex, executed=True)  # its network is the test's


def _with_agents(folder: Path, spaces) -> Iterator[Field]:
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                running_agent(
                    folder / IDS[node],
                    spaces.address(node),
                    [sys.executable],
                    port=19090,
                    prefix=spaces.prefix(node),
                )
            )
            for node in range(spaces.count)
        ]
        pins = [f"agent_pin: {agent.pin}" for agent in running]
        (folder / "cluster-inventory.yaml").write_text(inventory([agent.address for agent in running], pins))
        settings = {"execMode": "agent", "agentTokenFile": str(running[0].token_file), "statusSeconds": 0}
        yield Field(folder, settings, {}, uuid.uuid4().hex, executed=True)  # its network is the test's


@frozen
class Lab:
    """One daemon for the tests of a file. What a test changes it changes back."""

    field: Field
    swaplab: Swaplab


@pytest.fixture(scope="module")
def ssh_lab(tmp_path_factory, sshd_nodes) -> Iterator[Lab]:
    """Machines over ssh, and models on two of them and here."""
    field = field_over_ssh(tmp_path_factory.mktemp("ssh-lab"), sshd_nodes)
    models = {"a": sim_on("n2", "127.0.0.2"), "b": sim_on("n3", "127.0.0.3"), "local": sim_on("", "127.0.0.1")}
    with field.serving(models, **alone(*models)) as swaplab:
        yield Lab(field, swaplab)


@pytest.fixture(scope="module")
def engines(tmp_path_factory, sshd_nodes, llama_server, tiny_gguf) -> Iterator[Lab]:
    """Real engines on two nodes."""
    engine = {"backend": "llamacpp", "model": str(tiny_gguf("Hello from a node.")), "binary": str(llama_server)}
    models = {
        "engine": {**engine, "node": "n3"},
        "fixed": sim_on("n3", "127.0.0.3"),
        "far": {**engine, "node": "n2"},
        "local": sim_on("", "127.0.0.1"),
    }
    field = field_over_ssh(tmp_path_factory.mktemp("engines"), sshd_nodes)
    with field.serving(models, **alone("far", "local", "engine", "fixed")) as swaplab:
        yield Lab(field, swaplab)


@pytest.fixture(scope="module")
def agent_lab(tmp_path_factory, agents) -> Iterator[Lab]:
    """Machines through agents, models on two of them, and two on all of them as a gang."""
    field = field_through_agents(tmp_path_factory.mktemp("agent-lab"), agents)
    models = {
        "a": sim_on("n2", "127.0.0.2"),
        "b": sim_on("n3", "127.0.0.3"),
        "big": sim_on("trio", "{{address}}"),
        "broken": {"cmd": command("python{{rank}}", "x", "--port", "${PORT}"), "node": "trio"},
    }
    with field.serving(models, **alone(*models)) as swaplab:
        yield Lab(field, swaplab)
