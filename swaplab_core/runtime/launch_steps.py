"""Runs the commands that a launch needs before its process and after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from swaplab_core.domain.errors import StartFailed, SwaplabError
from swaplab_core.domain.node import NodeId
from swaplab_core.domain.plan import ReadyCommand, Step
from swaplab_core.ports import Commands, ExitStatus

Heard = Callable[[bytes], None]


class NoCommands:
    """Runs nothing: for launches that need nothing done."""

    async def run(self, node: NodeId, command: ReadyCommand, stdout: Heard, stderr: Heard) -> ExitStatus:  # noqa: ARG002 - port
        """Refuse."""
        raise StartFailed(f"nothing here runs {command.argv[0]}")


NO_COMMANDS = NoCommands()


async def run_step(commands: Commands, step: Step, heard: Heard) -> str:
    """Run one step and answer what went wrong, "" for nothing.

    What an optional step prints goes nowhere: "no such container" is good news, and must not stand among the last
    lines of an engine that failed.
    """
    assert step.command is not None, "steps of a launch are commands"
    output = _discard if step.optional else heard
    try:
        async with asyncio.timeout(step.timeout_seconds):
            status = await commands.run(step.node, step.command.ready(os.environ), output, output)
    except TimeoutError:
        return f"not done after {step.timeout_seconds:g} s"
    except SwaplabError as error:
        return str(error)
    return "" if status.code == 0 else str(status)


def _discard(_: bytes) -> None:
    pass
