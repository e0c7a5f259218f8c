"""Fakes of this plugin: machines without a network."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE

from attrs import define, field

from swaplab_cluster.sessions import Session, SshReach
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import Sink


@define(eq=False)
class FakeSessions:
    """Sessions without ssh: the command lines run in a shell of this machine, as sshd would run them.

    A host in `silent` does not answer, one in `lost` answers no more: its sessions end without an exit code.
    """

    silent: set[str] = field(factory=set)
    opened: list[tuple[str, str]] = field(factory=list)
    """Host and command line of every session."""
    _open: list[tuple[str, _FakeSession]] = field(factory=list)

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Start a shell."""
        self.opened.append((reach.host, line))
        if reach.host in self.silent:
            raise NodeError(f"{reach.name}: {reach.host} port {reach.port} does not answer", advice="look there")
        process = await asyncio.create_subprocess_exec("sh", "-c", line, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        session = _FakeSession(process, stdout, stderr)
        self._open.append((reach.host, session))
        await session.send(stdin)
        return session

    def lose(self, host: str) -> None:
        """Cut all connections to a host."""
        for at, session in self._open:
            if at == host:
                session.lose()

    async def close(self) -> None:
        """Cut everything off, and wait until it has ended."""
        for _, session in self._open:
            await session.close()
            await session.process.wait()


@define(eq=False)
class _FakeSession:
    process: asyncio.subprocess.Process
    _stdout: Sink
    _stderr: Sink
    _done: asyncio.Future[int | None] = field(init=False)
    _heard: bool = True

    def __attrs_post_init__(self) -> None:
        self._done = asyncio.get_running_loop().create_future()
        spawn(self._live(), name="fake session")

    async def _live(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(self.process.stdout, self._stdout))
            tasks.create_task(self._pump(self.process.stderr, self._stderr))
        code = await self.process.wait()
        if not self._done.done():
            self._done.set_result(code if code >= 0 else 128 - code)

    async def _pump(self, stream: asyncio.StreamReader, sink: Sink) -> None:
        while chunk := await stream.read(32 * 1024):
            if self._heard:
                sink(chunk)

    def lose(self) -> None:
        self._heard = False
        if not self._done.done():
            self._done.set_result(None)
        if self.process.stdin is not None:
            self.process.stdin.close()

    async def send(self, data: bytes) -> None:
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(data)

    async def wait(self) -> int | None:
        return await asyncio.shield(self._done)

    async def close(self) -> None:
        self._heard = False
        if self.process.stdin is not None:
            self.process.stdin.close()
