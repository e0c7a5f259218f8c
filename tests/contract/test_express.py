"""The express lane keeps the relay's contract, and nobody can tell it from the long way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop
from engine_answers import BROKEN, CHUNKED, EVENTS, HEAD, WHOLE, WRONG
from express_world import ANSWER, SMALL, ExpressWorld
from relay_world import parse

from swaplab_core.domain.errors import ShuttingDown
from swaplab_core.server.express import front, lane
from swaplab_core.testing.contracts.scenario import Contract
from swaplab_core.testing.waiting import wait_until_async

STREAM = (
    EVENTS
    + b"".join(
        b"%x\r\n%b\r\n" % (len(event), event)
        for event in (
            b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
            b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\ndata: [DONE]\n\n',
        )
    )
    + b"0\r\n\r\n"
)


class ExpressContract(Contract[ExpressWorld]):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ExpressWorld]:
        async with ExpressWorld.running(m={"aliases": ("also-m",)}, other={}) as world:
            await world.warm()
            yield world

    # the same answers

    @pytest.mark.parametrize("pieces", WHOLE.values(), ids=WHOLE)
    def test_whatever_its_framing_the_same_body_comes_whole(self, pieces):
        async def scenario(world: ExpressWorld) -> None:
            world.answers(*pieces)
            async with world.client() as caller:
                for _ in range(2):
                    answer = await caller.ask(world.request())
                    assert (answer.status, answer.body, answer.is_whole) == (200, b"hello", True)
            assert world.long == 0

        self.run(scenario)

    @pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
    def test_what_breaks_off_never_looks_whole(self, reply):
        async def scenario(world: ExpressWorld) -> None:
            world.answers(reply)
            async with world.client() as caller:
                answer = await caller.ask(world.request())
            assert answer.status == 502 or (answer.body in {b"", b"he", b"hello"} and not answer.is_whole)
            assert world.long == 0

        self.run(scenario)

    @pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
    def test_what_is_no_answer_is_a_502_as_on_the_long_way(self, reply):
        async def scenario(world: ExpressWorld) -> None:
            world.answers(reply)
            async with world.client() as caller:
                here = await caller.ask(world.request())
                there = await caller.ask(world.request(None, "X-New: 1"))
                again = await caller.ask(world.request())
            assert (here.status, here.body) == (there.status, there.body) == (again.status, again.body)
            assert (here.status, json.loads(here.body)["error"]["code"]) == (502, "upstream-died")
            assert world.long == 1
            row = (await world.recorded())[0]
            assert (row.status, row.error_msg) == (502, json.loads(here.body)["error"]["message"])

        self.run(scenario)

    @pytest.mark.parametrize(
        "reply",
        [
            ANSWER,
            STREAM,
            HEAD + b"\r\nuntil the end",
            HEAD + b"Content-Length: 0\r\n\r\n",
            b"HTTP/1.1 204 No\r\nETag: x\r\n\r\n",
            b"HTTP/1.1 304 No\r\nETag: x\r\n\r\n",
            b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nOK",
            b'HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"error": "x"}',
            HEAD + b"Set-Cookie: a\r\nSet-Cookie: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
            b"Access-Control-Allow-Origin: *\r\nX-Name: value\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
        ],
        ids=["JSON", "events", "no length", "empty", "204", "304", "299", "400", "many headers"],
    )
    def test_head_body_and_row_are_those_of_the_long_way(self, reply):
        async def scenario(world: ExpressWorld) -> None:
            world.answers(reply)
            async with world.client() as caller:
                here = await caller.ask(world.request())
                there = await caller.ask(world.request(None, "X-New: 1"))
            assert world.long == 1
            assert (here.status, here.body, here.is_whole) == (there.status, there.body, there.is_whole)
            assert _told(here.headers) == _told(there.headers)
            first, second = await world.recorded()
            assert _lasting(first) == _lasting(second)

        self.run(scenario)

    def test_the_engine_is_sent_the_same(self):
        async def scenario(world: ExpressWorld) -> None:
            headers = (
                "Authorization: Bearer k",
                "Accept-Encoding: gzip, br",
                "X-Forwarded-For: 1.2.3.4",
                "Accept: */*",
            )
            async with world.client() as caller:
                for _ in range(3):
                    await caller.ask(world.request({"model": "m", "n": 1}, *headers))
            assert world.long == 1
            assert world.requests[0] == world.requests[1] == world.requests[2]
            assert b"Accept-Encoding: gzip\r\n" in world.requests[0]

        self.run(scenario)

    def test_names_and_filters_are_followed(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                await caller.ask(world.request({"model": "also-m", "n": 2}))
            assert world.long == 0
            assert json.loads(world.requests[0].partition(b"\r\n\r\n")[2]) == {"model": "also-m", "n": 2}
            assert (await world.recorded())[0].model == "m"

        self.run(scenario)

    def test_events_go_on_one_by_one_and_a_broken_stream_ends_with_an_error_event_and_a_cut(self):
        async def scenario(world: ExpressWorld) -> None:
            go_on = asyncio.Event()

            async def script(reader, writer):
                await world.read_request(reader)
                writer.write(EVENTS)
                writer.write(b"9\r\ndata: 1\n\n\r\n")
                await go_on.wait()
                writer.write(b"9\r\ndata: 2\n\n\r\n")

            world.script = script
            async with world.client() as caller:
                caller.send(world.request())
                first = await caller.reader.readuntil(b"data: 1\n\n\r\n")
                (entry,) = world.lane.observer.inflight.all()
                assert (entry.model, entry.response_bytes) == ("m", 9)
                go_on.set()
                answer = parse(first + await caller.rest(), "POST")
            assert answer.body.startswith(b"data: 1\n\ndata: 2\n\n\n\nevent: error\ndata: {")
            assert not answer.is_whole
            assert world.long == 0
            assert not (await world.recorded())[0].error_msg.startswith("the client")

        self.run(scenario)

    # who may pass

    def test_another_head_takes_the_long_way_once(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                for _ in range(3):
                    await caller.ask(world.request(None, "X-Other: 1"))
                    await caller.ask(world.request())
            assert world.long == 1

        self.run(scenario)

    def test_when_the_rules_have_changed_the_long_way_is_asked_at_once(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                await caller.ask(world.request())
                assert world.long == 0
                world.rules, world.refuse = object(), lambda _: True
                assert (await caller.ask(world.request())).status == 403
                assert (await caller.ask(world.request())).status == 403
            assert world.long == 2

        self.run(scenario)

    def test_nothing_is_remembered_for_long(self, monkeypatch):
        monkeypatch.setattr(lane, "FRESH_SECONDS", 0.02)

        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                await caller.ask(world.request())
                world.refuse = lambda _: True
                await asyncio.sleep(0.03)
                assert (await caller.ask(world.request())).status == 403

        self.run(scenario)

    def test_one_request_asks_again_before_what_is_known_is_too_old(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                for known in world.lane._admitted.values():
                    known.renewed_at = 0.0
                for _ in range(3):
                    assert (await caller.ask(world.request())).status == 200
                assert world.long == 1, "the others pass meanwhile, and afterwards"
                world.refuse = lambda _: True
                for known in world.lane._admitted.values():
                    known.renewed_at = known.until = 0.0
                assert (await caller.ask(world.request())).status == 403

        self.run(scenario)

    def test_who_is_refused_is_never_remembered(self):
        async def scenario(world: ExpressWorld) -> None:
            world.refuse = lambda request: request.headers.get("Authorization") != "Bearer right"
            for number in range(1, 4):
                async with world.client() as caller:
                    assert (await caller.ask(world.request(None, "Authorization: Bearer wrong"))).status == 403
                assert world.long == number

        self.run(scenario)

    @pytest.mark.parametrize(
        "line",
        [
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
            b"Cookie: a=b",
            b"Origin: http://x",
            b"Sec-Fetch-Site: none",
            b"Connection: close",
            b"Content-Encoding: identity",
            b"X-Name: caf\xe9",
        ],
    )
    @pytest.mark.parametrize("version", [b"1.1", b"1.0"])
    def test_what_is_not_plain_takes_the_long_way_every_time(self, version, line):
        async def scenario(world: ExpressWorld) -> None:
            head = b"POST /v1/chat/completions HTTP/" + version + b"\r\nHost: x\r\n" + line + b"\r\n"
            length, body = b"Content-Length: 13\r\n\r\n", b'{"model":"m"}'
            if b"chunked" in line:
                length, body = b"\r\n", b"d\r\n" + body + b"\r\n0\r\n\r\n"
            for number in (1, 2):
                async with world.client() as caller:
                    caller.send(head + length + body)
                    assert b" 200 OK\r\n" in await caller.reader.readuntil(SMALL)
                assert world.long == number

        self.run(scenario)

    @pytest.mark.parametrize("lines", [b"Content-Length: 13\r\nContent-Length: 14\r\n", b"Content-Length: 13\r\n" * 2])
    def test_two_lengths_are_refused(self, lines):
        async def scenario(world: ExpressWorld) -> None:
            for _ in range(2):
                async with world.client() as caller:
                    caller.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + lines + b'\r\n{"model":"m"}')
                    assert (await caller.rest()).startswith(b"HTTP/1.0 400 ")
            assert not world.requests

        self.run(scenario)

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": 1}', b'{"model": "nobody"}', b"{}"])
    def test_what_cannot_be_served_is_told_by_the_long_way(self, body):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                for _ in range(2):
                    assert (await caller.ask(world.request(body))).status in {400, 404}
                assert (await caller.ask(world.request())).status == 200
            assert world.long == 2

        self.run(scenario)

    def test_a_model_that_is_not_ready_is_waited_for_on_the_long_way(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                assert (await caller.ask(world.request({"model": "other"}))).status == 200
                assert world.long == 1
                assert (await caller.ask(world.request({"model": "m"}))).status == 200
                assert world.long == 2, "the other had to go first"

        self.run(scenario)

    def test_a_daemon_that_ends_says_so(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                world.dispatcher._closing = True
                answer = await caller.ask(world.request())
            assert json.loads(answer.body)["error"]["code"] == ShuttingDown.code

        self.run(scenario)

    # how a request comes

    def test_a_request_may_come_in_pieces(self):
        async def scenario(world: ExpressWorld) -> None:
            request = world.request()
            for cut in (1, 20, request.index(b"\r\n\r\n") + 3, request.index(b"\r\n\r\n") + 4, len(request) - 1):
                async with world.client() as caller:
                    caller.send(request[:cut])
                    await asyncio.sleep(0.01)
                    assert (await caller.ask(request[cut:])).body == SMALL

        self.run(scenario)

    def test_requests_sent_without_waiting_are_answered_in_order(self):
        async def scenario(world: ExpressWorld) -> None:
            async def script(reader, writer):
                while True:
                    request = await world.read_request(reader)
                    number = json.loads(request.partition(b"\r\n\r\n")[2])["n"]
                    await asyncio.sleep(0.01)
                    writer.write(HEAD + b"Content-Length: 1\r\n\r\n%d" % number)

            world.script = script
            requests = [world.request({"model": "m", "n": n}) for n in range(6)]
            async with world.client() as caller:
                caller.send(requests[0])
                await asyncio.sleep(0.002)
                caller.send(requests[1] + requests[2])
                await asyncio.sleep(0.002)
                caller.send(requests[3][:30])
                await asyncio.sleep(0.002)
                caller.send(requests[3][30:] + world.request({"model": "m", "n": 4}, "X-New: 1") + requests[5])
                received = b""
                while received.count(b"HTTP/1.1 200") < 6 or not received.endswith(b"5"):
                    received += await caller.reader.read(2**16)
            bodies = [part[part.index(b"\r\n\r\n") + 4 :] for part in received.split(b"HTTP/1.1 200 OK\r\n")[1:]]
            assert bodies == [b"0", b"1", b"2", b"3", b"4", b"5"]

        self.run(scenario)

    def test_a_large_body_takes_the_long_way(self):
        async def scenario(world: ExpressWorld) -> None:
            body = json.dumps({"model": "m", "x": "y" * 2**20}).encode()
            async with world.client() as caller:
                assert (await caller.ask(world.request(body))).body == SMALL
            assert world.long == 1
            assert world.requests[0].endswith(body)

        self.run(scenario)

    def test_a_larger_body_in_many_reads_passes(self):
        async def scenario(world: ExpressWorld) -> None:
            body = json.dumps({"model": "m", "x": "y" * 900_000}).encode()
            async with world.client() as caller:
                assert (await caller.ask(world.request(body))).body == SMALL
            assert (world.long, world.requests[0][-len(body) :]) == (0, body)

        self.run(scenario)

    # slow and leaving clients

    def test_an_engine_waits_for_a_client_that_does_not_read(self):
        async def scenario(world: ExpressWorld) -> None:
            written, stuck = 0, asyncio.Event()

            async def script(reader, writer):
                nonlocal written
                await world.read_request(reader)
                writer.write(CHUNKED)
                while written < 2**28:
                    writer.write(b"10000\r\n" + b"x" * 2**16 + b"\r\n")
                    written += 2**16
                    try:
                        async with asyncio.timeout(0.5):
                            await writer.drain()
                    except TimeoutError:
                        stuck.set()
                        await writer.drain()
                writer.write(b"0\r\n\r\n")

            world.script = script
            async with world.client() as caller:
                caller.send(world.request())
                await stuck.wait()
                assert written < 2**26, "the relay keeps what the client does not read"
                received, tail = 0, b""
                while not tail.endswith(b"0\r\n\r\n"):
                    data = await caller.reader.read(2**20)
                    assert data
                    received, tail = received + len(data), (tail + data)[-10:]
                assert received > 2**28
            assert world.long == 0

        self.run(scenario)

    @pytest.mark.parametrize("when", ["before the head", "in the middle"])
    def test_a_client_that_leaves_is_noticed_by_the_engine_at_once(self, when):
        async def scenario(world: ExpressWorld) -> None:
            left, asked = asyncio.Event(), asyncio.Event()

            async def script(reader, writer):
                await world.read_request(reader)
                asked.set()
                if when == "in the middle":
                    writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
                await reader.read()
                left.set()

            world.script = script
            async with world.client() as caller:
                caller.send(world.request())
                await asked.wait()
                if when == "in the middle":
                    await caller.reader.readuntil(b"data: 1\n\n")
            await left.wait()
            (row,) = await world.recorded()
            assert row.error_msg == "the client left"

        self.run(scenario)

    def test_a_request_in_flight_can_be_cancelled(self):
        async def scenario(world: ExpressWorld) -> None:
            left = asyncio.Event()

            async def script(reader, writer):
                await world.read_request(reader)
                writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
                await reader.read()
                left.set()

            world.script = script
            async with world.client() as caller:
                caller.send(world.request())
                first = await caller.reader.readuntil(b"data: 1\n\n")
                (entry,) = world.lane.observer.inflight.all()
                assert world.lane.observer.inflight.cancel(entry.id)
                assert not parse(first + await caller.rest(), "POST").is_whole
            await left.wait()

        self.run(scenario)

    # engines that die

    def test_a_kept_connection_that_dies_before_the_answer_is_replaced_once(self):
        async def scenario(world: ExpressWorld) -> None:
            async def script(reader, writer):
                await world.read_request(reader)
                writer.write(ANSWER)
                await world.read_request(reader)

            world.script = script
            async with world.client() as caller:
                assert [(await caller.ask(world.request())).body for _ in range(4)] == [SMALL] * 4
            assert (world.connections, world.long) == (4, 0)

        self.run(scenario)

    def test_an_engine_that_was_dying_when_it_was_granted_has_not_had_the_request(self):
        async def scenario(world: ExpressWorld) -> None:
            async def script(reader, writer):
                await world.read_request(reader)
                world.script = None

            world.script, world.life.dying = script, True
            async with world.client() as caller:
                assert (await caller.ask(world.request())).body == SMALL
            assert (world.long, len(world.requests)) == (1, 2)
            assert [row.status for row in await world.recorded()] == [200]

        self.run(scenario)

    # the log, and the end

    def test_the_log_has_the_same_line(self):
        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                await caller.ask(world.request(None, "User-Agent: me/1", "X-Real-IP: 9.9.9.9"))
                await caller.ask(world.request(None, "User-Agent: me/1", "X-Real-IP: 9.9.9.9"))
            assert world.long == 1
            log = world.log.history("proxy")
            await wait_until_async(lambda: log.content().count(b"me/1") == 2, "both lines")
            lines = [line.rpartition(b" ")[0] for line in log.content().splitlines() if b"me/1" in line]
            assert lines[0] == lines[1]
            assert b'9.9.9.9 "POST /v1/chat/completions HTTP/1.1" 200 %d "me/1"' % len(SMALL) in lines[0]

        self.run(scenario)

    def test_a_door_at_which_nothing_happens_is_closed(self, monkeypatch):
        monkeypatch.setattr(front, "MOST_IDLE_SECONDS", 0.0)

        async def scenario(world: ExpressWorld) -> None:
            async with world.client() as caller:
                await caller.ask(world.request())
                await asyncio.sleep(0.01)
                world.runner._close_idle()
                assert await caller.rest() == b""

        self.run(scenario)


def _told(headers) -> list[tuple[bytes, bytes]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() != b"date" or b"1970" in value)


def _lasting(row) -> tuple[object, ...]:
    return (row.model, row.req_path, row.status, row.content_type, row.tokens, row.error_msg, row.metadata)


class TestExpress(ExpressContract):
    loop_factory = uvloop.new_event_loop


class TestExpressOnAsyncio(ExpressContract):
    """Where there is no uvloop."""
