"""One client's connection: each request is served here if it is plain and may pass, else on aiohttp's long way.

What is not plain, and what sends a request before it has the answer to the last one, is no affair of this module: such
a connection becomes aiohttp's for good.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import time
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from attrs import define, field

from swaplab_core.domain.errors import UpstreamError
from swaplab_core.server.errors import error_response
from swaplab_core.server.express.answer import whole_answer
from swaplab_core.server.express.heads import Head, find_head, is_plain
from swaplab_core.server.express.lane import Admitted, Lane
from swaplab_core.server.express.passage import Passage

SWEEP_SECONDS = 60.0
MOST_IDLE_SECONDS = 3600.0
"""As long as aiohttp keeps a connection on which nothing happens."""


class _Stage(enum.Enum):
    """Where the connection is between two requests of its client."""

    IDLE = enum.auto()
    READING = enum.auto()  # a request that may pass, whose body is still coming
    SERVING = enum.auto()  # it passes
    AWAY = enum.auto()  # it takes the long way
    LET_IN = enum.auto()  # and has reached its handler there, whose end will be told


@define(eq=False)
class FrontDoor(asyncio.Protocol):
    """The protocol of a client's connection. `make_long` makes aiohttp's, for requests that take the long way."""

    lane: Lane
    make_long: Callable[[], asyncio.Protocol]
    doors: set[FrontDoor]
    idle_since: float = field(default=0.0, init=False)
    _peer: str = field(default="", init=False)
    _stage: _Stage = field(default=_Stage.IDLE, init=False)
    _transport: asyncio.Transport | None = field(default=None, init=False)
    _long: asyncio.Protocol | None = field(default=None, init=False)
    _head: Head | None = field(default=None, init=False)
    _admitted: Admitted | None = field(default=None, init=False)
    _data: bytes = field(default=b"", init=False)
    _parts: list[bytes] = field(factory=list, init=False)
    _owed: int = field(default=0, init=False)
    _passage: Passage | None = field(default=None, init=False)
    _is_slow: bool = field(default=False, init=False)
    _long_is_slow: bool = field(default=False, init=False)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on here."""
        return self._stage is _Stage.IDLE

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast("asyncio.Transport", transport)
        if transport.get_extra_info("sslcontext") is None:
            self._transport.set_write_buffer_limits(high=0)  # uvloop: at once, not when all that is ready has been read
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        if made := transport.get_extra_info("socket"):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.idle_since = time.monotonic()
        self.doors.add(self)

    def data_received(self, data: bytes) -> None:
        """A request, or a part of it."""
        match self._stage:
            case _Stage.IDLE:
                self._look(data)
            case _Stage.READING:
                self._parts.append(data)
                self._owed -= len(data)
                self._serve_when_whole()
            case _Stage.SERVING:
                self._keep_for_later(data)
            case _Stage.LET_IN if not self._owed:
                self._keep_for_later(data)
            case _Stage.AWAY | _Stage.LET_IN:
                self._pass_on(data)

    def eof_received(self) -> None:
        """It sends no more, and so is left, as by aiohttp."""
        if self._long is not None:
            self._long.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has left."""
        self._transport = None
        self.doors.discard(self)
        if self._passage is not None:
            self._passage.leave()
            self._passage = None
        if self._long is not None:
            self._long.connection_lost(exc)

    def pause_writing(self) -> None:
        """It reads slowly."""
        self._is_slow = True
        if self._stage in {_Stage.AWAY, _Stage.LET_IN} and self._long is not None:
            self._long_is_slow = True
            self._long.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._is_slow = False
        if self._long_is_slow and self._long is not None:
            self._long_is_slow = False
            self._long.resume_writing()
        if self._passage is not None:
            self._passage.resume()

    # what a passage tells

    def write(self, data: bytes) -> bool:
        """Send; answers whether the client reads too slowly."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        transport.write(data)
        return self._is_slow

    def ended(self) -> None:
        """The answer is whole: on to the next request."""
        self._passage, self._stage = None, _Stage.IDLE
        self._data = b""
        self.idle_since = time.monotonic()
        if self._parts and self._transport is not None and not self._transport.is_closing():
            early, self._parts = b"".join(self._parts), []
            self._transport.resume_reading()
            self._look(early)

    def cut(self) -> None:
        """No answer any more: the connection ends when what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def refused(self, error: UpstreamError) -> None:
        """There is no answer, but this."""
        assert self._admitted is not None
        self.write(whole_answer(error_response(self._admitted, error), self.lane.date.now()))
        self.ended()

    def go_the_long_way(self) -> None:
        """Begin anew."""
        self._passage = None
        if self._head is not None and self._transport is not None:
            early, self._parts = self._parts, []
            self._lend(self._data, self._head)
            for data in early:
                self.data_received(data)

    # what the long way tells

    def let_in(self, request: web.Request) -> None:
        """The request that was lent has reached its handler; when that has ended, the next may pass here."""
        task = asyncio.current_task()
        if self._stage is _Stage.AWAY and self._head is not None and task is not None:
            self._stage = _Stage.LET_IN
            self.lane.learn(self._head.key, self._peer, request)
            task.add_done_callback(self._come_back)

    # the rest

    def _look(self, data: bytes) -> None:
        head = self._find_head(data)
        if head is None or head.length > self.lane.most_body_bytes or len(data) - head.size > head.length:
            self._leave_for_good(data)
            return
        self._head, self._admitted = head, self.lane.admitted(head.key, self._peer)
        if self._admitted is not None:
            self._owed = head.size + head.length - len(data)
            if self._owed:
                self._stage, self._parts = _Stage.READING, [data]
            else:
                self._serve(data, head, self._admitted)
        elif is_plain(data[: head.size]):
            self._lend(data, head)
        else:
            self._leave_for_good(data)

    def _find_head(self, data: bytes) -> Head | None:
        """Mostly the one of the request before."""
        if self._admitted is not None and (sizes := self._admitted.mould.sizes(data)):
            return Head(self._admitted.mould.key, *sizes)
        return find_head(data)

    def _serve_when_whole(self) -> None:
        if self._owed > 0:
            return
        data, self._parts = b"".join(self._parts), []
        assert self._head is not None
        assert self._admitted is not None
        if self._owed == 0:
            self._serve(data, self._head, self._admitted)
        else:
            self._lend(data, self._head)

    def _serve(self, data: bytes, head: Head, admitted: Admitted) -> None:
        passable = self.lane.may_pass(admitted, data[head.size :])
        if passable is None:
            self._lend(data, head)
            return
        self._data, self._stage = data, _Stage.SERVING
        if self._long is not None and isinstance(self._long, web.RequestHandler):
            self._long.keep_alive(True)  # and no limit of its own to how long nothing may happen on it
        self._passage = Passage.begin(self.lane, self, passable)

    def _lend(self, data: bytes, head: Head) -> None:
        """One request for the long way."""
        self._stage, self._data = _Stage.AWAY, b""
        self._owed = head.size + head.length
        self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        self._owed -= len(data)
        if self._owed < 0:
            self._leave_for_good(data)
        else:
            self._open_long().data_received(data)

    def _come_back(self, _: asyncio.Task[Any]) -> None:
        if self._stage is not _Stage.LET_IN:
            return
        if self._owed == 0:
            self.ended()
        else:
            self._stage = _Stage.AWAY  # it was answered before it was whole: aiohttp knows how to go on, or not to

    def _leave_for_good(self, data: bytes) -> None:
        assert self._transport is not None
        long = self._open_long()
        self._stage = _Stage.AWAY
        self.doors.discard(self)
        self._transport.set_protocol(long)
        long.data_received(data)

    def _open_long(self) -> asyncio.Protocol:
        if self._long is None:
            assert self._transport is not None
            self._long = self.make_long()
            self._long.connection_made(self._transport)
        return self._long

    def _keep_for_later(self, data: bytes) -> None:
        """The next request comes while nobody is there for it."""
        if not self._parts and self._transport is not None:
            self._transport.pause_reading()
        self._parts.append(data)


def note_let_in(request: web.Request) -> None:
    """A request has passed everything that could have refused it, and its handler begins."""
    door = request.transport.get_protocol() if request.transport is not None else None
    if isinstance(door, FrontDoor):
        door.let_in(request)


class FrontRunner(web.AppRunner):
    """aiohttp's runner, with a front door before each of its connections."""

    def __init__(self, application: web.Application, lane: Lane, **options: Any) -> None:
        super().__init__(application, **options)
        self._lane = lane
        self._doors: set[FrontDoor] = set()
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def server(self) -> Any:
        """What makes the protocol of a connection, as sites ask for it."""
        long = super().server
        return None if long is None else lambda: FrontDoor(self._lane, long, self._doors)

    async def setup(self) -> None:
        """Begin."""
        await super().setup()
        self._close_idle()

    async def cleanup(self) -> None:
        """End what is left."""
        if self._sweep is not None:
            self._sweep.cancel()
        for door in list(self._doors):
            door.cut()
        await super().cleanup()

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = time.monotonic() - MOST_IDLE_SECONDS
        for door in [door for door in self._doors if door.is_idle and door.idle_since < oldest]:
            door.cut()
        self._sweep = loop.call_later(SWEEP_SECONDS, self._close_idle)
