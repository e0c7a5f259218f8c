"""Shells at the other end of connections, as a Protocol. `adapter` holds the real ones, `testing` the fake.

A session is one command line given to the login shell of one machine: bytes in, two streams of bytes out, an exit code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from attrs import frozen

from swaplab_core.plugin import Sink


@frozen
class SshReach:
    """How a machine is reached with ssh; what is "" is left to ssh's own defaults."""

    name: str
    host: str
    port: int
    user: str
    known_hosts: Path
    identity: str = ""
    connect_seconds: float = 5.0
    use_ssh_config: bool = False


class Session(Protocol):
    """One running command line."""

    async def send(self, data: bytes) -> None:
        """Write to its standard input. Nothing happens when it is gone."""
        ...

    async def wait(self) -> int | None:
        """The exit code when it has ended and all its output has been handed on; None: the connection was lost."""
        ...

    async def close(self) -> None:
        """Cut it off: its input ends, its output is no longer heard."""
        ...


class Sessions(Protocol):
    """Opens sessions; connections are kept and shared."""

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Run a command line, its first input being `stdin`.

        The sinks are called on the event loop. Raises NodeError with what to do about it: the machine cannot be
        reached, is not who it should be, or does not let us in.
        """
        ...

    async def close(self) -> None:
        """Close all connections; what still runs hears its input end."""
        ...
