"""The executor `local`: this machine. The process groups themselves are in `processes`."""

from __future__ import annotations

from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin.interface import Executor
from swaplab_core.plugin.lab import Sink
from swaplab_core.ports import ExitStatus, Process


class LocalExecutor(Executor):
    """Runs things where swaplab itself runs."""

    name = "local"
    title = "This machine"

    def __init__(self, processes: LocalProcesses) -> None:
        self.processes = processes

    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:  # noqa: ARG002 - there is one
        """Start an engine."""
        return await self.processes.start(spec, output)

    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:  # noqa: ARG002 - ABC
        """Run a command."""
        try:
            return await self.processes.run(command, stdout, stderr)
        except StartFailed as error:
            raise NodeError(error.message, advice=error.advice) from error
