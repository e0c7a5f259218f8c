"""Sessions in a shell of this very machine: what the agent runs its programs in, as sshd would run them."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE

from attrs import define, field

from swaplab_cluster.sessions import Session, SshReach
from swaplab_cluster.tasks import spawn
from swaplab_core.plugin import Sink

CHUNK = 32 * 1024
LAST_WORDS_SECONDS = 1.0


@define(eq=False)
class ShellSessions:
    """Needs no connection, so `reach` says nothing to it."""

    _open: set[ShellSession] = field(factory=set)

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:  # noqa: ARG002 - Protocol
        """Start a shell."""
        return await self.start(line, stdin, stdout, stderr)

    async def start(self, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> ShellSession:
        """Start a shell."""
        process = await asyncio.create_subprocess_exec("sh", "-c", line, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        session = ShellSession(process, stdout, stderr)
        self._open.add(session)
        session.done.add_done_callback(lambda _: self._open.discard(session))
        await session.send(stdin)
        return session

    async def close(self) -> None:
        """Let the input of all of them end, and wait until they have."""
        sessions = list(self._open)
        for session in sessions:
            await session.close()
        for session in sessions:
            await session.process.wait()
        if sessions:  # their output too, but for what a child of theirs holds open
            await asyncio.wait({session.done for session in sessions}, timeout=LAST_WORDS_SECONDS)


@define(eq=False)
class ShellSession:
    """One shell. `done` is set when it has ended and its output has been read."""

    process: asyncio.subprocess.Process
    _stdout: Sink
    _stderr: Sink
    done: asyncio.Future[int | None] = field(init=False)
    is_heard: bool = True

    def __attrs_post_init__(self) -> None:
        self.done = asyncio.get_running_loop().create_future()
        spawn(self._live(), name="shell session")

    async def _live(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(self.process.stdout, self._stdout))
            tasks.create_task(self._pump(self.process.stderr, self._stderr))
        code = await self.process.wait()
        if not self.done.done():
            self.done.set_result(code if code >= 0 else 128 - code)

    async def _pump(self, stream: asyncio.StreamReader, sink: Sink) -> None:
        while chunk := await stream.read(CHUNK):
            if self.is_heard:
                sink(chunk)

    async def send(self, data: bytes) -> None:
        """Write to its input."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(data)

    async def wait(self) -> int | None:
        """The exit code."""
        return await asyncio.shield(self.done)

    async def close(self) -> None:
        """Let its input end."""
        self.is_heard = False
        if self.process.stdin is not None:
            self.process.stdin.close()
