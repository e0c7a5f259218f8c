"""Programs that run at the other end of a session, each under the script of `remote`: it ends when we stop it, when we
are gone, and when nothing has been heard of us for a while. What is said is decided in `remote`; who is asked, here.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from attrs import define, field, frozen

from swaplab_cluster import remote
from swaplab_cluster.remote import BEAT_SECONDS, RemoteRun
from swaplab_cluster.sessions import Session, Sessions, SshReach
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import ExitStatus, Sink, Stopping

HEADER_SECONDS = 15.0
CANCEL_SECONDS = 5.0


def _nothing(_: bytes) -> None:
    """Hear nothing."""


@define(eq=False)
class Programs:
    """Runs programs through sessions."""

    sessions: Sessions
    _text: str = field(factory=remote.script)

    async def start(self, reach: SshReach, spec: LaunchSpec, output: Sink) -> RemoteProcess:
        """Start an engine; it ends with the connection. Raises StartFailed."""
        folder = "" if spec.cwd is None else str(spec.cwd)
        run = RemoteRun(spec.argv, secrets.token_hex(16), spec.env, folder, merge=True)
        try:
            program = await self.begin(reach, run, output, _nothing)
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice) from error
        return RemoteProcess(program, lambda argv: self.run(reach, ReadyCommand(argv), output, output), output)

    async def run(self, reach: SshReach, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Run a command to its end; cancelled, it ends the group first. Raises NodeError."""
        folder = "" if command.cwd is None else str(command.cwd)
        mark, merge = secrets.token_hex(16), stdout is stderr
        run = RemoteRun(command.argv, mark, command.env, folder, command.stdin, merge)
        program = await self.begin(reach, run, stdout, stderr)
        try:
            return await program.wait()
        except asyncio.CancelledError:
            await asyncio.shield(program.end())
            raise

    async def begin(self, reach: SshReach, run: RemoteRun, stdout: Sink, stderr: Sink) -> Program:
        """Start a program. Raises NodeError when it was not started."""
        opening = _Opening(run.mark, stdout)
        line, first = remote.command_line(self._text, run), remote.first_input(run)
        session = await self.sessions.open(reach, line, first, opening.heard, stderr)
        try:
            pid = await opening.pid(session, reach.name, run)
        except BaseException:
            await session.close()
            raise
        return Program(pid, session)


def _future() -> asyncio.Future[remote.Started | remote.Refused]:
    return asyncio.get_running_loop().create_future()


@define(eq=False)
class _Opening:
    """Hears the first line, and hands on what comes after it."""

    mark: str
    output: Sink
    _received: bytes = b""
    _said: asyncio.Future[remote.Started | remote.Refused] = field(
        factory=lambda: asyncio.get_running_loop().create_future()
    )

    def heard(self, chunk: bytes) -> None:
        if self._said.done():
            self.output(chunk)
            return
        self._received += chunk
        said = remote.header(self._received, self.mark)
        if said is None:
            return
        self._said.set_result(said)
        if isinstance(said, remote.Started) and said.rest:
            self.output(said.rest)

    async def pid(self, session: Session, name: str, run: RemoteRun) -> int:
        """Wait for the first line. Raises NodeError when the program was not started."""
        ended = spawn(session.wait(), name="first line of a session")
        try:
            waiting: set[asyncio.Future[Any]] = {self._said, ended}
            await asyncio.wait(waiting, timeout=HEADER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not self._said.done():
            said = " ".join(self._received.decode(errors="replace").split())[-300:]
            raise NodeError(
                f"{name}: {run.argv[0]} was not started: the shell there said {said or 'nothing'}",
                advice="the login shell of that account must be a POSIX shell",
            )
        match self._said.result():
            case remote.Started(pid):
                return pid
            case remote.Refused(reason):
                raise NodeError(
                    f"{name}: {run.argv[0]} was not started: {reason}",
                    advice=f"install it on {name}, or name it by its full path there",
                )


@define(eq=False)
class Program:
    """A program that runs under the script: heart beats go to it until it has ended."""

    pid: int
    session: Session
    _done: asyncio.Task[ExitStatus] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._done = spawn(self._live(), name=f"program {self.pid}")

    async def _live(self) -> ExitStatus:
        ended = spawn(self.session.wait(), name=f"end of program {self.pid}")
        while True:
            done, _ = await asyncio.wait({ended}, timeout=BEAT_SECONDS)
            if done:
                return remote.exit_status(ended.result())
            await self.session.send(remote.ALIVE)

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, or the connection is."""
        return self._done.done()

    async def wait(self) -> ExitStatus:
        """Return when it has ended, and how."""
        return await asyncio.shield(self._done)

    async def send(self, letter: bytes) -> None:
        """Say a letter to the script it runs under."""
        await self.session.send(letter)

    def send_soon(self, letter: bytes) -> None:
        """Say a letter without waiting for it."""
        spawn(self.send(letter), name=f"letter to program {self.pid}")

    async def end(self) -> None:
        """End it politely, then by force, then by cutting it off."""
        for letter in (remote.TERM, remote.KILL):
            await self.send(letter)
            done, _ = await asyncio.wait({self._done}, timeout=CANCEL_SECONDS)
            if done:
                return
        await self.session.close()


class Running(Protocol):
    """A program over there, however it is reached."""

    @property
    def pid(self) -> int:
        """Its number over there."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, or the connection is."""
        ...

    async def wait(self) -> ExitStatus:
        """Return when it has ended, and how."""
        ...

    async def send(self, letter: bytes) -> None:
        """Have its group signalled."""
        ...

    def send_soon(self, letter: bytes) -> None:
        """Have its group signalled without waiting for it."""
        ...


@define(eq=False)
class RemoteProcess:
    """An engine on another machine: the port `Process`."""

    _program: Running
    _run: Callable[[tuple[str, ...]], Coroutine[None, None, ExitStatus]]
    _output: Sink
    _stopping: Stopping = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stopping = Stopping(_Far(self._program, self._run), self._output)

    @property
    def pid(self) -> int:
        """Its number on that machine."""
        return self._program.pid

    async def wait(self) -> ExitStatus:
        """Return when it has ended there, or the connection has."""
        return await self._program.wait()

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask it to go, wait the grace, kill the group, wait; a second call joins the first."""
        return await self._stopping.stop(strategy)


@frozen
class _Far:
    """A program over there, as what can be stopped."""

    _program: Running
    _run: Callable[[tuple[str, ...]], Coroutine[None, None, ExitStatus]]

    @property
    def pid(self) -> int:
        return self._program.pid

    @property
    def has_ended(self) -> bool:
        return self._program.has_ended

    async def wait(self) -> ExitStatus:
        return await self._program.wait()

    def signal(self, number: int) -> None:
        self._program.send_soon(remote.KILL if number == signal.SIGKILL else remote.TERM)

    async def run_stop_command(self, argv: tuple[str, ...]) -> ExitStatus:
        return await self._run(argv)
