"""The express lane for real, between a raw engine and raw clients, in one event loop; only the engine's life is faked.

`world.long` counts the requests that took the long way, through aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

from aiohttp import web
from attrs import define, field
from relay_world import Parsed, parse

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.relay import Relay
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.activity import ActivityRow
from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine.facts import Fact, UpstreamExited, UpstreamReady
from swaplab_core.engine.groups import group_policy
from swaplab_core.plugin.usage import read_usage
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.captures import CaptureCache
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.inflight import InFlight
from swaplab_core.runtime.logbook import LogBook
from swaplab_core.runtime.proxy_log import ProxyLog
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.express import FrontRunner, Lane
from swaplab_core.server.inference.access_log import AccessLog, access_log_middleware
from swaplab_core.server.inference.forwarding import Through
from swaplab_core.server.inference.observation import Observer
from swaplab_core.server.inference.openai import InferenceRoutes
from swaplab_core.server.inference.waiting import WaitingRoom
from swaplab_core.server.metrics.counters import Metrics
from swaplab_core.server.route import RouteTable
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.request_router import RequestRouter
from swaplab_core.testing.network import LOOPBACK
from swaplab_core.testing.waiting import wait_until_async

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]
PATH = "/v1/chat/completions"
SMALL = json.dumps(
    {"choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": 21, "completion_tokens": 9}}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: engine\r\nContent-Length: %d\r\n\r\n%b" % (
    len(SMALL),
    SMALL,
)


@define
class Rows:
    """A store that keeps rows in a list."""

    rows: list[ActivityRow] = field(factory=list)

    async def insert(self, rows):
        self.rows += rows
        return [len(self.rows) - len(rows) + number for number in range(1, len(rows) + 1)]

    async def prune(self):
        pass


@define
class Life:
    """Engines that are up as soon as they are wanted, at the address of the raw one."""

    world: ExpressWorld
    dying: bool = False
    running: dict[ModelId, Incarnation] = field(factory=dict)

    def start(self, model: ModelId, incarnation: Incarnation) -> None:
        self.running[model] = incarnation
        self._tell_soon(UpstreamReady(model, incarnation))

    def stop(self, model: ModelId) -> None:
        self._tell_soon(UpstreamExited(model, self.running[model]))

    def _tell_soon(self, fact: Fact) -> None:
        asyncio.get_running_loop().call_soon(lambda: self.world.dispatcher.tell(fact))

    def base_url(self, _: ModelId) -> str:
        return f"http://{LOOPBACK}:{self.world.engine_port}"

    async def crashed_at(self, *_: object) -> float | None:
        dying, self.dying = self.dying, False
        return self.world.dispatcher.clock.now() if dying else None

    async def gone(self, _: Iterable[ModelId]) -> None:
        pass


@define(eq=False)
class ExpressWorld:
    """`rules` is who decides; `refuse` says which requests the long way refuses; `requests` is what the engine got."""

    config: Config
    port: int = 0
    engine_port: int = 0
    long: int = 0
    connections: int = 0
    requests: list[bytes] = field(factory=list)
    script: Script | None = None
    rules: object = field(factory=object)
    refuse: Callable[[web.Request], bool] = lambda _: False
    lane: Lane = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    life: Life = field(init=False)
    rows: list[ActivityRow] = field(factory=list)
    log: LogBook = field(init=False)
    runner: FrontRunner = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(factory=set)

    @classmethod
    @asynccontextmanager
    async def running(cls, **models: dict) -> AsyncIterator[Self]:
        entries = {ModelId(name): ModelConfig(ModelId(name), **entry) for name, entry in models.items()}
        world = cls(Config(models=entries))
        bus, clock = Bus(), LoopClock()
        world.log = LogBook(bus, lambda _: None)
        recorder = Recorder(Rows(world.rows), CaptureCache(2**20), bus.publish, flush_seconds=0.0)
        with _own_log(world.log, world.config) as log:
            application = world._application(bus, clock, recorder, log)
            world.runner = FrontRunner(
                application, world.lane, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
            )
            async with world._listening(recorder):
                yield world
                await world.quiet()

    def _application(self, bus: Bus, clock: LoopClock, recorder: Recorder, log: ProxyLog) -> web.Application:
        names = list(self.config.models)
        limits = {name: Limits(concurrency=10_000) for name in names}
        self.dispatcher = dispatcher = Dispatcher(SwapEngine.build(group_policy((), names), limits), clock)
        self.life = dispatcher.upstreams = Life(self)
        observer = Observer(
            lambda: self.config, lambda _: read_usage, InFlight(bus, clock), recorder, recorder.captures, Metrics()
        )
        models = Models(lambda: self.config, dispatcher, Supervisor(None, None, clock, None, dispatcher.tell))
        routes = RequestRouter(models.phase)
        routes.use(self.config)
        relay, waiting = Relay(), WaitingRoom(models)
        through = Through(models, dispatcher, relay, waiting, observer)
        self.lane = Lane(routes, dispatcher, relay, observer, AccessLog(log), lambda: self.rules)

        @web.middleware
        async def gate(request, handler):
            self.long += 1
            if self.refuse(request):
                raise web.HTTPForbidden
            return await handler(request)

        middlewares = [access_log_middleware, error_middleware, gate]
        application = web.Application(middlewares=middlewares, client_max_size=2**30)
        inference = InferenceRoutes(models, routes, dispatcher, relay, waiting, observer, through)
        RouteTable(application).mount(inference.routes())
        return application

    @asynccontextmanager
    async def _listening(self, recorder: Recorder) -> AsyncIterator[None]:
        await self.runner.setup()
        await web.TCPSite(self.runner, LOOPBACK, 0).start()
        engine = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port, self.engine_port = self.runner.addresses[0][1], engine.sockets[0].getsockname()[1]
        recording = asyncio.get_running_loop().create_task(recorder.run())
        try:
            yield
        finally:
            recording.cancel()
            engine.close()
            await self.runner.cleanup()
            await self.lane.relay.close()
            await recorder.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(recording, *self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await (self.script or self._answer_all)(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.read_request(reader)
            writer.write(ANSWER)

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one whole request, as the engine."""
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(size))
        return self.requests[-1]

    def answers(self, *pieces: bytes, close: bool = True) -> None:
        """Let the engine answer every request with these pieces, one write each."""

        async def script(reader, writer):
            while True:
                await self.read_request(reader)
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if close:
                    return

        self.script = script

    def request(self, body: object = None, *headers: str, path: str = PATH) -> bytes:
        """The bytes of a plain request."""
        content = body if isinstance(body, bytes) else json.dumps(body or {"model": "m", "messages": []}).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(content)}", "", ""]
        return "\r\n".join(lines).encode() + content

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Caller]:
        """A connection."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            yield Caller(reader, writer)
        finally:
            writer.close()

    async def warm(self, *headers: str, path: str = PATH) -> None:
        """Let one request be learned, from an engine that answers well."""
        before, self.script = self.script, None
        async with self.client() as caller:
            answer = await caller.ask(self.request(None, *headers, path=path))
            assert answer.status == 200, answer
        self.script = before
        for way in self.lane.relay._short._ways.values():
            way.pool.close()
        await asyncio.sleep(0)
        self.long = self.connections = 0
        self.requests.clear()
        self.rows.clear()

    async def quiet(self) -> None:
        """Return when nothing is in flight any more."""
        dispatcher, inflight = self.dispatcher, self.lane.observer.inflight
        await wait_until_async(
            lambda: not (inflight.all() or dispatcher._grants or dispatcher._seized), "the end of all requests"
        )

    async def recorded(self) -> list[ActivityRow]:
        """The rows, when all is written."""
        await self.quiet()
        await self.lane.observer.recorder.flush()
        return self.rows


@contextmanager
def _own_log(book: LogBook, config: Config) -> Iterator[ProxyLog]:
    """The root logger's only handler, for as long as the block lasts."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log = ProxyLog(book)
    log.install(config)
    try:
        yield log
    finally:
        root.handlers[:] = before
        root.setLevel(level)


@define
class Caller:
    """A raw client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, request: bytes) -> Parsed:
        """Send, and read one whole answer."""
        self.send(request)
        return await self.answer()

    async def answer(self) -> Parsed:
        """Read one answer, or what comes of it before the connection ends."""
        received = b""
        while True:
            data = await self.reader.read(2**16)
            received += data
            if not data:
                return parse(received, "POST")
            if b"\r\n\r\n" in received and (found := parse(received, "POST")).is_whole and _has_end(received):
                return found

    async def rest(self) -> bytes:
        """Everything until the connection ends."""
        return await self.reader.read()


def _has_end(received: bytes) -> bool:
    """Whether the end is known before the connection's."""
    head = received.partition(b"\r\n\r\n")[0].lower()
    return b"content-length" in head or b"chunked" in head or b" 204 " in head[:20] or b" 304 " in head[:20]
