"""A relay between a raw engine and a raw client, all in one event loop: for what no HTTP library sends.

The engine is a coroutine that gets a reader and a writer for each connection. The client sends bytes and reads bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Self

import h11
from aiohttp import web
from attrs import define, evolve, field, frozen

from swaplab_core.adapters.destination import Destination
from swaplab_core.adapters.relay import NO_TAP, Body, Relay, Tap
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.errors import error_response
from swaplab_core.testing.network import LOOPBACK

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


@frozen
class Parsed:
    """One response as an independent parser reads it; `is_whole` False when the connection ended too early."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_whole: bool

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


def parse(received: bytes, method: str = "GET") -> Parsed:
    """Read one response to the end of the bytes. Raises h11.RemoteProtocolError when they are none."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(received)
    found, body, is_whole, told = None, b"", False, False
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError:
            if found is None or not told:
                raise
            break
        match event:
            case h11.NEED_DATA if not told:
                told = True
                client.receive_data(b"")
            case h11.Response():
                found = event
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage():
                is_whole = True
                break
            case h11.InformationalResponse():
                pass
            case _:
                break
    assert found is not None, f"no response: {received!r}"
    return Parsed(found.status_code, tuple(found.headers.raw_items()), body, is_whole)


@define
class Seen(Tap):
    """A tap that keeps what it sees."""

    sent_headers: list[tuple[str, str]] = field(factory=list)
    heads: list[tuple[int, list[tuple[str, str]]]] = field(factory=list)
    chunks: list[bytes] = field(factory=list)

    def sent(self, headers):
        self.sent_headers = list(headers.items())

    def head(self, status, headers, /):
        self.heads.append((status, list(headers.items())))

    def chunk(self, data):
        self.chunks.append(data)


@define
class World:
    """What the handler passes on can be set; `begin` are the first bytes of a stream that has begun."""

    relay: Relay
    port: int = 0
    engine_port: int = 0
    destination: Destination = field(factory=lambda: Destination("engine", ""))
    path: str | None = None
    body: Body | None = None
    begin: bytes = b""
    tap: Tap = NO_TAP
    connections: int = 0
    script: Script | None = None
    errors: list[BaseException] = field(factory=list)
    _open: set[asyncio.Task[None]] = field(factory=set)

    @classmethod
    @asynccontextmanager
    async def running(cls, relay: Relay) -> AsyncIterator[Self]:
        world = cls(relay)
        application = web.Application(client_max_size=2**40)
        application.router.add_route("*", "/{path:.*}", world._handle)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        engine = await asyncio.start_server(world._serve, LOOPBACK, 0)
        world.port, world.engine_port = runner.addresses[0][1], engine.sockets[0].getsockname()[1]
        world.destination = evolve(world.destination, base_url=f"http://{LOOPBACK}:{world.engine_port}")
        try:
            yield world
        finally:
            engine.close()
            await runner.cleanup()
            await relay.close()
            for task in world._open:
                task.cancel()
            await asyncio.gather(*world._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            assert self.script is not None
            await self.script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        begun = None
        try:
            if self.begin:
                begun = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await begun.prepare(request)
                await begun.write(self.begin)
            path = self.path or request.raw_path
            return await self.relay.forward(
                request, self.destination, path=path, body=self.body, begun=begun, tap=self.tap
            )
        except SwaplabError as error:
            self.errors.append(error)
            return error_response(request, error)

    def answers(self, *pieces: bytes, close: bool = True) -> None:
        """Let the engine read a request without a body and answer with these pieces, one write each."""

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if not close:
                await reader.read()

        self.script = script

    async def ask(self, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") -> bytes:
        """Send a request on a connection of its own, and answer all that comes back until it is closed."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def get(self, path: str = "/", headers: Mapping[str, str] | None = None, method: str = "GET") -> Parsed:
        """Ask without a body."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return parse(await self.ask("\r\n".join([*lines, "", ""]).encode()), method)
