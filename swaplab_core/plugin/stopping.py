"""Stopping a process with a deadline: ask it to go, wait the grace, kill it.

For whoever implements `Process`, here or on another machine; how one is signalled, and how a stop command is run, is
theirs.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define

from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import StopStrategy
from swaplab_core.ports import ExitStatus

PID_MACRO = "${PID}"


class Stoppable(Protocol):
    """A process that can be signalled, and beside which a stop command can be run."""

    @property
    def pid(self) -> int:
        """Its number, where it runs."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to signal."""
        ...

    async def wait(self) -> ExitStatus:
        """Return when nothing of it is left."""
        ...

    def signal(self, number: int) -> None:
        """Signal its group, now or as soon as may be."""
        ...

    async def run_stop_command(self, argv: tuple[str, ...]) -> ExitStatus:
        """Run a stop command to its end; cancelled, end it. Raises StartFailed or NodeError."""
        ...


@define(eq=False)
class Stopping:
    """The end of one process. `output` is told when the stop command is of no use."""

    _process: Stoppable
    _output: Callable[[bytes], Any]
    _asking: asyncio.Task[None] | None = None
    _kill_timer: asyncio.TimerHandle | None = None

    async def wait(self) -> ExitStatus:
        """Return when the process is gone, and the stop command, if any, has ended."""
        status = await self._process.wait()
        if self._asking is not None:
            await asyncio.wait({self._asking})
        return status

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask, wait the grace, kill, wait. Goes on when the caller is cancelled.

        A second call joins the first; with a shorter grace it brings the kill forward.
        """
        if not self._process.has_ended:
            is_first = self._kill_timer is None
            self._kill_within(strategy.grace_seconds)
            if is_first:
                self._ask(strategy.argv)
        status = await self.wait()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        return status

    def _kill_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._kill_timer is not None:
            if self._kill_timer.when() <= loop.time() + seconds:
                return
            self._kill_timer.cancel()
        self._kill_timer = loop.call_later(seconds, self._kill)

    def _kill(self) -> None:
        self._process.signal(signal.SIGKILL)
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self, stop_argv: tuple[str, ...]) -> None:
        if not stop_argv:
            self._process.signal(signal.SIGTERM)
            return
        argv = tuple(part.replace(PID_MACRO, str(self._process.pid)) for part in stop_argv)
        name = f"stop process {self._process.pid}"
        self._asking = asyncio.create_task(self._ask_with(argv), name=name)  # noqa: TID251 - kept here, waited for above

    async def _ask_with(self, argv: tuple[str, ...]) -> None:
        try:
            status = await self._process.run_stop_command(argv)
        except (StartFailed, NodeError) as error:
            self._ask_otherwise(f"cannot be started: {error}")
        else:
            if status.code != 0 and not self._process.has_ended:
                self._ask_otherwise(f"failed: {status}")

    def _ask_otherwise(self, reason: str) -> None:
        """The stop command is of no use: say so in the log and do what we do without one."""
        self._output(f"swaplab: the stop command {reason}; sending SIGTERM instead\n".encode())
        self._process.signal(signal.SIGTERM)
