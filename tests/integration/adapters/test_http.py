"""What the contract cannot say of aiohttp's client: redirects, proxies, endless bodies, odd addresses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from attrs import define, field

from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.domain.launch import HttpCall
from swaplab_core.testing.network import LOOPBACK
from swaplab_core.testing.waiting import wait_until_async

Run = Callable[[Coroutine[Any, Any, None]], None]

HEALTH = HttpCall("GET", "/health", timeout_seconds=10.0)
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /health\r\nContent-Length: 0\r\n\r\n"
KEPT_ALIVE = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
NO_BODY_YET = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


@define(eq=False)
class Server:
    """Answers each request with the same bytes and never closes; `lost` is set when a client has gone."""

    response: bytes
    base_url: str = ""
    requests: list[bytes] = field(factory=list)
    lost: asyncio.Event = field(factory=asyncio.Event)
    connections: set[asyncio.Transport] = field(factory=set)

    async def hang_up(self) -> None:
        """End what clients have left: a connection whose end nobody has read yet would outlive its event loop."""
        for _ in range(5):  # turns of the loop: who has connected is accepted, for a closed server cannot any more
            await asyncio.sleep(0)
        for transport in self.connections:
            transport.abort()
        await wait_until_async(lambda: not self.connections, "the connections to end")


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self._transport)

    def data_received(self, data: bytes) -> None:
        self._server.requests.append(data)
        self._transport.write(self._server.response)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.connections.discard(self._transport)
        self._server.lost.set()


@asynccontextmanager
async def _serving(response: bytes, host: str = LOOPBACK) -> AsyncIterator[Server]:
    server = Server(response)
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), host, 0)
    try:
        server.base_url = f"http://{LOOPBACK}:{listener.sockets[0].getsockname()[1]}"
        yield server
    finally:
        await server.hang_up()
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def _client() -> AsyncIterator[AiohttpHttp]:
    http = AiohttpHttp()
    try:
        yield http
    finally:
        await http.close()


def test_redirects_are_not_followed(run: Run) -> None:
    async def scenario() -> None:
        async with _serving(REDIRECT) as server, _client() as http:
            assert await http.call(server.base_url, HEALTH) == 302
            await server.lost.wait()
            assert len(server.requests) == 1

    run(scenario())


def test_proxies_of_the_environment_are_ignored(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def scenario() -> None:
        async with _serving(KEPT_ALIVE) as server, _client() as http:
            assert await http.call(server.base_url, HEALTH) == 200

    run(scenario())


def test_the_connection_is_closed_even_when_the_upstream_would_keep_it(run: Run) -> None:
    async def scenario() -> None:
        async with _serving(KEPT_ALIVE) as server, _client() as http:
            assert await http.call(server.base_url, HEALTH) == 200
            await server.lost.wait()

    run(scenario())


@pytest.mark.parametrize("body", [b"", b"x" * 10_000_000], ids=["late", "large"])
def test_the_body_is_not_waited_for(run: Run, body: bytes) -> None:
    async def scenario() -> None:
        async with _serving(NO_BODY_YET + body) as server, _client() as http:
            assert await http.call(server.base_url, HEALTH) == 200
            await server.lost.wait()

    run(scenario())


def test_a_head_that_never_ends_is_given_up(run: Run) -> None:
    async def scenario() -> None:
        async with _serving(b"HTTP/1.1 200 OK\r\nX-Endless: ") as server, _client() as http:
            assert await http.call(server.base_url, HttpCall("GET", "/", timeout_seconds=0.05)) is None
            await server.lost.wait()

    run(scenario())


def test_no_time_at_all_is_no_answer(run: Run) -> None:
    async def scenario() -> None:
        async with _serving(KEPT_ALIVE) as server, _client() as http:
            assert await http.call(server.base_url, HttpCall("GET", "/", timeout_seconds=0.0)) is None

    run(scenario())


@pytest.mark.parametrize(
    ("base_url", "method"),
    [
        ("", "GET"),
        ("engine", "GET"),
        ("ftp://127.0.0.1", "GET"),
        ("http://", "GET"),
        ("http://[::1", "GET"),
        ("http://127.0.0.1:99999", "GET"),
        ("http://" + "x" * 300, "GET"),
        ("http://127.0.0.1:1", "GET / HTTP/1.1\r\nX: y"),
    ],
)
def test_nonsense_is_no_answer_and_not_taken(run: Run, base_url: str, method: str) -> None:
    async def scenario() -> None:
        async with _client() as http:
            assert await http.call(base_url, HttpCall(method, "/health", timeout_seconds=1.0)) is None
            assert not await http.is_taken(base_url)

    run(scenario())


def test_it_can_be_used_again_after_a_close(run: Run) -> None:
    async def scenario() -> None:
        async with _serving(KEPT_ALIVE) as server, _client() as http:
            await http.close()
            assert await http.call(server.base_url, HEALTH) == 200
            await http.close()
            assert await http.call(server.base_url, HEALTH) == 200

    run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "0.0.0.0"])
def test_every_name_of_this_machine_is_asked(run: Run, host: str) -> None:
    async def scenario() -> None:
        async with _serving(KEPT_ALIVE, host="0.0.0.0") as server, _client() as http:
            assert await http.is_taken(server.base_url.replace(LOOPBACK, host))

    run(scenario())


def test_ipv6_is_asked_too(run: Run) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6)) as listener:
        try:
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        listener.listen()

        async def scenario() -> None:
            async with _client() as http:
                assert await http.is_taken(f"http://[::1]:{listener.getsockname()[1]}")

        run(scenario())


def test_a_listener_that_accepts_nobody_holds_its_address_all_the_same(run: Run) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        for _ in range(5):  # fill its queue
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())

        async def scenario() -> None:
            http = AiohttpHttp(connect_seconds=0.1)
            assert await http.is_taken(f"http://{LOOPBACK}:{listener.getsockname()[1]}")

        run(scenario())


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "engine.invalid", "localhost.invalid"])
def test_other_machines_are_not_even_asked(run: Run, host: str) -> None:
    async def scenario() -> None:
        http = AiohttpHttp(connect_seconds=0.0)  # any attempt would time out, which counts as taken
        assert not await http.is_taken(f"http://{host}:80")
        assert await http.is_taken(f"http://{LOOPBACK}:80")

    run(scenario())
