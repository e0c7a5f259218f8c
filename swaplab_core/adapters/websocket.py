"""Websockets: after the upstream's 101 the two connections are one tunnel, and nobody looks at what passes.

Frames are not parsed, so every extension and subprotocol works that both ends agree on. Bytes wait for whoever reads
slowly, on either side. The tunnel ends with either end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiohttp import hdrs, web
from attrs import frozen
from multidict import CIMultiDict

BUFFER_BYTES = 64 * 1024
"""Read ahead of a slow reader, and no further."""


def is_websocket(request: web.BaseRequest) -> bool:
    """Whether the client asks for a websocket."""
    if request.headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket" or request.method != hdrs.METH_GET:
        return False
    lines = request.headers.getall(hdrs.CONNECTION, [])
    return any(token.strip().lower() == "upgrade" for line in lines for token in line.split(","))


def ask_for_upgrade(headers: CIMultiDict[str]) -> None:
    """Put back what ends at each connection: this one is to become a tunnel."""
    headers[hdrs.CONNECTION] = "Upgrade"
    headers[hdrs.UPGRADE] = "websocket"


async def tunnel(
    request: web.Request,
    upstream: aiohttp.ClientResponse,
    headers: CIMultiDict[str],
    passed: Callable[[bytes], None],
) -> web.StreamResponse:
    """Hand the upstream's 101 on, `headers` with it, then bytes both ways until either end closes.

    `passed` sees what goes to the client.
    """
    ask_for_upgrade(headers)
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    response.force_close()
    await response.prepare(request)
    client, engine = _End.of_client(request), _End.of_upstream(upstream)
    try:
        await _both_ways(client, engine, passed)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if request.transport is not None or task is None:
            raise
        task.uncancel()  # the client has closed: of a tunnel that is a good end
    finally:
        client.writer.close()
        engine.writer.close()
    return response


async def _both_ways(client: _End, engine: _End, passed: Callable[[bytes], None]) -> None:
    """Return when the upstream has closed; cancelled when the client has."""
    async with asyncio.TaskGroup() as pumps:
        upward = pumps.create_task(_pump(client, engine, _unseen))
        await _pump(engine, client, passed)
        upward.cancel()


@frozen(eq=False)
class _End:
    """One end of the tunnel."""

    reader: aiohttp.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    def of_client(cls, request: web.Request) -> _End:
        protocol, transport, loop = request.protocol, request.transport, asyncio.get_running_loop()
        if transport is None:
            raise ConnectionResetError("the client left")
        reader = aiohttp.StreamReader(protocol, BUFFER_BYTES, loop=loop)
        protocol.set_parser(_Inlet(reader))  # type: ignore[arg-type] # typed for aiohttp's own parser, used as this one
        return cls(reader, asyncio.StreamWriter(transport, protocol, None, loop))

    @classmethod
    def of_upstream(cls, upstream: aiohttp.ClientResponse) -> _End:
        connection, loop = upstream.connection, asyncio.get_running_loop()
        if connection is None or connection.protocol is None or connection.transport is None:
            raise aiohttp.ServerDisconnectedError
        reader = aiohttp.StreamReader(connection.protocol, BUFFER_BYTES, loop=loop)
        connection.protocol.set_parser(_Inlet(reader), reader)
        return cls(reader, asyncio.StreamWriter(connection.transport, connection.protocol, None, loop))


@frozen(eq=False)
class _Inlet:
    """Where aiohttp puts what arrives on a connection that was upgraded."""

    reader: aiohttp.StreamReader

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes; never the end, never anything left over."""
        self.reader.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """The connection is closed."""
        self.reader.feed_eof()


async def _pump(source: _End, sink: _End, passed: Callable[[bytes], None]) -> None:
    """Move bytes until `source` ends, or nobody takes them any more."""
    with suppress(ConnectionError, aiohttp.ClientError):
        while data := await source.reader.readany():
            sink.writer.write(data)
            passed(data)
            await sink.writer.drain()


def _unseen(_: bytes) -> None:
    """What a client sends is nobody's business."""
