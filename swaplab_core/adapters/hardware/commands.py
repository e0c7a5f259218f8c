"""Running a program for what it prints: bounded in time and size, ended by pid, never waited for by others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define, field, frozen

from swaplab_core.adapters.programs import find_program
from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.ports import Process, Processes

OUTPUT_BYTES = 256 * 1024
"""More than any tool prints about a machine; what comes after is thrown away."""
GRACE_SECONDS = 1.0
ENVIRONMENT = {"LC_ALL": "C"}
"""Numbers are to have a point, and messages to be English."""


@frozen
class Printed:
    """What a program printed, and "" or why that is of no use."""

    text: str
    problem: str = ""


@define
class _Output:
    chunks: list[bytes] = field(factory=list)
    size: int = 0

    def take(self, chunk: bytes) -> None:
        room = OUTPUT_BYTES - self.size
        self.chunks.append(chunk[:room])
        self.size += len(self.chunks[-1])

    def text(self) -> str:
        return b"".join(self.chunks).decode("utf-8", "replace")


async def start(processes: Processes, argv: tuple[str, ...], output: Callable[[bytes], None]) -> Process:
    """Start a tool. Raises StartFailed; without a search for names alike, since most machines lack most tools."""
    if find_program(argv[0]) is None:
        raise StartFailed(f"{argv[0]} is not installed")
    return await processes.start(LaunchSpec(argv, base_url="", env=ENVIRONMENT), output)


async def end(process: Process) -> None:
    """Ask it to go, and make it go a moment later."""
    await process.stop(StopStrategy(grace_seconds=GRACE_SECONDS))


async def run(processes: Processes, argv: tuple[str, ...], timeout_seconds: float) -> Printed:
    """Run a program to its end. Never raises: what goes wrong is the `problem`."""
    output = _Output()
    try:
        process = await start(processes, argv, output.take)
    except StartFailed as error:
        return Printed("", str(error))
    try:
        async with asyncio.timeout(timeout_seconds):
            status = await process.wait()
    except TimeoutError:
        return Printed(output.text(), f"{argv[0]} did not end within {timeout_seconds:g} s")
    finally:
        await end(process)
    if status.code == 0:
        return Printed(output.text())
    return Printed(output.text(), f"{argv[0]} failed, {status}{quoted(output.text())}")


def quoted(text: str) -> str:
    """The last line that somebody printed, as the end of a message; "" when there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {lines[-1][:200]}" if lines else ""
