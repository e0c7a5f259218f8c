"""A hundred listeners and a deaf one, on real sockets: nobody waits for anybody, and what waits is bounded."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.config.schema import Config
from swaplab_core.domain.events import ActivityRecorded, ModelChanged
from swaplab_core.domain.ids import ModelId
from swaplab_core.runtime.bus import QUEUE_LIMIT, Bus, Subscription
from swaplab_core.runtime.inflight import InFlight
from swaplab_core.runtime.logbook import LogBook
from swaplab_core.runtime.logs import HISTORY_BYTES
from swaplab_core.server.api.events import EventRoutes
from swaplab_core.server.route import RouteTable
from swaplab_core.server.shapes.projections import Projections
from swaplab_core.services.models.request_router import RequestRouter
from swaplab_core.testing.waiting import wait_until_async

LISTENERS = 100
EVENTS = 1500
CHUNK = b"x" * 8192


class NoModels:
    """Stands in for the service; only its configuration is looked at."""

    def states(self) -> list[object]:
        return []


class NoJobs:
    """Stands in for the jobs: there are none."""

    def all(self) -> list[object]:
        return []


@asynccontextmanager
async def api() -> AsyncIterator[tuple[Bus, LogBook, TestClient]]:
    bus = Bus()
    logs = LogBook(bus, lambda _: None)
    show = Projections(Config, NoModels(), RequestRouter(lambda _: None), InFlight(bus, LoopClock()), NoJobs())
    application = web.Application()
    RouteTable(application).mount(EventRoutes(bus, logs, show).routes())
    async with TestClient(
        TestServer(application, socket_factory=small_socket), connector=aiohttp.TCPConnector(limit=0)
    ) as client:
        yield bus, logs, client
        bus.close()


async def hear(response: aiohttp.ClientResponse) -> list[int]:
    """The rows that were announced, in order, until the last."""
    heard = []
    async for line in response.content:
        if line.startswith(b'data: {"id":'):
            heard.append(int(line[12:-2]))
            if len(heard) == EVENTS:
                break
    return heard


def waiting_bytes(subscription: Subscription) -> int:
    return sum(numbered.event.size for numbered in subscription._streams)


def small_socket(host: str, port: int, _: int) -> socket.socket:
    """A listener whose connections take little before somebody reads."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    listener.bind((host, port))
    return listener


def test_a_hundred_listeners_hear_five_hundred_events_a_second_while_one_never_reads():
    async def scenario() -> None:
        async with api() as (bus, logs, client), asyncio.timeout(120):
            deaf = ask_and_do_not_listen(client.port)
            await wait_until_async(lambda: bus._subscriptions.get(ModelChanged), "the deaf one to be served")
            streams = [await client.get("/api/events?topics=activity") for _ in range(LISTENERS)]
            hearing = [asyncio.ensure_future(hear(stream)) for stream in streams]
            (subscription,) = bus._subscriptions[ModelChanged]
            for number in range(EVENTS):
                bus.publish(ActivityRecorded(number))
                bus.publish(ModelChanged(ModelId(f"m{number}")))
                logs.feed("model:m", CHUNK)
                assert waiting_bytes(subscription) <= HISTORY_BYTES
                assert len(subscription._states) <= QUEUE_LIMIT
                if number % 25 == 0:
                    await asyncio.sleep(0.05)
            assert [await heard for heard in hearing] == [list(range(EVENTS))] * LISTENERS
            await hears_at_last(deaf)

    asyncio.run(scenario())


def ask_and_do_not_listen(port: int | None) -> socket.socket:
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return deaf


async def hears_at_last(deaf: socket.socket) -> None:
    """It learns how much it missed, and then gets the whole picture."""
    reader, writer = await asyncio.open_connection(sock=deaf, limit=2**22)
    with closing(writer):
        for wanted in (b"snapshot", b" bytes dropped ", b"snapshot"):
            while wanted not in await reader.readline():
                assert not reader.at_eof(), f"the stream ended without {wanted!r}"
