"""An executor that starts nothing: commands follow a script."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

from attrs import define, field

from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import Executor, ExitStatus, Process, Sink

Program = Callable[[ReadyCommand, Sink, Sink], Awaitable[int]]
"""What a fake program does; it answers its exit code."""


async def _quiet(_: ReadyCommand, __: Sink, ___: Sink) -> int:
    return 0


def prints(*chunks: bytes, code: int = 0) -> Program:
    """A program that prints this and ends."""

    async def program(_: ReadyCommand, stdout: Sink, __: Sink) -> int:
        for chunk in chunks:
            stdout(chunk)
            await asyncio.sleep(0)
        return code

    return program


def hangs(started: asyncio.Event | None = None) -> Program:
    """A program that never ends by itself."""

    async def program(_: ReadyCommand, __: Sink, ___: Sink) -> int:
        if started is not None:
            started.set()
        await asyncio.Event().wait()
        return 0

    return program


@define(eq=False)
class FakeExecutor(Executor):
    """`programs` by their argv[0]; one that is not there ends well at once. `ran` keeps (node, command), in order."""

    name = "fake"
    title = "Fake"

    programs: dict[str, Program] = field(factory=dict)
    ran: list[tuple[Node, ReadyCommand]] = field(factory=list)
    cancelled: list[ReadyCommand] = field(factory=list)
    unreachable: set[str] = field(factory=set)

    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:
        """Not scripted: engines are the business of `FakeProcesses`."""
        raise NotImplementedError

    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Follow the script."""
        if node.id in self.unreachable:
            raise NodeError(f"{node.title} cannot be reached")
        self.ran.append((node, command))
        program = functools.partial(self.programs.get(command.argv[0], _quiet))
        try:
            return ExitStatus(code=await program(command, stdout, stderr))
        except asyncio.CancelledError:
            self.cancelled.append(command)
            raise
