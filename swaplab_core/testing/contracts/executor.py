"""What every `Executor` must do with a command. Its `start` gives processes: see `ProcessesContract` for those.

The programs are POSIX shell, so that they run wherever an executor reaches. Times are short.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest

from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import Executor, ExitStatus
from swaplab_core.testing.contracts.scenario import Contract
from swaplab_core.testing.output import Output
from swaplab_core.testing.waiting import wait_until_async


class ExecutorWorld(Protocol):
    """An executor under test, a node it reaches, and a look at that node's processes."""

    @property
    def executor(self) -> Executor:
        """The executor under test."""
        ...

    @property
    def node(self) -> Node:
        """A machine that it reaches."""
        ...

    def is_alive(self, pid: int) -> bool:
        """Is there a process of that number on the node, zombies not counted?"""
        ...


def shell(text: str, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> ReadyCommand:
    """A small program."""
    return ReadyCommand(("/bin/sh", "-c", text, "sh", *arguments), env=env or {}, stdin=stdin)


class ExecutorContract(Contract[ExecutorWorld]):
    """Inherit and implement `world`."""

    def test_a_command_answers_its_output_and_its_exit_code(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            status, out, err = await ran(world, shell("printf 'one\\ntwo'; printf three >&2; exit 7"))
            assert status == ExitStatus(code=7)
            assert out == b"one\ntwo"
            assert err == b"three"

        self.run(scenario)

    def test_the_order_is_kept_when_both_outputs_are_one(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            both = Output()
            command = shell("echo one; echo two >&2; echo three")
            await world.executor.run(world.node, command, both, both)
            assert both.data.replace(b"\r", b"") == b"one\ntwo\nthree\n"

        self.run(scenario)

    @pytest.mark.parametrize("argument", ["plain", "two words", "$HOME", "a;b", "'", '"', "*", "`id`", "-n", "ñ☃", ""])
    def test_arguments_arrive_as_they_are(self, argument: str) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            _, out, _ = await ran(world, shell('printf "%s|" "$@"', argument, "end"))
            assert out.decode() == f"{argument}|end|"

        self.run(scenario)

    def test_the_environment_is_added_and_never_seen_in_an_argv(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            look = 'printf %s "$TOKEN"; cat /proc/[0-9]*/cmdline >&2 2>/dev/null; true'
            _, out, err = await ran(world, shell(look, env={"TOKEN": "sesame 'open'"}))
            assert out == b"sesame 'open'"
            assert b"sesame" not in err

        self.run(scenario)

    def test_a_command_can_read_exactly_what_it_was_given(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            text = b"line\n" * 50_000
            _, out, _ = await ran(world, shell("cat", stdin=text))
            assert out == text
            _, out, _ = await ran(world, shell("cat"))
            assert out == b""

        self.run(scenario)

    def test_a_missing_program_is_the_fault_of_the_command(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            """Some executors know before they start it, a shell at the other end tells with 127."""
            try:
                status, _, said = await ran(world, ReadyCommand(("no-such-program-anywhere",)))
            except NodeError as error:
                status, said = ExitStatus(code=127), str(error).encode()
            assert status == ExitStatus(code=127)
            assert b"no-such-program-anywhere" in said

        self.run(scenario)

    def test_a_cancelled_command_leaves_no_process(self) -> None:
        async def scenario(world: ExecutorWorld) -> None:
            output = Output()
            command = shell("sleep 600 & echo $$ $!; wait")
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(world.executor.run(world.node, command, output, output))
                (said,) = await output.wait_for_lines(1)
                pids = [int(pid) for pid in said.split()]
                assert all(map(world.is_alive, pids))
                running.cancel()
            assert running.cancelled()
            await wait_until_async(lambda: not any(map(world.is_alive, pids)), "both processes to be gone")

        self.run(scenario)


async def ran(world: ExecutorWorld, command: ReadyCommand) -> tuple[ExitStatus, bytes, bytes]:
    """Run a command; answer how it ended and what it printed."""
    out, err = Output(), Output()
    status = await world.executor.run(world.node, command, out, err)
    return status, bytes(out.data), bytes(err.data)
