"""Fakes of this plugin: machines without a network."""

from __future__ import annotations

from attrs import define, field

from swaplab_cluster.sessions import Session, SshReach
from swaplab_cluster.shell_sessions import ShellSession, ShellSessions
from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import Sink


@define(eq=False)
class FakeSessions:
    """Sessions without ssh: the command lines run in a shell of this machine, as sshd would run them.

    A host in `silent` does not answer; `lose` cuts its connections: sessions end without an exit code.
    """

    silent: set[str] = field(factory=set)
    opened: list[tuple[str, str]] = field(factory=list)
    """Host and command line of every session."""
    _shells: ShellSessions = field(factory=ShellSessions)
    _open: list[tuple[str, ShellSession]] = field(factory=list)

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Start a shell."""
        self.opened.append((reach.host, line))
        if reach.host in self.silent:
            raise NodeError(f"{reach.name}: {reach.host} port {reach.port} does not answer", advice="look there")
        session = await self._shells.start(line, stdin, stdout, stderr)
        self._open.append((reach.host, session))
        return session

    async def lose(self, host: str) -> None:
        """Cut all connections to a host."""
        for at, session in self._open:
            if at == host and not session.done.done():
                session.done.set_result(None)
                await session.close()

    async def close(self) -> None:
        """Cut everything off, and wait until it has ended."""
        await self._shells.close()
