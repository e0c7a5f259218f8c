"""One process group that we started: its output pipe, its exit, and the moment nothing of it is left.

Callbacks of the event loop only, no task and no thread, so it runs the same on asyncio's and on uvloop's loop.

A number may be signalled only while it is ours. The leader is reaped at one place, `_on_exit`; until then its zombie
keeps the number from being given to a stranger, afterwards no signal is sent any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import subprocess  # noqa: TID251 - this is the adapter
import sys
from collections.abc import Callable, Sequence

from attrs import define, field

from swaplab_core.adapters import guard
from swaplab_core.adapters.programs import explain_failure, locate_program
from swaplab_core.adapters.spawning import Command, Spawner
from swaplab_core.ports import ExitStatus

CHUNK_BYTES = 64 * 1024
"""One read; also what Linux keeps in a pipe."""
POLL_SECONDS = 0.01

log = logging.getLogger(__name__)


@define(eq=False)
class OutputPipe:
    """The read end of stdout, stderr or both: handed on in chunks as they come, waiting for nobody."""

    _fd: int
    _output: Callable[[bytes], None]
    _on_closed: Callable[[], None]
    is_open: bool = True

    def open(self) -> None:
        """Begin to read."""
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def close(self) -> None:
        """Stop reading, even when somebody still holds the other end."""
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._on_closed()

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return
        if chunk:
            self._output(chunk)
        else:
            self.close()


@define(eq=False)
class ProcessGroup:
    """A started leader and all that shares its process group.

    When the leader exits, by itself or because of a signal, the rest of its group is killed at once, and so are
    descendants that left the group. They are looked for when it is first signalled, which makes the other looks cheap,
    and after the exit until none is found: some are born in the grace, or while others are killed. `linger_seconds`
    bounds how long after the exit we wait for the killed, and for strangers who hold the pipe.
    """

    _popen: subprocess.Popen[bytes]
    _linger_seconds: float
    _mark: str
    _leaves_be: bool
    _gone: asyncio.Future[ExitStatus]
    _pipes: tuple[OutputPipe, ...] = field(default=(), init=False)
    _status: ExitStatus | None = None
    _give_up_at: float = 0.0
    _timer: asyncio.TimerHandle | None = None
    _look: asyncio.Future[list[int]] | None = None
    _is_last_look: bool = False
    _strangers: set[str] = field(factory=set, init=False)
    _escaped: list[int] = field(factory=list, init=False)

    @classmethod
    def spawn(
        cls,
        spawner: Spawner,
        command: Command,
        output: Callable[[bytes], None],
        errors: Callable[[bytes], None] | None = None,
        *,
        linger_seconds: float,
    ) -> ProcessGroup:
        """Start it; `output` gets stdout and stderr as they come, unless `errors` gets stderr.

        Raises StartFailed with advice.
        """
        program = locate_program(command.argv, command.env, command.cwd)
        takers = (output,) if errors is None else (output, errors)
        try:
            popen, read_ends = spawner.start(program, command, len(takers))
        except (OSError, ValueError) as error:
            raise explain_failure(error, program) from error
        group = cls(popen, linger_seconds, command.mark, command.leaves_be, asyncio.get_running_loop().create_future())
        group._begin(read_ends, takers)
        return group

    @property
    def pid(self) -> int:
        """The leader's pid, which is also the number of the group."""
        return self._popen.pid

    @property
    def has_exited(self) -> bool:
        """Has the leader exited? Others of its group, or the pipe, may be about to follow."""
        return self._status is not None

    async def wait(self) -> ExitStatus:
        """Return when nothing of the group is alive and the output is closed."""
        return await asyncio.shield(self._gone)

    def when_gone(self, call: Callable[[ExitStatus], None]) -> None:
        """Call it at the moment `wait` returns."""
        self._gone.add_done_callback(lambda gone: call(gone.result()))

    def signal(self, number: int) -> None:
        """Send a signal to the whole group, if it is still ours."""
        if not self.has_exited:
            self._leaves_be = False
            if self._look is None:
                self._look_for_escaped()
            _signal_group(self.pid, number)

    def _begin(self, read_ends: Sequence[int], takers: Sequence[Callable[[bytes], None]]) -> None:
        pairs = zip(read_ends, takers, strict=True)
        self._pipes = tuple(OutputPipe(read_end, taker, self._settle) for read_end, taker in pairs)
        for pipe in self._pipes:
            pipe.open()
        _watch_exit(self._popen, self._on_exit)

    def _on_exit(self) -> None:
        _signal_group(self.pid, signal.SIGKILL)
        self._status = _as_status(self._popen.wait())
        self._give_up_at = asyncio.get_running_loop().time() + self._linger_seconds
        self._settle()

    def _settle(self) -> None:
        """Is everything gone? Asked after the exit, when the pipe ends, and then every few milliseconds."""
        if self._status is None or self._gone.done():
            return
        loop = asyncio.get_running_loop()
        is_late = loop.time() >= self._give_up_at
        has_escaped = self._end_escaped()
        is_quiet = not any(pipe.is_open for pipe in self._pipes)
        if is_late or (is_quiet and not has_escaped and not _is_group_alive(self.pid)):
            self._gone.set_result(self._status)
            self._forget_escaped()
            for pipe in self._pipes:
                pipe.close()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(POLL_SECONDS, self._settle)

    def _look_for_escaped(self) -> None:
        if self._mark:
            loop = asyncio.get_running_loop()
            self._is_last_look = self.has_exited
            self._look = loop.run_in_executor(None, guard.open_marked, self._mark, self.pid, self._strangers)
            self._look.add_done_callback(self._has_looked)

    def _has_looked(self, look: asyncio.Future[list[int]]) -> None:
        if self._gone.done():  # nobody waits for them any more, but they end
            self._escaped += look.result()
            self._kill_escaped()
            self._forget_escaped()
        self._settle()

    def _end_escaped(self) -> bool:
        """Kill those that were found and look again, until one after the exit finds none; answers whether to wait."""
        if not self._mark or self._leaves_be:
            return False
        if self._look is not None and not self._look.done():
            return True
        found = self._look.result() if self._look is not None else []
        is_clean = self._is_last_look and not found
        self._escaped += found
        self._kill_escaped()
        if not is_clean:
            self._look_for_escaped()
        return not is_clean or bool(self._escaped)

    def _kill_escaped(self) -> None:
        for pidfd in list(self._escaped):
            guard.kill_opened(pidfd)
            if not _is_alive(pidfd):
                os.close(pidfd)
                self._escaped.remove(pidfd)

    def _forget_escaped(self) -> None:
        for pidfd in self._escaped:
            os.close(pidfd)
        self._escaped.clear()


def _is_alive(pidfd: int) -> bool:
    ended = select.poll()
    ended.register(pidfd, select.POLLIN)
    return not ended.poll(0)


def _watch_exit(popen: subprocess.Popen[bytes], on_exit: Callable[[], None]) -> None:
    """Call once when the leader has exited: on Linux before it is reaped, elsewhere in the same instant."""
    loop = asyncio.get_running_loop()

    def poll() -> None:
        if popen.poll() is None:
            loop.call_later(POLL_SECONDS, poll)
        else:
            on_exit()

    def exited(pidfd: int) -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        on_exit()

    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # an old kernel, or no file descriptor left
            pidfd = os.pidfd_open(popen.pid)
            loop.add_reader(pidfd, exited, pidfd)
            return
    poll()


def _signal_group(pgid: int, number: int) -> None:
    try:
        os.killpg(pgid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        log.warning("not allowed to send signal %d to process group %d: is it run by another user?", number, pgid)


def _is_group_alive(pgid: int) -> bool:
    """Is any member left? Asked only after the leader was reaped.

    Where nobody else adopts orphans (the daemon is process 1 of a container) dead members are ours to reap.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-pgid, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        return False
    return True


def _as_status(returncode: int) -> ExitStatus:
    return ExitStatus(signal=-returncode) if returncode < 0 else ExitStatus(code=returncode)
