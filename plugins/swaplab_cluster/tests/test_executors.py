"""Every way to reach machines keeps the contracts of executors and of processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from attrs import define

from swaplab_cluster.adapter import FabricSessions
from swaplab_cluster.agent_executor import AgentExecutor
from swaplab_cluster.sessions import SshReach
from swaplab_cluster.ssh import SshExecutor
from swaplab_cluster.testing import FakeSessions
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.plugin import Executor, Process, Sink
from swaplab_core.testing.contracts import ExecutorContract, ProcessesContract
from swaplab_core.testing.fakes import Behaviour
from swaplab_core.testing.real_behaviour import POLITE_COMMAND, real_spec


@define
class World:
    """An executor and a node, as a world of both contracts."""

    executor: Executor
    node: Node
    polite_command: tuple[str, ...] = POLITE_COMMAND

    @property
    def processes(self) -> World:
        return self

    async def start(self, spec: LaunchSpec, output: Sink) -> Process:
        return await self.executor.start(self.node, spec, output)

    def spec(self, behaviour: Behaviour) -> LaunchSpec:
        return real_spec(behaviour)

    def is_alive(self, pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"


def node(reach: object, executor: str = "ssh") -> Node:
    return Node(NodeId("n2"), "n2", executor, "127.0.0.2", reach=reach)


class Fake:
    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        sessions = FakeSessions()
        reach = SshReach("n2", "127.0.0.2", 22, "", Path("nowhere"))
        try:
            yield World(SshExecutor(None, sessions), node(reach))
        finally:
            await sessions.close()


class OverSsh:
    @pytest.fixture(autouse=True)
    def _sshd(self, sshd_nodes):
        self.sshd = sshd_nodes

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        executor = SshExecutor(None, FabricSessions())
        try:
            yield World(executor, node(self.sshd.reach("127.0.0.2")))
        finally:
            await executor.close()


class TestFakeCommands(Fake, ExecutorContract):
    pass


class TestFakeEngines(Fake, ProcessesContract):
    pass


class TestSshCommands(OverSsh, ExecutorContract):
    pass


class TestSshEngines(OverSsh, ProcessesContract):
    loop_factory = uvloop.new_event_loop


class ThroughAgent:
    @pytest.fixture(autouse=True)
    def _agent(self, agent):
        self.agent = agent

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        executor = AgentExecutor(None)
        try:
            yield World(executor, node(self.agent.reach(), "agent"))
        finally:
            await executor.close()


class TestAgentCommands(ThroughAgent, ExecutorContract):
    loop_factory = uvloop.new_event_loop


class TestAgentEngines(ThroughAgent, ProcessesContract):
    pass
