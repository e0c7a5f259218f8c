"""What the simulated engine does over several requests: loading, sleeping, counting, remembering, failing."""

from __future__ import annotations

import asyncio
import gzip

import aiohttp
import pytest

from swaplab_core.testing.sim import RunningSim, SimOptions, running_sim
from swaplab_core.testing.waiting import wait_until_async

CHAT = {"messages": [{"role": "user", "content": "hello there"}]}
LONG = SimOptions(tokens=1000, tokens_per_second=100)


def with_engine(options, use):
    """Run `use(sim, client)` against a loaded engine; the client is at the engine's base URL."""

    async def main():
        async with running_sim(options) as sim, aiohttp.ClientSession(sim.base_url) as client:
            if not options.never_ready:
                await sim.engine.loaded.wait()
            return await use(sim, client)

    return asyncio.run(main())


async def status_of(client: aiohttp.ClientSession, method: str, path: str, **request) -> int:
    async with client.request(method, path, **request) as response:
        await response.read()
        return response.status


async def json_of(client: aiohttp.ClientSession, method: str, path: str, **request):
    async with client.request(method, path, **request) as response:
        return await response.json()


def test_while_loading_health_and_inference_answer_503():
    async def use(sim: RunningSim, client):
        async with client.get("/health") as response:
            assert response.status == 503
            assert (await response.json())["error"]["message"] == "Loading model"
        assert await status_of(client, "POST", "/v1/chat/completions", json=CHAT) == 503
        assert await status_of(client, "GET", "/v1/models") == 200
        assert (await json_of(client, "GET", "/sim/state"))["is_loaded"] is False

    with_engine(SimOptions(never_ready=True), use)


def test_requests_wait_for_the_load_when_told():
    async def use(sim: RunningSim, client):
        async with asyncio.TaskGroup() as tasks:
            request = tasks.create_task(status_of(client, "POST", "/v1/chat/completions", json=CHAT))
            await wait_until_async(sim.engine.requests.entries, "the request to arrive")
            assert not request.done()
            sim.engine.loaded.set()
        assert request.result() == 200

    with_engine(SimOptions(wait_while_loading=True, never_ready=True), use)


def test_a_late_binder_is_loaded_when_it_listens():
    async def main() -> bool:
        async with running_sim(SimOptions(bind_late=True, load_seconds=0.05)) as sim:
            return sim.engine.loaded.is_set()

    assert asyncio.run(main())


def test_a_sleeper_refuses_work_until_it_is_woken():
    async def use(sim: RunningSim, client):
        assert await json_of(client, "GET", "/is_sleeping") == {"is_sleeping": False}
        assert await json_of(client, "POST", "/sleep?level=1") == {"status": "sleeping", "level": 1}
        assert await json_of(client, "GET", "/is_sleeping") == {"is_sleeping": True}
        assert await status_of(client, "POST", "/v1/chat/completions", json=CHAT) == 503
        assert await status_of(client, "GET", "/health") == 200
        assert (await json_of(client, "POST", "/wake_up"))["status"] == "awake"
        assert await status_of(client, "POST", "/v1/chat/completions", json=CHAT) == 200

    with_engine(SimOptions(sleep_seconds=0.01, wake_seconds=0.01), use)


def test_waking_may_be_done_in_parts():
    async def use(sim: RunningSim, client):
        await status_of(client, "POST", "/sleep?level=2")
        assert (await json_of(client, "POST", "/wake_up?tags=weights"))["status"] == "sleeping"
        assert (await json_of(client, "POST", "/wake_up?tags=kv_cache"))["status"] == "awake"

    with_engine(SimOptions(), use)


def test_a_failing_sleep_leaves_it_awake_and_a_failing_wake_asleep():
    async def no_sleep(sim: RunningSim, client):
        assert await status_of(client, "POST", "/sleep") == 500
        assert await json_of(client, "GET", "/is_sleeping") == {"is_sleeping": False}

    async def no_wake(sim: RunningSim, client):
        assert await status_of(client, "POST", "/sleep") == 200
        assert await status_of(client, "POST", "/wake_up") == 500
        assert await json_of(client, "GET", "/is_sleeping") == {"is_sleeping": True}

    with_engine(SimOptions(sleep_fails=True), no_sleep)
    with_engine(SimOptions(wake_fails=True), no_wake)


def test_an_unknown_sleep_level_is_refused():
    async def use(sim: RunningSim, client):
        assert await status_of(client, "POST", "/sleep?level=9") == 400

    with_engine(SimOptions(), use)


def test_sleeping_gives_the_memory_back_and_waking_takes_it_again():
    async def use(sim: RunningSim, client):
        full = {"footprint_mib": 8, "allocated_mib": 8}
        assert await json_of(client, "GET", "/sim/footprint") == full
        await status_of(client, "POST", "/sleep")
        assert await json_of(client, "GET", "/sim/footprint") == {"footprint_mib": 0, "allocated_mib": 0}
        await status_of(client, "POST", "/wake_up")
        assert await json_of(client, "GET", "/sim/footprint") == full

    with_engine(SimOptions(footprint_mib=8, allocate=True), use)


def test_a_declared_footprint_costs_no_memory():
    async def use(sim: RunningSim, client):
        assert await json_of(client, "GET", "/sim/footprint") == {"footprint_mib": 100_000, "allocated_mib": 0}

    with_engine(SimOptions(footprint_mib=100_000), use)


def test_requests_beyond_the_slots_wait():
    async def use(sim: RunningSim, client):
        async with client.post("/v1/chat/completions", json={**CHAT, "stream": True}) as first:
            await first.content.readline()
            async with asyncio.TaskGroup() as tasks:
                second = tasks.create_task(status_of(client, "POST", "/v1/completions", json={"max_tokens": 1}))
                await wait_until_async(lambda: sim.engine.meter.waiting == 1, "the second request to wait")
                assert await json_of(client, "GET", "/load") == {"server_load": 2}
                first.close()
            assert second.result() == 200

    with_engine(SimOptions(slots=1, tokens=1000, tokens_per_second=50), use)


def test_a_client_that_leaves_ends_the_generation():
    async def use(sim: RunningSim, client):
        async with client.post("/v1/chat/completions", json={**CHAT, "stream": True}) as response:
            await response.content.readline()
            assert sim.engine.meter.running == 1
            response.close()
        await wait_until_async(lambda: sim.engine.meter.totals["abort"], "the generation to end")
        assert sim.engine.meter.running == 0
        assert sim.engine.meter.totals["generation"] < 1000

    with_engine(LONG, use)


def test_requests_are_remembered_until_they_are_forgotten():
    async def use(sim: RunningSim, client):
        await status_of(client, "GET", "/health")
        await status_of(client, "POST", "/v1/chat/completions", data=b'{"a":  1}', headers={"X-Mark": "y"})
        (entry,) = await json_of(client, "GET", "/sim/requests")
        assert (entry["method"], entry["target"], entry["body"]) == ("POST", "/v1/chat/completions", '{"a":  1}')
        assert ["X-Mark", "y"] in entry["headers"]
        await status_of(client, "DELETE", "/sim/requests")
        assert await json_of(client, "GET", "/sim/requests") == []

    with_engine(SimOptions(), use)


def test_what_is_remembered_is_bounded():
    async def use(sim: RunningSim, client):
        body = b" " * 100_000 + b"{}"
        for _ in range(70):
            await status_of(client, "POST", "/v1/completions", data=body)
        entries = await json_of(client, "GET", "/sim/requests")
        assert len(entries) == 64
        assert entries[-1]["body_bytes"] == 100_002
        assert len(entries[-1]["body"]) == 65_536

    with_engine(SimOptions(), use)


@pytest.mark.parametrize("status", [200, 500])
def test_health_answers_the_status_it_is_told(status):
    async def use(sim: RunningSim, client):
        assert await status_of(client, "GET", "/health") == status

    with_engine(SimOptions(health_status=status, never_ready=True), use)


def test_a_slow_health_answers_in_the_end():
    async def use(sim: RunningSim, client):
        assert await status_of(client, "GET", "/health") == 200

    with_engine(SimOptions(slow_health=0.02), use)


@pytest.mark.parametrize(
    ("options", "path"), [(SimOptions(hang_on_health=True), "/health"), (SimOptions(), "/sim/hang")]
)
def test_hanging_paths_take_the_request_and_never_answer(options, path):
    async def use(sim: RunningSim, client):
        with pytest.raises(TimeoutError):
            await status_of(client, "GET", path, timeout=aiohttp.ClientTimeout(total=0.1))
        assert await status_of(client, "GET", "/v1/models") == 200

    with_engine(options, use)


def test_a_truncated_stream_ends_without_its_terminator():
    async def use(sim: RunningSim, client):
        async with client.post("/v1/chat/completions", json={**CHAT, "stream": True}) as response:
            events = [await response.content.readuntil(b"\n\n") for _ in range(2)]
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert all(event.startswith(b"data: {") for event in events)
        await wait_until_async(lambda: sim.engine.meter.totals["abort"] == 1, "the stream to be counted as aborted")

    with_engine(SimOptions(truncate_stream=2, tokens_per_second=200), use)


async def raw_exchange(sim: RunningSim, request: bytes) -> bytes:
    """Send one request and read until the engine closes the connection."""
    host, port = sim.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    received = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize(("body", "ending"), [(b'{"stream":true}', b"0\r\n\r\n"), (b"{}", b"}")])
def test_a_liar_about_keep_alive_sends_the_whole_reply_and_closes(body, ending):
    async def use(sim: RunningSim, client):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        received = await asyncio.wait_for(raw_exchange(sim, head + body), 120)
        assert b"\r\nConnection: keep-alive\r\n" in received
        assert b"\r\nKeep-Alive: timeout=5, max=100\r\n" in received
        assert received.endswith(ending)

    with_engine(SimOptions(close_after_reply=True), use)


@pytest.mark.parametrize("stream", [True, False])
def test_gzip_is_used_when_both_sides_want_it(stream):
    async def use(sim: RunningSim, client):
        headers = {"Accept-Encoding": "gzip"}
        async with client.post("/v1/chat/completions", json={"stream": stream}, headers=headers) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert b"pretends" in gzip.decompress(await response.read())
        headers = {"Accept-Encoding": "identity"}
        async with client.post("/v1/chat/completions", json={"stream": stream}, headers=headers) as response:
            assert "Content-Encoding" not in response.headers

    async def main():
        async with (
            running_sim(SimOptions(gzip=True)) as sim,
            aiohttp.ClientSession(sim.base_url, auto_decompress=False) as client,
        ):
            await sim.engine.loaded.wait()
            await use(sim, client)

    asyncio.run(main())


def test_each_event_of_a_compressed_stream_can_be_read_at_once():
    async def use(sim: RunningSim, client):
        async with client.post("/v1/chat/completions", json={"stream": True}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            return await response.content.readuntil(b"\n\n")

    first = with_engine(SimOptions(gzip=True, first_token_seconds=30), use)
    assert b'"role":"assistant"' in first


def test_the_websocket_echoes_texts_and_bytes():
    async def use(sim: RunningSim, client):
        async with client.ws_connect("/ws") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
            await socket.send_bytes(b"\0\1")
            assert await socket.receive_bytes() == b"\0\1"

    with_engine(SimOptions(), use)


def test_an_engine_in_the_tests_own_process_refuses_to_end_it():
    async def use(sim: RunningSim, client):
        with pytest.raises(RuntimeError, match="run it as a process"):
            sim.engine.leave(1)

    with_engine(SimOptions(), use)
