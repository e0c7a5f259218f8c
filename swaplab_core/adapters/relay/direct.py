"""The relay's short way: plain HTTP/1.1 on connections of our own, chunks from socket to socket without a task switch.

aiohttp sends the head of a response and its end. In between the chunks are written to the client's transport from
within the upstream's callback. This is the one place that goes behind aiohttp's back: it relies on `StreamWriter` not
holding anything back once the head is sent, and frames chunks as that would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http import StreamWriter
from attrs import define, field, frozen
from multidict import CIMultiDict
from yarl import URL

from swaplab_core.adapters.destination import Destination
from swaplab_core.adapters.failures import describe_connect
from swaplab_core.adapters.relay.connection import UpstreamConnection
from swaplab_core.adapters.relay.interface import Call, Interrupted, Tap
from swaplab_core.adapters.relay.known import KnownHead, RawHeaders
from swaplab_core.adapters.relay.pool import Pool
from swaplab_core.adapters.relay.request import head_bytes
from swaplab_core.adapters.relay.telling import did_not_answer, took_no_connection, took_too_long

EARLY_BYTES = 64 * 1024
"""Taken from an upstream before the client's response has begun."""
_WAYS = 256


class _Stale(Exception):
    """A kept connection died before a byte of the answer came: its upstream had closed it already."""


@define(eq=False)
class DirectAnswer:
    """An answer as it comes: a connection's receiver on one side, awaited by a handler on the other."""

    connection: UpstreamConnection
    status: int = field(default=0, init=False)
    headers: CIMultiDict[str] = field(factory=CIMultiDict, init=False)
    sending: asyncio.Task[None] | None = field(default=None, init=False)
    _early: bytearray = field(factory=bytearray, init=False)
    _outlet: _Outlet | None = field(default=None, init=False)
    _news: asyncio.Future[None] = field(init=False)
    _is_over: bool = field(default=False, init=False)
    _failure: str = field(default="", init=False)
    _is_paused: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._news = asyncio.get_running_loop().create_future()

    # what the connection tells

    def head(self, status: int, headers: RawHeaders) -> None:
        """The head has come."""
        self.status = status
        self.headers = CIMultiDict(
            (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
            for name, value in headers
        )
        self._tell()

    def body(self, data: bytes, *, last: bool) -> None:
        """Straight to the client, once there is where to."""
        self._is_over = last
        if self._outlet is None:
            self._early += data
            if len(self._early) > EARLY_BYTES:
                self._pause()
        elif data and self._outlet.put(data):
            self._pause()
            self._tell()
        if last:
            self._tell()

    def chunks(self, framed: bytes, data: bytes) -> None:  # noqa: ARG002 - a Receiver's
        """The server frames anew."""
        self.body(data, last=False)

    def whole(self, head: KnownHead, data: bytes) -> None:
        """Nothing else than if it had come bit by bit."""
        self.head(head.status, head.with_length(len(data)))
        self.body(data, last=True)

    def broken(self, reason: str) -> None:
        """It will never be."""
        self._is_over, self._failure = True, reason
        self._tell()

    # what the handler wants

    async def begun(self) -> None:
        """Return when the head has come. Raises _Stale, or Interrupted."""
        while not self.status and not self._is_over:
            await self._next()
        if not self.status:
            is_stale = self.connection.served and not self.connection.heard
            raise _Stale if is_stale else Interrupted(self._failure)

    async def read(self, most: int) -> bytes:
        """The beginning of the body, for a message."""
        while not self._is_over and len(self._early) < most and not self._is_paused:
            await self._next()
        if self._failure:
            raise Interrupted(self._failure)
        return bytes(self._early[:most])

    async def pour(self, request: web.BaseRequest, response: web.StreamResponse, tap: Tap) -> None:
        """Move the body into a response that has begun."""
        writer = await response.prepare(request)
        assert isinstance(writer, StreamWriter)
        self._outlet = outlet = _Outlet(request, writer, tap)
        if self._early:
            outlet.put(bytes(self._early))
            self._is_paused = True  # whatever the outlet says: one look at the client before reading on
        while True:
            if self._is_paused:
                await writer.drain()
                self._is_paused = False
                if not self._is_over:
                    self.connection.resume()
            if self._is_over:
                break
            await self._next()
        if self._failure:
            raise Interrupted(self._failure)

    def close(self) -> None:
        """Give the connection back, or cut it when the answer is not whole."""
        if self.sending is not None:
            self.sending.cancel()
        if not self._is_over:
            self._is_over = True
            self.connection.abort()

    async def send(self, content: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Send the request's body, while the answer may already come."""
        try:
            async for piece in content:
                if piece:
                    await self.connection.send(_framed(piece) if chunked else piece)
            if chunked:
                await self.connection.send(b"0\r\n\r\n")
            self.connection.sent()
        except ConnectionResetError:
            pass  # the upstream's: what it said before counts, else the answer is broken
        except BaseException:
            self.connection.abort()
            self.broken("the request's body could not be read")
            raise

    async def _next(self) -> None:
        await self._news
        self._news = asyncio.get_running_loop().create_future()

    def _tell(self) -> None:
        if not self._news.done():
            self._news.set_result(None)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            if not self._is_over:
                self.connection.pause()


@frozen(eq=False)
class _Outlet:
    """Where chunks go."""

    request: web.BaseRequest
    writer: StreamWriter
    tap: Tap

    def put(self, data: bytes) -> bool:
        """Write; answers whether the client reads too slowly."""
        transport = self.writer.transport
        if transport is None or transport.is_closing():
            return False  # it has left: its handler is being cancelled
        transport.write(_framed(data) if self.writer.chunked else data)
        self.tap.chunk(data)
        return self.writer.protocol.writing_paused


@define(eq=False)
class DirectCarrier:
    """Owns the pools of connections, one for each address."""

    _ways: dict[str, Way] = field(factory=dict, init=False)

    @staticmethod
    def reaches(destination: Destination) -> bool:
        """Whether this is a way to there."""
        return destination.base_url.startswith("http://") and "@" not in destination.base_url

    async def send(self, call: Call, destination: Destination) -> DirectAnswer:
        """Answer when the head has come."""
        try:
            if not destination.response_header_seconds:
                return await self._exchange(call, destination)
            async with asyncio.timeout(destination.response_header_seconds):
                return await self._exchange(call, destination)
        except TimeoutError as error:
            raise took_too_long(destination) from error
        except Interrupted as error:
            raise did_not_answer(destination, str(error)) from error

    async def close(self) -> None:
        """Drop all connections."""
        for way in self._ways.values():
            way.pool.close()

    async def _exchange(self, call: Call, destination: Destination) -> DirectAnswer:
        """Once more on a fresh connection when a kept one turns out to be dead."""
        way = self.way(destination)
        head = head_bytes(call, way.prefix, way.host)
        kept = way.pool.take() if isinstance(call.content, bytes | None) else None  # a stream cannot be sent twice
        if kept is not None:
            try:
                return await _on(kept, call, head)
            except _Stale:
                pass
        return await _on(await open_connection(way.pool, destination), call, head)

    def way(self, destination: Destination) -> Way:
        """The way to there."""
        way = self._ways.get(destination.base_url)
        if way is None:
            if len(self._ways) >= _WAYS:
                self._ways = {url: way for url, way in self._ways.items() if not way.pool.is_empty}
            way = self._ways[destination.base_url] = Way.of(destination)
        return way


@frozen(eq=False)
class Way:
    """Where a base URL leads: `prefix` goes before each path, `host` is for requests that name none."""

    pool: Pool
    prefix: str
    host: str

    @classmethod
    def of(cls, destination: Destination) -> Way:
        """Find it."""
        url = URL(destination.base_url)
        pool = Pool(url.host or "", url.port or 80, destination.idle_seconds)
        return cls(pool, url.raw_path.rstrip("/"), url.host_port_subcomponent or "")


async def _on(connection: UpstreamConnection, call: Call, head: bytes) -> DirectAnswer:
    answer = DirectAnswer(connection)
    try:
        match call.content:
            case None:
                connection.begin(head, answer, method=call.method)
            case bytes() as content:
                connection.begin(head + content, answer, method=call.method)
            case content:
                connection.begin(head, answer, method=call.method, more=True)
                sending = answer.send(content, chunked="Content-Length" not in call.headers)
                answer.sending = asyncio.get_running_loop().create_task(sending)
        await answer.begun()
    except BaseException:
        answer.close()
        raise
    return answer


async def open_connection(pool: Pool, destination: Destination) -> UpstreamConnection:
    """A new connection. Raises UpstreamDied or UpstreamTimeout."""
    try:
        async with asyncio.timeout(destination.connect_seconds or None):
            return await pool.connect()
    except TimeoutError as error:
        raise took_no_connection(destination) from error
    except OSError as error:
        raise did_not_answer(destination, describe_connect(pool.host, pool.port, error)) from error


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
