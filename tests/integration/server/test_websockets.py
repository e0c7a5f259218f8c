"""Websockets through swaplab: a tunnel that holds its model, unless the model ignores them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import aiohttp
import pytest
from running_swaplab import Swaplab, running_swaplab, sim

IGNORED = {"compat": {"ignoreWebsockets": True}}
SOME_MEGABYTES = bytes(range(256)) * 12_000

Work = Callable[[aiohttp.ClientSession], Awaitable[None]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    models = {"m": sim(), "other": sim(), "left": {**sim(), **IGNORED}, "right": {**sim(), **IGNORED}}
    selectors = {"spill": {"strategy": "spillover", "targets": ["left", "right"]}}
    groups = {"swapping": {"members": ["m", "other"]}, "together": {"swap": False, "members": ["left", "right"]}}
    with running_swaplab(tmp_path_factory.mktemp("sockets"), models, selectors=selectors, groups=groups) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared) -> Swaplab:
    return shared.renew()


def with_session(swaplab: Swaplab, work: Work) -> None:
    async def scenario():
        async with aiohttp.ClientSession(swaplab.url) as session:
            await work(session)

    asyncio.run(asyncio.wait_for(scenario(), 120))


async def ask(swaplab: Swaplab, **wanted: object) -> None:
    """Wait until the model `m` has these values, while the websocket stays open."""
    await asyncio.to_thread(swaplab.wait_for, "m", **wanted)


async def refusal(session: aiohttp.ClientSession, path: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect(path)
    return refused.value.status


def test_a_websocket_starts_its_model_and_holds_it_as_long_as_it_is_open(swaplab):
    async def work(session):
        async with session.ws_connect("/upstream/m/ws") as socket:
            await ask(swaplab, state="ready", serving=1)
            await socket.send_str("hello")
            assert (await socket.receive()).data == "hello"
        await ask(swaplab, serving=0)

    with_session(swaplab, work)
    assert swaplab.starts() == ["m"]


@pytest.mark.parametrize("compress", [0, 15], ids=["plain", "compressed"])
def test_messages_of_any_size_pass_both_ways(swaplab, compress):
    async def work(session):
        async with session.ws_connect("/upstream/m/ws", compress=compress, max_msg_size=0) as socket:
            for message in (b"", b"\0", SOME_MEGABYTES):
                await socket.send_bytes(message)
                assert (await socket.receive()).data == message
            assert socket.compress == compress

    with_session(swaplab, work)


def test_pings_and_close_codes_are_between_client_and_engine(swaplab):
    async def work(session):
        async with session.ws_connect("/upstream/m/ws", autoping=False) as socket:
            await socket.ping(b"you?")
            answer = await socket.receive()
            assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"you?")
            await socket.send_frame(b"\xff", aiohttp.WSMsgType.TEXT)
            closed = await socket.receive()
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.INVALID_TEXT)

    with_session(swaplab, work)


def test_a_client_that_vanishes_frees_its_place(swaplab):
    async def work(session):
        socket = await session.ws_connect("/upstream/m/ws")
        await ask(swaplab, serving=1)
        socket._response.connection.transport.abort()
        await ask(swaplab, serving=0)

    with_session(swaplab, work)


def test_an_engine_that_dies_ends_the_tunnel(swaplab):
    async def work(session):
        async with session.ws_connect("/upstream/m/ws") as socket:
            await ask(swaplab, serving=1)
            answer = await session.post("/upstream/m/sim/exit", json={"code": 3})
            assert answer.status == 502
            assert (await socket.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        await ask(swaplab, serving=0)

    with_session(swaplab, work)


def test_an_engine_that_wants_no_websocket_says_so_itself_and_the_connection_lives_on(swaplab):
    async def work(session):
        assert await refusal(session, "/upstream/m/sim/status/404") == 404
        assert await refusal(session, "/upstream/nobody/ws") == 404
        async with session.get("/upstream/m/test") as answer:
            assert answer.status == 200

    with_session(swaplab, work)


@pytest.mark.parametrize("path", ["/upstream/left/ws", "/props?model=left", "/props?model=spill"])
def test_an_ignored_websocket_starts_nothing(swaplab, path):
    async def work(session):
        assert await refusal(session, path) == 409

    with_session(swaplab, work)
    assert swaplab.starts() == []


def test_an_ignored_websocket_does_not_wait_for_a_model_that_starts(serve):
    swaplab = serve({"slow": {**sim("--load-seconds", "60"), **IGNORED}})

    async def work(session):
        assert await refusal(session, "/upstream/slow/ws") == 409

    with swaplab.waiting("slow"):
        swaplab.wait_for("slow", state="starting")
        with_session(swaplab, work)


@pytest.mark.parametrize("path", ["/upstream/left/ws", "/props?model=left"])
def test_an_ignored_websocket_reaches_a_model_that_is_ready_and_counts_for_nothing(swaplab, path):
    assert swaplab.chat("left").status == 200

    async def work(session):
        async with session.ws_connect(path) as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == "hello"
            assert (swaplab.model("left")["serving"], in_flight(swaplab)) == (0, [])

    with_session(swaplab, work)


def test_an_ignored_websocket_takes_no_place_of_a_selector(swaplab):
    assert swaplab.chat("spill").status == 200

    async def work(session):
        async with session.ws_connect("/props?model=spill") as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == "hello"
            assert (await asyncio.to_thread(swaplab.chat, "spill")).status == 200

    with_session(swaplab, work)
    assert swaplab.starts() == ["left"], "a held place would have sent the second request to the right one"


def test_other_websockets_to_inference_paths_are_in_flight(swaplab):
    async def work(session):
        async with session.ws_connect("/upstream/m/props?a=b"):
            assert [request["req_path"] for request in in_flight(swaplab)] == ["/props?a=b"]
        async with session.ws_connect("/props?model=m"):
            assert [request["model"] for request in in_flight(swaplab)] == ["m"]
        async with session.ws_connect("/upstream/m/ws"):
            assert in_flight(swaplab) == []

    with_session(swaplab, work)


def in_flight(swaplab: Swaplab) -> list[dict[str, object]]:
    return swaplab.ask("GET", "/api/inflight").json()["requests"]


def test_an_ignored_websocket_holds_no_swap_up_and_is_cut_by_it(serve):
    swaplab = serve({"a": {**sim(), **IGNORED, "unloadTimeout": 1}, "b": sim()})
    assert swaplab.chat("a").status == 200

    async def work(session):
        async with session.ws_connect("/upstream/a/ws") as socket:
            assert (await asyncio.to_thread(swaplab.chat, "b")).status == 200
            message = await socket.receive()
            assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}

    with_session(swaplab, work)
    assert swaplab.starts() == ["a", "b"]


def test_an_ignored_websocket_does_not_hold_the_idle_time_off(serve):
    swaplab = serve({"a": {**sim(), **IGNORED, "ttl": 1, "unloadTimeout": 1}})
    assert swaplab.chat("a").status == 200

    async def work(session):
        async with session.ws_connect("/upstream/a/ws"):
            await asyncio.to_thread(swaplab.wait_for, "a", state="stopped")

    with_session(swaplab, work)


def test_the_access_log_tells_of_a_websocket_when_it_has_ended(swaplab):
    async def work(session):
        async with session.ws_connect("/upstream/m/ws?told"):
            pass

    with_session(swaplab, work)
    swaplab.wait_for_log('"GET /upstream/m/ws?told HTTP/1.1" 101')
