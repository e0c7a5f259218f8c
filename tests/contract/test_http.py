"""The HTTP clients keep the contract: aiohttp's against raw sockets, and the fake."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import cast

import uvloop
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.testing.contracts import HttpContract, HttpWorld
from swaplab_core.testing.fakes import HANGS, FakeHttp
from swaplab_core.testing.network import LOOPBACK, find_free_port

PREFIX = "/engine/v1"
Respond = Callable[[bytes], bytes | None]
"""The head of a request → the response; b"" closes the connection, None leaves it open."""


class Upstream(asyncio.Protocol):
    """One connection of a raw server."""

    def __init__(self, respond: Respond, transports: list[asyncio.Transport]) -> None:
        self._respond = respond
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class does not inherit from it
        self._transports.append(self._transport)

    def data_received(self, data: bytes) -> None:
        response = self._respond(data)
        if response is not None:
            self._transport.write(response)
            self._transport.close()


def _response(status: int) -> bytes:
    return f"HTTP/1.1 {status} Whatever\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()


@define
class RealNetwork:
    http: AiohttpHttp = field(factory=AiohttpHttp)
    servers: list[asyncio.Server] = field(factory=list)
    transports: list[asyncio.Transport] = field(factory=list)

    async def answering(self, status: int) -> str:
        return await self._serve(lambda _: _response(status))

    async def answering_only(self, method: str, path: str, status: int) -> str:
        wanted = f"{method} {PREFIX}{path} HTTP/1.1\r\n".encode()
        base_url = await self._serve(lambda request: _response(status if request.startswith(wanted) else 404))
        return base_url + PREFIX

    async def saying(self, path: str, body: bytes, status: int = 200) -> str:
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        def respond(request: bytes) -> bytes:
            is_json = b"Content-Type: application/json\r\n" in request
            return head + body if is_json and request.startswith(f"POST {path} ".encode()) else _response(400)

        return await self._serve(respond)

    async def hanging(self) -> str:
        return await self._serve(lambda _: None)

    async def closing(self) -> str:
        return await self._serve(lambda _: b"")

    async def babbling(self) -> str:
        return await self._serve(lambda _: b"\x16\x03\x01 hello\r\n\r\n" * 10)

    async def nobody(self) -> str:
        return f"http://{LOOPBACK}:{find_free_port()}"

    async def _serve(self, respond: Respond) -> str:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Upstream(respond, self.transports), LOOPBACK, 0)
        self.servers.append(server)
        return f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        await self.http.close()
        for _ in range(5):  # turns of the loop: who has connected is accepted, for a closed server cannot any more
            await asyncio.sleep(0)
        for transport in self.transports:
            transport.abort()
        for server in self.servers:
            server.close()
            await server.wait_closed()


@define
class FakeNetwork:
    http: FakeHttp = field(factory=lambda: FakeHttp(LoopClock()))
    ports: Iterator[int] = field(factory=lambda: itertools.count(5800))

    async def answering(self, status: int) -> str:
        base_url = await self.nobody()
        self.http.serve(base_url, status)
        return base_url

    async def answering_only(self, method: str, path: str, status: int) -> str:
        base_url = await self.nobody() + PREFIX
        self.http.serve(base_url, 404)
        self.http.serve(base_url, status, path=path)
        return base_url

    async def saying(self, path: str, body: bytes, status: int = 200) -> str:
        base_url = await self.nobody()
        self.http.say(base_url, path, body)
        self.http.serve(base_url, status, path=path)
        return base_url

    async def hanging(self) -> str:
        base_url = await self.nobody()
        self.http.serve(base_url, HANGS)
        return base_url

    async def closing(self) -> str:
        base_url = await self.nobody()
        self.http.serve(base_url, None)
        return base_url

    async def babbling(self) -> str:
        return await self.closing()

    async def nobody(self) -> str:
        return f"http://{LOOPBACK}:{next(self.ports)}"


class TestAiohttpHttp(HttpContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[HttpWorld]:
        network = RealNetwork()
        try:
            yield network
        finally:
            await network.close()


class TestAiohttpHttpOnUvloop(TestAiohttpHttp):
    loop_factory = uvloop.new_event_loop


class TestFakeHttp(HttpContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[HttpWorld]:
        yield FakeNetwork()
