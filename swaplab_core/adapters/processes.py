"""Processes on this machine: the ports `Processes` and `Process`. One start and one stop, told in order.

`process_group.py` knows forks, pipes and exits; `guard_link.py` sees to it that nothing outlives a killed daemon;
`programs.py` finds programs and explains why one cannot be started.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from attrs import define, field

from swaplab_core.adapters.guard_link import GuardLink
from swaplab_core.adapters.process_group import Command, ProcessGroup
from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.ports import ExitStatus

PID_MACRO = "${PID}"
CANCEL_GRACE_SECONDS = 5.0
"""A cancelled command has this long to clean up."""


@define(eq=False)
class LocalProcesses:
    """Starts processes of this machine, each the leader of its own group; `close()` when the daemon ends.

    `linger_seconds` bounds how long after a process's exit something else may keep its output open.
    Use one per daemon, on the main thread (parent_death.py says why).
    """

    linger_seconds: float = 10.0
    _guard: GuardLink = field(factory=GuardLink)

    async def start(self, spec: LaunchSpec, output: Callable[[bytes], None]) -> LocalProcess:
        """Start `spec.argv`; raises StartFailed with what to do about it."""
        env = {**os.environ, **spec.env}
        cwd = str(spec.cwd) if spec.cwd is not None else None

        def spawn(argv: tuple[str, ...]) -> ProcessGroup:
            return self._spawn(Command(argv, env, cwd), output)

        return LocalProcess(spawn(spec.argv), spawn, output)

    async def run(
        self, command: ReadyCommand, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]
    ) -> ExitStatus:
        """Run a command to its end; cancelled, it ends the group first. Raises StartFailed."""
        cwd = str(command.cwd) if command.cwd is not None else None
        ready = Command(command.argv, {**os.environ, **command.env}, cwd, command.stdin)
        group = self._spawn(ready, stdout, None if stderr is stdout else stderr)
        process = LocalProcess(group, lambda _: group, stdout)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await process.stop(StopStrategy(grace_seconds=CANCEL_GRACE_SECONDS))
            raise

    def close(self) -> None:
        """End the guard. Whoever is still running is killed by it."""
        self._guard.close()

    def _spawn(
        self, command: Command, output: Callable[[bytes], None], errors: Callable[[bytes], None] | None = None
    ) -> ProcessGroup:
        group = ProcessGroup.spawn(command, output, errors, linger_seconds=self.linger_seconds)
        self._guard.add(group.pid)
        group.when_gone(lambda _status: self._guard.remove(group.pid))
        return group


@define(eq=False)
class LocalProcess:
    """One running process group, and the stop command that may run beside it."""

    _group: ProcessGroup
    _spawn: Callable[[tuple[str, ...]], ProcessGroup]
    _output: Callable[[bytes], None]
    _stop_command: ProcessGroup | None = None
    _kill_timer: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int:
        """The leader's pid, which is also its process group."""
        return self._group.pid

    async def wait(self) -> ExitStatus:
        """Return when the group is gone, the output is closed, and the stop command, if any, has ended."""
        status = await self._group.wait()
        if self._stop_command is not None:
            await self._stop_command.wait()
        return status

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask it to go, wait the grace, kill the group, wait. Goes on when the caller is cancelled.

        A second call joins the first; with a shorter grace it brings the kill forward.
        """
        if not self._group.has_exited:
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
        self._group.signal(signal.SIGKILL)
        if self._stop_command is not None:
            self._stop_command.signal(signal.SIGKILL)

    def _ask(self, stop_argv: tuple[str, ...]) -> None:
        if not stop_argv:
            self._group.signal(signal.SIGTERM)
            return
        try:
            self._stop_command = self._spawn(tuple(part.replace(PID_MACRO, str(self.pid)) for part in stop_argv))
        except StartFailed as error:
            self._ask_otherwise(f"cannot be started: {error}")
        else:
            self._stop_command.when_gone(self._on_stop_command_gone)

    def _on_stop_command_gone(self, status: ExitStatus) -> None:
        if status.code != 0 and not self._group.has_exited:
            self._ask_otherwise(f"failed: {status}")

    def _ask_otherwise(self, reason: str) -> None:
        """The stop command is of no use: say so in the log and do what we do without one."""
        self._output(f"swaplab: the stop command {reason}; sending SIGTERM instead\n".encode())
        self._group.signal(signal.SIGTERM)
