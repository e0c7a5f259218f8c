"""The executor `ssh`: engines and commands on other machines, over the connections of `adapter`."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.resources import files

from swaplab_cluster.programs import Programs
from swaplab_cluster.sessions import Session, Sessions, SshReach
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import Executor, ExitStatus, LabView, Process, Sink


class LateSessions:
    """fabric's sessions, imported when a machine is reached for the first time: they need 15 MB that many never use."""

    def __init__(self) -> None:
        self._real: Sessions | None = None

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Run a command line."""
        if self._real is None:
            adapter = await asyncio.to_thread(import_module, "swaplab_cluster.adapter")
            self._take(adapter.FabricSessions())
        assert self._real is not None
        return await self._real.open(reach, line, stdin, stdout, stderr)

    def _take(self, sessions: Sessions) -> None:
        if self._real is None:  # others may have waited for the same import
            self._real = sessions

    async def close(self) -> None:
        """Close all connections."""
        if self._real is not None:
            await self._real.close()


class SshExecutor(Executor):
    """Runs things on machines with an sshd. `Node.reach` says how they are reached."""

    name = "ssh"
    title = "ssh"

    def __init__(self, lab: LabView, sessions: Sessions | None = None) -> None:
        super().__init__(lab)
        self.sessions: Sessions = sessions or LateSessions()
        self._programs = Programs(self.sessions)
        self._ports = files("swaplab_cluster").joinpath("data/port.sh").read_text(encoding="utf-8")

    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine; it ends with the connection."""
        try:
            reach = _reach(node)
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice) from error
        return await self._programs.start(reach, spec, output)

    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Run a command to its end."""
        return await self._programs.run(_reach(node), command, stdout, stderr)

    async def free_port(self, node: Node, wanted: int) -> int:
        """The wanted port, or the next that nobody listens on there."""
        out = bytearray()
        command = ReadyCommand(("sh", "-c", self._ports, "swaplab-port", str(wanted)))
        status = await self.run(node, command, out.extend, lambda _: None)
        if status.code != 0 or not out.strip().isdigit():
            raise NodeError(f"{node.title} has no free port from {wanted} on", advice="see `ss -tln` there")
        return int(out)

    async def close(self) -> None:
        """Give up all connections."""
        await self.sessions.close()


def _reach(node: Node) -> SshReach:
    if not isinstance(node.reach, SshReach):
        raise NodeError(f"{node.title} is not reached with ssh", advice="look at its entry in the inventory")
    return node.reach
