"""Processes on this machine: the ports `Processes` and `Process`. One start and one stop, told in order.

`spawning.py` knows forks, `process_group.py` pipes and exits; `guard_link.py` sees to it that nothing outlives a killed
daemon; `programs.py` finds programs and explains why one cannot be started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

from attrs import define, field, frozen

from swaplab_core.adapters import guard
from swaplab_core.adapters.guard import MARK
from swaplab_core.adapters.guard_link import GuardLink
from swaplab_core.adapters.open_files import OpenFiles
from swaplab_core.adapters.process_group import ProcessGroup
from swaplab_core.adapters.spawning import Command, Spawner
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin.stopping import Stopping
from swaplab_core.ports import ExitStatus

_log = logging.getLogger(__name__)

COMMANDS = "run."
"""How the marks of commands begin: none is taken for an engine's."""
CANCEL_GRACE_SECONDS = 5.0
"""A cancelled command has this long to clean up."""


@define(eq=False)
class LocalProcesses:
    """Starts processes of this machine, each the leader of its own group; `close()` when the daemon ends.

    `linger_seconds` bounds how long after a process's exit something else may keep its output open. `open_files` is the
    limit that they get, if not the daemon's own.
    Use one per daemon, on the main thread (parent_death.py says why).
    """

    linger_seconds: float = 10.0
    open_files: OpenFiles | None = None
    _guard: GuardLink = field(factory=GuardLink)
    _spawner: Spawner = field(factory=Spawner)
    _launches: Iterator[int] = field(factory=count)

    async def start(self, spec: LaunchSpec, output: Callable[[bytes], None]) -> LocalProcess:
        """Start `spec.argv`; raises StartFailed with what to do about it."""
        mark = f"{self._guard.mark}{next(self._launches)}."
        env = {**os.environ, **spec.env}
        cwd = str(spec.cwd) if spec.cwd is not None else None
        engine = Command(spec.argv, {**env, MARK: mark}, cwd, open_files=self.open_files, mark=mark)

        def spawn_stop(argv: tuple[str, ...]) -> ProcessGroup:
            return self._spawn(self._command(argv, env, cwd), output)

        return LocalProcess(self._spawn(engine, output), spawn_stop, output)

    async def run(
        self, command: ReadyCommand, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]
    ) -> ExitStatus:
        """Run a command to its end; cancelled, it ends the group first. Raises StartFailed."""
        cwd = str(command.cwd) if command.cwd is not None else None
        ready = self._command(command.argv, {**os.environ, **command.env}, cwd, command.stdin)
        group = self._spawn(ready, stdout, None if stderr is stdout else stderr)
        process = LocalProcess(group, lambda _: group, stdout)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process, group)
            raise

    def close(self) -> None:
        """End the guard, which kills whoever is still running; what commands have left behind is only told."""
        self._guard.close()
        if left := [f"{_name(pid)} ({pid})" for pid in guard.marked(f"{COMMANDS}{self._guard.mark}")]:
            _log.info("commands have started what goes on without swaplab: %s", ", ".join(sorted(left)))

    def _command(self, argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None, stdin: bytes = b"") -> Command:
        """Something that runs beside engines: a command of a job, of a probe, a stop command.

        Stopped, it takes along what it has put in a session of its own. At its own end it does not: `ray start` and
        `systemd-run` begin what is to stay. Neither reaches a container: that is no descendant of its client.
        """
        mark = f"{COMMANDS}{self._guard.mark}{next(self._launches)}."
        return Command(argv, {**env, MARK: mark}, cwd, stdin, self.open_files, mark, leaves_be=True)

    def _spawn(
        self, command: Command, output: Callable[[bytes], None], errors: Callable[[bytes], None] | None = None
    ) -> ProcessGroup:
        group = ProcessGroup.spawn(self._spawner, command, output, errors, linger_seconds=self.linger_seconds)
        self._guard.add(group.pid, command.mark if command.leaves_be else "")
        group.when_gone(lambda _status: self._guard.remove(group.pid))
        return group


async def _end(process: LocalProcess, group: ProcessGroup) -> None:
    """Stop it and wait, also for who is cancelled again (by a time limit, then by the end): nobody else would reap."""
    stop = process.stop(StopStrategy(grace_seconds=CANCEL_GRACE_SECONDS))
    stopping = asyncio.ensure_future(stop)  # noqa: TID251 - it is waited for here
    while not stopping.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)
    if stopping.cancelled():  # with every other task, as the event loop ends
        group.signal(signal.SIGKILL)
        await group.wait()


def _name(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


@define(eq=False)
class LocalProcess:
    """One running process group, and the stop command that may run beside it."""

    _group: ProcessGroup
    _spawn: Callable[[tuple[str, ...]], ProcessGroup]
    _output: Callable[[bytes], None]
    _stopping: Stopping = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stopping = Stopping(_Group(self._group, self._spawn), self._output)

    @property
    def pid(self) -> int:
        """The leader's pid, which is also its process group."""
        return self._group.pid

    async def wait(self) -> ExitStatus:
        """Return when the group is gone, the output is closed, and the stop command, if any, has ended."""
        return await self._stopping.wait()

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask it to go, wait the grace, kill the group, wait; a second call joins the first."""
        return await self._stopping.stop(strategy)


@frozen
class _Group:
    """A process group, as what can be stopped."""

    _group: ProcessGroup
    _spawn: Callable[[tuple[str, ...]], ProcessGroup]

    @property
    def pid(self) -> int:
        return self._group.pid

    @property
    def has_ended(self) -> bool:
        return self._group.has_exited

    async def wait(self) -> ExitStatus:
        return await self._group.wait()

    def signal(self, number: int) -> None:
        self._group.signal(number)

    async def run_stop_command(self, argv: tuple[str, ...]) -> ExitStatus:
        command = self._spawn(argv)
        try:
            return await command.wait()
        except asyncio.CancelledError:
            command.signal(signal.SIGKILL)
            await command.wait()
            raise
