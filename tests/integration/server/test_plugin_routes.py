"""Routes of plugins, in a real server on a real socket: where they are, who may call them, and whose fault is whose."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import types
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web
from attrs import define, field
from multidict import CIMultiDict

from swaplab_core.adapters.gateway import LoopbackGateway
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import ShuttingDown, UnknownModel, UpstreamDied
from swaplab_core.plugin import Policy, Reply, Route, hookimpl
from swaplab_core.plugin.catalogue import Catalogue, PluginState
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.plugins.routes import mount_plugin_routes
from swaplab_core.server.route import ROUTES, RouteTable, any_method, get
from swaplab_core.server.security.access import Access
from swaplab_core.server.security.gate import gate_middleware
from swaplab_core.testing.waiting import wait_until_async

KEY = "sk-one"
ADMIN_TOKEN = "the admin token"


def plugin(*routes):
    """A hook module that answers with these routes."""

    @hookimpl
    def swaplab_routes():
        return routes

    module = types.ModuleType("made")
    module.swaplab_routes = swaplab_routes
    return module


def route(handler, path="/x", method="GET", **more):
    return Route(**{"method": method, "path": path, "policy": Policy.READ, "handler": handler, **more})


def saying(text):
    async def handler(_call, _gateway):
        return Reply(body=text.encode())

    return handler


@define(eq=False)
class Core:
    """What the core serves in these tests. `seen` are the headers of the requests to /echo."""

    seen: list[Mapping[str, str]] = field(factory=list)
    running: int = 0
    cut: asyncio.Event = field(factory=asyncio.Event)

    def routes(self):
        return [
            any_method("/echo", Policy.READ, self.echo),
            get("/endless", Policy.READ, self.endless),
            get("/broken", Policy.READ, self.broken),
            get("/v1/models", Policy.READ, self.models),
            get("/api/job/{id}", Policy.READ, self.models),
            get("/api/rest/{rest:.+}", Policy.READ, self.models),
        ]

    async def models(self, _):
        return web.Response(text="the core's")

    async def echo(self, request):
        self.seen.append(request.headers)
        return web.Response(status=418, text=f"{request.method} {request.raw_path} {await request.text()}")

    async def endless(self, request):
        self.running += 1
        try:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 1000)
                await asyncio.sleep(0)
        finally:
            self.running -= 1

    async def broken(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await self.cut.wait()
        request.transport.abort()
        return response


@define(eq=False)
class Serving:
    """A server that runs, and a client of it."""

    core: Core
    catalogue: Catalogue
    client: aiohttp.ClientSession

    async def get(self, path, **options):
        return await self.ask("GET", path, **options)

    async def ask(self, method, path, **options):
        """(status, text)"""
        async with self.client.request(method, path, **options) as response:
            return response.status, await response.text()

    def record(self, name):
        return next(record for record in self.catalogue.records if record.name == name)

    def is_fine(self, name="mine"):
        return self.record(name).state is PluginState.OK


@contextlib.asynccontextmanager
async def serving(*routes, keys=(), **plugins) -> AsyncIterator[Serving]:
    """Serve the plugin `mine` with these routes, and other plugins by name."""
    core, gateway = Core(), LoopbackGateway()
    modules = {"mine": plugin(*routes), **plugins} if routes else plugins
    catalogue = Catalogue.of(plugins=modules)
    application = web.Application(client_max_size=2**20)
    table = application[ROUTES] = RouteTable(application)
    gate = gate_middleware(table, Access.of(Config(api_keys=keys), ADMIN_TOKEN))
    application.middlewares.extend([error_middleware, gate])
    table.mount(core.routes())
    mount_plugin_routes(application, catalogue, gateway, None)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        gateway.use(url)
        async with aiohttp.ClientSession(url) as client:
            yield Serving(core, catalogue, client)
    finally:
        await runner.cleanup()
        await gateway.close()


def served(scenario, *routes, **options):
    async def run():
        async with serving(*routes, **options) as server:
            return await scenario(server)

    return asyncio.run(run())


# Where they are


def test_a_route_is_below_its_plugin_and_at_its_public_path():
    async def scenario(server):
        assert await server.get("/api/plugins/mine/chat") == (200, "hello")
        assert await server.get("/api/chat") == (200, "hello")
        assert (await server.get("/chat"))[0] == 404
        assert server.is_fine()

    served(scenario, route(saying("hello"), "/chat", public_path="/api/chat"))


def test_a_name_that_is_no_word_becomes_one_in_the_path():
    async def scenario(server):
        assert await server.get("/api/plugins/a-b-c-/x") == (200, "hello")

    served(scenario, **{"a/b{c}": plugin(route(saying("hello")))})


def test_a_get_answers_head_and_no_other_method():
    async def scenario(server):
        assert await server.ask("HEAD", "/api/plugins/mine/x") == (200, "")
        assert (await server.ask("POST", "/api/plugins/mine/x"))[0] == 405

    served(scenario, route(saying("hello")))


def test_a_handler_gets_the_whole_call():
    calls = []

    async def handler(call, _gateway):
        calls.append(call)
        return Reply.of_json(call.json())

    async def scenario(server):
        path = "/api/plugins/mine/a/one%2Ftwo/b/three/four"
        answer = await server.ask("POST", path + "?q=%C3%BC", data=b'{"n":1}', headers={"X-Some": "thing"})
        assert answer == (200, '{"n":1}')
        (call,) = calls
        assert (call.method, call.path) == ("POST", "/api/plugins/mine/a/one/two/b/three/four")
        assert call.match == {"name": "one/two", "rest": "three/four"}
        assert dict(call.query) == {"q": "ü"}
        assert call.headers["x-some"] == "thing"

    served(scenario, route(handler, "/a/{name}/b/{rest:path}", "POST"))


def test_a_body_above_the_limit_never_reaches_the_handler():
    async def scenario(server):
        status, text = await server.ask("POST", "/api/plugins/mine/x", data=io.BytesIO(b"x" * (2**20 + 1)))
        assert (status, "body-too-large" in text) == (413, True)
        assert server.is_fine()

    served(scenario, route(saying("hello"), method="POST"))


# Whose path


@pytest.mark.parametrize("path", ["/v1/models", "/api/job/7", "/api/rest/a/b"])
def test_a_path_of_the_core_stays_the_cores_and_the_plugin_degrades(path):
    async def scenario(server):
        assert await server.get(path) == (200, "the core's")
        assert await server.get("/api/plugins/mine/x") == (200, "mine")
        assert await server.get("/api/other") == (200, "also mine")
        record = server.record("mine")
        assert record.state is PluginState.DEGRADED
        assert record.error == f"GET {path} is not served by it, that path is already taken by swaplab itself"

    routes = (route(saying("mine"), public_path=path), route(saying("also mine"), "/y", public_path="/api/other"))
    served(scenario, *routes)


def test_of_two_plugins_the_later_one_degrades():
    async def scenario(server):
        assert await server.get("/api/chat") == (200, "early")
        assert await server.get("/api/plugins/late/x") == (200, "late")
        assert server.is_fine("early")
        assert server.record("late").error == "GET /api/chat is not served by it, that path is already taken by early"

    modules = {name: plugin(route(saying(name), public_path="/api/chat")) for name in ("late", "early")}
    served(scenario, **modules)


def test_a_plugin_that_repeats_itself_degrades_and_its_first_route_counts():
    async def scenario(server):
        assert await server.get("/api/plugins/mine/x") == (200, "one")
        assert "already taken by another route of its own" in server.record("mine").error

    served(scenario, route(saying("one")), route(saying("two")))


def test_a_route_that_the_router_cannot_take_degrades_its_plugin():
    async def scenario(server):
        assert await server.get("/api/plugins/mine/y") == (200, "fine")
        assert server.record("mine").state is PluginState.DEGRADED

    served(scenario, route(saying("odd"), "/{same}/{same}"), route(saying("fine"), "/y"))


def test_a_plugin_whose_hook_raises_loses_its_routes_and_nobody_else_theirs():
    @hookimpl
    def swaplab_routes():
        yield route(saying("early"))
        raise RuntimeError("out of ideas")

    broken = types.ModuleType("broken")
    broken.swaplab_routes = swaplab_routes

    async def scenario(server):
        assert (await server.get("/api/plugins/broken/x"))[0] == 404
        assert await server.get("/api/plugins/mine/x") == (200, "mine")
        assert await server.get("/v1/models") == (200, "the core's")
        assert server.record("broken").error == "RuntimeError: out of ideas"

    served(scenario, route(saying("mine")), broken=broken)


# Who may


def test_every_policy_but_open_asks_for_the_key():
    async def scenario(server):
        for policy in (Policy.INFER, Policy.READ, Policy.OPERATE):
            assert (await server.get(f"/api/plugins/mine/{policy.value}"))[0] == 401
            headers = {"Authorization": f"Bearer {KEY}"}
            assert await server.get(f"/api/plugins/mine/{policy.value}", headers=headers) == (200, "in")
        assert await server.get("/api/plugins/mine/open") == (200, "in")

    served(scenario, *(route(saying("in"), f"/{policy.value}", policy=policy) for policy in Policy), keys=[KEY])


@pytest.mark.parametrize(("keys", "refused"), [([], 401), ([KEY], 403)])
def test_what_is_for_the_administrator_asks_for_the_token_whatever_the_keys(keys, refused):
    async def scenario(server):
        status, text = await server.get("/api/plugins/mine/x", headers={"Authorization": f"Bearer {KEY}"})
        assert (status, "administrator" in text) == (refused, True)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        assert await server.get("/api/plugins/mine/x", headers=headers) == (200, "in")

    served(scenario, route(saying("in"), policy=Policy.ADMIN), keys=keys)


# Whose fault


async def raising(_call, _gateway):
    raise RuntimeError("secret insides")


async def wordless(_call, _gateway):
    return "hello"


async def with_a_bad_header(_call, _gateway):
    return Reply(headers={"X-Bad": "one\r\ntwo"})


async def raising_at_once(_call, _gateway):
    return Reply(body=pieces_then_error(RuntimeError("secret insides")))


async def pieces_then_error(error, *pieces):
    for piece in pieces:
        yield piece
    raise error


@pytest.mark.parametrize("handler", [raising, wordless, with_a_bad_header, raising_at_once])
def test_a_mistake_in_a_handler_is_a_clean_500_and_degrades_its_plugin(handler, caplog):
    async def scenario(server):
        status, text = await server.get("/api/plugins/mine/x")
        assert status == 500
        assert "the plugin 'mine' made a mistake" in text
        assert "secret" not in text
        assert server.record("mine").state is PluginState.DEGRADED
        assert await server.get("/v1/models") == (200, "the core's")

    with caplog.at_level(logging.ERROR):
        served(scenario, route(handler))
    assert "GET /api/plugins/mine/x of plugin 'mine' failed" in caplog.text


def test_an_error_of_our_own_tree_is_an_answer_and_no_mistake():
    async def handler(_call, _gateway):
        raise UnknownModel("no such model")

    async def scenario(server):
        status, text = await server.get("/api/plugins/mine/x")
        assert (status, "no such model" in text) == (404, True)
        assert server.is_fine()

    served(scenario, route(handler))


def test_a_wrong_body_is_the_callers_fault():
    async def handler(call, _gateway):
        return Reply.of_json(call.json())

    async def scenario(server):
        assert (await server.ask("POST", "/api/plugins/mine/x", data=b"{"))[0] == 400
        assert server.is_fine()

    served(scenario, route(handler, method="POST"))


# Streams


def test_each_piece_is_sent_as_soon_as_it_is_there():
    more = asyncio.Event()

    async def pieces():
        yield b"first"
        yield b""
        await more.wait()
        yield b"second"

    async def handler(_call, _gateway):
        return Reply(201, {"Content-Type": "application/x-ndjson"}, pieces())

    async def scenario(server):
        async with server.client.get("/api/plugins/mine/x") as response:
            assert response.status == 201
            assert response.headers["Content-Type"] == "application/x-ndjson"
            assert await response.content.readany() == b"first"
            more.set()
            assert await response.read() == b"second"

    served(scenario, route(handler))


@pytest.mark.parametrize(
    ("error", "state"), [(RuntimeError("oops"), PluginState.DEGRADED), (UpstreamDied("gone"), PluginState.OK)]
)
def test_a_stream_that_breaks_off_never_looks_complete(error, state):
    async def handler(_call, _gateway):
        return Reply(body=pieces_then_error(error, b"half"))

    async def scenario(server):
        async with server.client.get("/api/plugins/mine/x") as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert server.record("mine").state is state

    served(scenario, route(handler))


def test_a_client_that_leaves_ends_the_stream_and_what_the_handler_has_asked_for():
    ended = []

    async def pieces(answer):
        try:
            async for piece in answer.body:
                yield piece
        finally:
            ended.append(True)

    async def handler(_call, gateway):
        return Reply(body=pieces(await gateway.request("GET", "/endless")))

    async def scenario(server):
        async with server.client.get("/api/plugins/mine/x") as response:
            assert (await response.content.readany()).startswith(b"x")
            assert server.core.running == 1
        await wait_until_async(lambda: ended and not server.core.running, "the end of both")
        assert server.is_fine()

    served(scenario, route(handler))


def test_a_client_that_leaves_before_the_head_cancels_the_handler():
    began, ended = asyncio.Event(), []

    async def handler(_call, gateway):
        answer = await gateway.request("GET", "/endless")
        began.set()
        try:
            async for _ in answer.body:
                pass
        finally:
            ended.append(True)
        return Reply()

    async def scenario(server):
        asking = asyncio.get_running_loop().create_task(server.get("/api/plugins/mine/x"))
        await began.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await wait_until_async(lambda: ended and not server.core.running, "the end of both")

    served(scenario, route(handler))


def test_a_slow_reader_slows_the_plugin_and_the_core_behind_it():
    produced = []

    async def pieces(answer):
        async for piece in answer.body:
            produced.append(len(piece))
            yield piece * 100

    async def handler(_call, gateway):
        return Reply(body=pieces(await gateway.request("GET", "/endless")))

    async def scenario(server):
        async with server.client.get("/api/plugins/mine/x") as response:
            await response.content.readany()
            response.connection.transport.pause_reading()
            quiet = 0
            while quiet < 1000:  # turns of the event loop in a row in which nothing was produced
                before = len(produced)
                await asyncio.sleep(0)
                quiet = quiet + 1 if len(produced) == before else 0
            assert sum(produced) * 100 < 100 * 2**20

    served(scenario, route(handler))


# The gateway


def through(method="GET", path="/echo", **options):
    async def handler(_call, gateway):
        answer = await gateway.request(method, path, **options)
        return Reply(body=f"{answer.status} ".encode() + await answer.read())

    return handler


def test_every_status_is_an_answer():
    async def scenario(server):
        assert await server.get("/api/plugins/mine/x") == (200, '418 POST /echo?a=%2F {"b":1}')
        assert server.core.seen[0]["Content-Type"] == "application/json"

    served(scenario, route(through("POST", "/echo?a=%2F", json={"b": 1})))


def test_a_request_carries_what_the_server_judges_its_caller_by_and_nothing_else_of_it():
    async def scenario(server):
        headers = {
            "Authorization": f"Bearer {KEY}",
            "x-api-key": KEY,
            "api-key": KEY,
            "Cookie": "session=1",
            "Host": "localhost:8080",
            "Origin": "http://localhost:8080",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "X-Swaplab": "1",
        }
        await server.get("/api/plugins/mine/x", headers={**headers, "X-Other": "thing", "User-Agent": "me"})
        (seen,) = server.core.seen
        assert {name: seen.getall(name) for name in headers} == {name: [value] for name, value in headers.items()}
        assert seen["X-Mine"] == "1"
        assert "X-Other" not in seen
        assert seen["User-Agent"] == "me"

    served(scenario, route(through(headers={"X-Mine": "1"})), keys=[KEY])


def test_a_plugin_cannot_speak_for_itself():
    async def scenario(server):
        assert await server.get("/api/plugins/mine/x") == (200, "401 ")

    async def handler(_call, gateway):
        own = {"Authorization": f"Bearer {KEY}", "x-api-key": KEY, "Cookie": f"key={KEY}"}
        answer = await gateway.request("GET", "/echo", headers=own)
        return Reply(body=f"{answer.status} ".encode())

    served(scenario, route(handler, policy=Policy.OPEN), keys=[KEY])


def test_an_answer_that_breaks_off_says_so():
    async def handler(_call, gateway):
        answer = await gateway.request("GET", "/broken")
        assert await anext(answer.body) == b"half"
        server.core.cut.set()
        with pytest.raises(UpstreamDied, match="the answer broke off"):
            await answer.read()
        return Reply(body=b"noticed")

    async def scenario(serving):
        nonlocal server
        server = serving
        assert await server.get("/api/plugins/mine/x") == (200, "noticed")

    server = None
    served(scenario, route(handler))


def test_the_head_of_an_answer_may_be_handed_on():
    async def handler(_call, gateway):
        answer = await gateway.request("GET", "/v1/models")
        return Reply(answer.status, answer.headers, answer.body)

    async def scenario(server):
        assert await server.get("/api/plugins/mine/x") == (200, "the core's")

    served(scenario, route(handler))


def test_before_the_server_listens_there_is_nobody_to_ask():
    async def ask():
        gateway = LoopbackGateway()
        try:
            async with gateway.opened_for(CIMultiDict()) as asked:
                await asked.request("GET", "/")
        finally:
            await gateway.close()

    with pytest.raises(ShuttingDown, match="does not listen yet"):
        asyncio.run(ask())
