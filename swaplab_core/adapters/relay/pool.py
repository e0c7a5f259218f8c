"""The connections to one upstream: kept for the next request, but never so that they stand in somebody's way.

Engines that give each connection a thread of their own (llama-server: as many as it has slots, and a few) serve nobody
else on that thread while a connection is kept, for 5 seconds. So a connection that has waited for its first byte for
more than a moment makes the pool give way: idle ones are closed, and busy ones as soon as they have ended.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import aiohappyeyeballs
from attrs import define, field

from swaplab_core.adapters.relay.connection import UpstreamConnection
from swaplab_core.adapters.relay.known import KnownHeads
from swaplab_core.adapters.relay.pace import MOMENT_SECONDS

CROWDED_SECONDS = 0.1
SWEEP_SECONDS = 1.0
NAME_SECONDS = 60.0
"""How long the address of a name is remembered."""
_FIRST_COME_SECONDS = 0.25


@define(eq=False)
class Pool:
    """Connections to `host`:`port`. One that was idle for `idle_seconds` is closed (0: never)."""

    host: str
    port: int
    idle_seconds: float
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop, init=False)
    _idle: list[UpstreamConnection] = field(factory=list, init=False)
    _known: KnownHeads = field(factory=KnownHeads, init=False)
    _open: set[UpstreamConnection] = field(factory=set, init=False)
    _unheard: dict[UpstreamConnection, float] = field(factory=dict, init=False)
    _crowded: bool = field(default=False, init=False)
    _look: asyncio.TimerHandle | None = field(default=None, init=False)
    _sweep: asyncio.TimerHandle | None = field(default=None, init=False)
    _address: tuple[str, float] | None = field(default=None, init=False)

    def take(self) -> UpstreamConnection | None:
        """An idle connection, the one used last, for its cause is the freshest."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def connect(self) -> UpstreamConnection:
        """Open another one. Raises OSError."""
        try:
            connection = await self._connect()
        except OSError:
            self._address = None
            raise
        self._open.add(connection)
        self._unheard[connection] = self._loop.time()
        if self._look is None:
            self._look = self._loop.call_later(CROWDED_SECONDS, self._look_around)
        return connection

    def close(self) -> None:
        """Close all of them, busy or not."""
        for timer in (self._look, self._sweep):
            if timer is not None:
                timer.cancel()
        for connection in list(self._open):
            connection.abort()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep it for."""
        return not self._open

    # what connections tell

    def rested(self, connection: UpstreamConnection) -> None:
        """Keep it, unless somebody waits for its place."""
        self._unheard.pop(connection, None)
        if self._crowded:
            connection.abort()
            return
        connection.rested_at = self._loop.time()
        self._idle.append(connection)
        if self._sweep is None and self.idle_seconds:
            self._sweep = self._loop.call_later(SWEEP_SECONDS, self._close_old)

    def waits(self, connection: UpstreamConnection) -> None:
        """Let it gather for a moment."""
        self._loop.call_later(MOMENT_SECONDS, connection.read_on)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forget it."""
        self._open.discard(connection)
        self._unheard.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)

    # timers: each runs only while there is something to look at

    def _look_around(self) -> None:
        now, self._look = self._loop.time(), None
        self._unheard = {c: since for c, since in self._unheard.items() if not c.heard}
        self._crowded = any(now - since >= CROWDED_SECONDS for since in self._unheard.values())
        if self._crowded:
            self._give_way()
        if self._unheard:
            self._look = self._loop.call_later(CROWDED_SECONDS, self._look_around)

    def _give_way(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.abort()

    def _close_old(self) -> None:
        oldest, self._sweep = self._loop.time() - self.idle_seconds, None
        for connection in [c for c in self._idle if c.rested_at <= oldest]:
            self._idle.remove(connection)
            connection.abort()
        if self._idle:
            self._sweep = self._loop.call_later(SWEEP_SECONDS, self._close_old)

    # addresses

    async def _connect(self) -> UpstreamConnection:
        if self._address is not None and self._address[1] > self._loop.time():
            return await self._open_at(self._address[0])
        found = await self._loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        connection, address = await self._first_of(found)
        self._address = (address, self._loop.time() + NAME_SECONDS)
        return connection

    async def _open_at(self, address: str) -> UpstreamConnection:
        _, connection = await self._loop.create_connection(
            lambda: UpstreamConnection(self, self._known), address, self.port
        )
        return connection

    async def _first_of(self, found: Sequence[aiohappyeyeballs.AddrInfoType]) -> tuple[UpstreamConnection, str]:
        """Whichever answers first: a name may have an address on which nobody listens."""
        made = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=_FIRST_COME_SECONDS)
        address = str(made.getpeername()[0])
        _, connection = await self._loop.create_connection(lambda: UpstreamConnection(self, self._known), sock=made)
        return connection, address
