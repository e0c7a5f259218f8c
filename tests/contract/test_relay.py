"""Both ways of the relay keep the same contract: the short one on connections of our own, the long one on aiohttp's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop
from attrs import evolve
from engine_answers import BROKEN, EVENTS, HEAD, WHOLE, WRONG
from relay_world import OK, Seen, World, parse

from swaplab_core.adapters.relay import Body, Relay
from swaplab_core.domain.errors import UpstreamDied, UpstreamTimeout
from swaplab_core.testing.contracts.scenario import Contract
from swaplab_core.testing.network import LOOPBACK, find_free_port

POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


class RelayContract(Contract[World]):
    direct = True

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with World.running(Relay(direct=self.direct)) as world:
            yield world

    # answers

    @pytest.mark.parametrize("pieces", WHOLE.values(), ids=WHOLE)
    def test_whatever_its_framing_the_same_body_comes_whole(self, pieces):
        async def scenario(world: World) -> None:
            world.answers(*pieces)
            answer = await world.get()
            assert (answer.status, answer.body, answer.is_whole) == (200, b"hello", True)
            assert not answer.values(b"x-sum")
            assert not answer.values(b"link")

        self.run(scenario)

    @pytest.mark.parametrize("pieces", WHOLE.values(), ids=WHOLE)
    def test_a_client_of_http_1_0_gets_it_without_chunks(self, pieces):
        async def scenario(world: World) -> None:
            world.answers(*pieces)
            received = await world.ask(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            assert received.endswith(b"\r\n\r\nhello")
            assert b"chunked" not in received

        self.run(scenario)

    @pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
    def test_what_breaks_off_never_looks_whole(self, reply):
        async def scenario(world: World) -> None:
            world.answers(reply)
            answer = await world.get()
            assert answer.status == 502 or (answer.body in {b"", b"he", b"hello"} and not answer.is_whole)

        self.run(scenario)

    @pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG)
    def test_what_is_no_answer_is_a_502(self, reply):
        async def scenario(world: World) -> None:
            world.answers(reply)
            answer = await world.get()
            assert answer.status == 502
            assert str(world.errors[0]).startswith("engine did not answer: ")
            assert isinstance(world.errors[0], UpstreamDied)

        self.run(scenario)

    def test_a_broken_stream_ends_with_an_error_event_and_a_cut(self):
        async def scenario(world: World) -> None:
            world.answers(EVENTS + b"9\r\ndata: 1\n\n\r\n")
            answer = await world.get()
            assert answer.body.startswith(b"data: 1\n\n\n\nevent: error\ndata: {")
            assert b"engine died in the middle of the response" in answer.body
            assert not answer.is_whole

        self.run(scenario)

    @pytest.mark.parametrize("length", [b"Content-Length: 5\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
    def test_the_answer_to_head_has_no_body(self, length):
        async def scenario(world: World) -> None:
            world.answers(HEAD + length + b"ETag: x\r\n\r\n")
            answer = await world.get(method="HEAD")
            assert (answer.status, answer.body, answer.is_whole) == (200, b"", True)
            assert answer.values(b"etag") == [b"x"]
            if b"Length" in length:
                assert answer.values(b"content-length") == [b"5"]

        self.run(scenario)

    @pytest.mark.parametrize("status", [204, 304])
    def test_answers_that_never_have_a_body_have_none(self, status):
        async def scenario(world: World) -> None:
            world.answers(f"HTTP/1.1 {status} X\r\nETag: x\r\n\r\n".encode())
            answer = await world.get()
            assert (answer.status, answer.body, answer.is_whole) == (status, b"", True)
            assert answer.values(b"etag") == [b"x"]

        self.run(scenario)

    def test_headers_pass_as_often_as_they_came_but_not_those_of_the_connection(self):
        async def scenario(world: World) -> None:
            world.answers(
                b"HTTP/1.1 418 <b>me</b>\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
                b"Keep-Alive: timeout=5\r\nX-Name: caf\xe9\r\nServer: engine\r\nContent-Length: 2\r\n\r\nOK"
            )
            answer = await world.get()
            assert answer.values(b"set-cookie") == [b"a", b"b"]
            assert not answer.values(b"x-hop")
            assert not answer.values(b"keep-alive")
            assert answer.values(b"x-name")[0].startswith(b"caf")
            assert answer.values(b"server") == [b"engine"]

        self.run(scenario)

    @pytest.mark.parametrize(
        "line",
        [b"X: a\rSet-Cookie: evil=1", b"X: a\r\n\tSet-Cookie: evil=1", b"X\rSet-Cookie: evil=1"],
        ids=["CR", "folded", "CR in a name"],
    )
    def test_a_header_never_becomes_two(self, line):
        async def scenario(world: World) -> None:
            world.answers(HEAD + line + b"\r\nContent-Length: 2\r\n\r\nOK")
            received = await world.ask()
            answer = parse(received)
            assert not answer.values(b"set-cookie")
            assert answer.status == 502 or b"\n\t" not in received

        self.run(scenario)

    def test_an_answer_behind_the_answer_reaches_nobody(self):
        async def scenario(world: World) -> None:
            world.answers(OK + HEAD + b"Content-Length: 4\r\n\r\nEVIL", close=False)
            request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            received = await world.ask(request + request[:-2] + b"Connection: close\r\n\r\n")
            assert b"EVIL" not in received
            assert received.count(b"HTTP/1.1 200") == 2

        self.run(scenario)

    def test_a_length_beside_chunks_never_makes_a_wrong_message(self):
        async def scenario(world: World) -> None:
            world.answers(HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            answer = await world.get()
            assert answer.status == 502 or answer.body == b"hello"

        self.run(scenario)

    def test_a_compressed_answer_passes_as_it_is(self):
        async def scenario(world: World) -> None:
            world.answers(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08")
            answer = await world.get()
            assert (answer.body, answer.values(b"content-encoding")) == (b"\x1f\x8b\x08", [b"gzip"])

        self.run(scenario)

    def test_chunks_go_on_one_by_one(self):
        async def scenario(world: World) -> None:
            go_on = asyncio.Event()

            async def script(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
                await go_on.wait()
                writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

            world.script = script
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            first = await reader.readuntil(b"data: 1\n\n\r\n")
            go_on.set()
            answer = parse(first + await reader.read())
            assert (answer.body, answer.is_whole) == (b"data: 1\n\ndata: 2\n\n", True)
            assert answer.values(b"x-accel-buffering") == [b"no"]
            writer.close()

        self.run(scenario)

    def test_the_tap_sees_what_is_sent_the_head_and_every_byte(self):
        async def scenario(world: World) -> None:
            world.tap = seen = Seen()
            world.answers(*WHOLE["chunks"])
            await world.get(headers={"X-Mine": "1"})
            assert ("X-Mine", "1") in seen.sent_headers
            assert [status for status, _ in seen.heads] == [200]
            assert b"".join(seen.chunks) == b"hello"

        self.run(scenario)

    # streams that have begun

    def test_a_stream_that_has_begun_goes_on_with_the_answers_events(self):
        async def scenario(world: World) -> None:
            world.begin = b": wait\n\n"
            world.answers(EVENTS + b"9\r\ndata: 1\n\n\r\n0\r\n\r\n")
            answer = await world.get()
            assert (answer.body, answer.is_whole) == (b": wait\n\ndata: 1\n\n", True)

        self.run(scenario)

    def test_a_refusal_becomes_an_event_of_a_stream_that_has_begun(self):
        async def scenario(world: World) -> None:
            world.begin = b": wait\n\n"
            body = b'{"error": {"message": "too long"}}'
            world.answers(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            answer = await world.get()
            assert b"engine answered 400: too long" in answer.body
            assert answer.is_whole

        self.run(scenario)

    # requests

    def _echo(self, world: World) -> list[bytes]:
        """Let the engine keep the requests that it is sent, each until the client's mark `END`."""
        requests: list[bytes] = []

        async def script(reader, writer):
            requests.append(await reader.readuntil(b"END"))
            if b"chunked" in requests[-1]:
                requests[-1] += await reader.readuntil(b"0\r\n\r\n")
            writer.write(OK.replace(b"OK\r\nC", b"OK\r\nConnection: close\r\nC"))

        world.script = script
        return requests

    def test_a_body_that_replaces_the_clients_is_sent_with_its_length(self):
        async def scenario(world: World) -> None:
            requests = self._echo(world)
            world.body = Body.of(b"another END")
            await world.ask(POST + b"Content-Length: 3\r\n\r\nabc")
            assert b"\r\nContent-Length: 11\r\n" in requests[0]
            assert requests[0].endswith(b"\r\n\r\nanother END")

        self.run(scenario)

    def test_a_body_that_streams_is_chunked_unless_its_size_is_known(self):
        async def scenario(world: World) -> None:
            async def content():
                yield b"some "
                yield b""
                yield b"END"

            requests = self._echo(world)
            world.body = Body(content(), 8)
            await world.ask(POST + b"Content-Length: 0\r\n\r\n")
            world.body = Body(content(), None)
            await world.ask(POST + b"Content-Length: 0\r\n\r\n")
            assert requests[0].endswith(b"\r\n\r\nsome END")
            assert b"ontent-Length: 8\r\n" in requests[0]
            assert requests[1].endswith(b"\r\n\r\n5\r\nsome \r\n3\r\nEND\r\n0\r\n\r\n")
            assert b"ontent-Length" not in requests[1]

        self.run(scenario)

    def test_the_clients_own_body_passes_whatever_its_framing(self):
        async def scenario(world: World) -> None:
            requests = self._echo(world)
            await world.ask(POST + b"Content-Length: 8\r\n\r\nsome END")
            await world.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nsome \r\n3\r\nEND\r\n0\r\n\r\n")
            assert requests[0].endswith(b"\r\n\r\nsome END")
            assert b"".join(requests[1].partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2]) == b"some END"

        self.run(scenario)

    def test_the_path_and_bytes_in_headers_that_are_no_text_pass_as_they_are(self):
        async def scenario(world: World) -> None:
            requests = self._echo(world)
            world.body = Body.of(b"END")
            await world.ask(POST[:4] + b" /a%2Fb/../c?x=%C3%A9&y=a+b" + POST[6:] + b"X-Name: caf\xe9\r\n\r\n")
            assert requests[0].startswith(b"POST /a%2Fb/../c?x=%C3%A9&y=a+b HTTP/1.1\r\n")
            assert b"X-Name: caf" in requests[0]
            assert b"Connection" not in requests[0].replace(b"Connection: close", b"")

        self.run(scenario)

    def test_a_path_prefix_of_the_destination_comes_first(self):
        async def scenario(world: World) -> None:
            requests = self._echo(world)
            world.destination = evolve(world.destination, base_url=world.destination.base_url + "/prefix")
            world.body = Body.of(b"END")
            await world.ask(POST + b"\r\n")
            assert requests[0].startswith(b"POST /prefix/ HTTP/1.1\r\n")

        self.run(scenario)

    def test_a_strangers_host_is_its_own(self):
        async def scenario(world: World) -> None:
            requests = self._echo(world)
            world.destination = evolve(world.destination, is_ours=False)
            world.body = Body.of(b"END")
            await world.ask(POST + b"X-Forwarded-For: 1.2.3.4\r\n\r\n")
            assert f"\r\nHost: {LOOPBACK}:{world.engine_port}\r\n".encode() in requests[0]
            assert b"Forwarded" not in requests[0]

        self.run(scenario)

    def test_an_answer_before_the_end_of_the_request_reaches_the_client(self):
        async def scenario(world: World) -> None:
            async def script(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nNO")
                await writer.drain()
                while await reader.read(2**16):
                    pass

            world.script = script
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port)
            writer.write(POST + b"Content-Length: 100000000\r\n\r\n" + b"x" * 1000)
            answer = parse(await reader.readuntil(b"NO"))
            assert (answer.status, answer.body, answer.is_whole) == (413, b"NO", True)
            writer.close()

        self.run(scenario)

    def test_chunks_in_a_hurry_come_whole_whether_the_client_keeps_up_or_not(self):
        async def scenario(world: World) -> None:
            events = [b"data: %d %b\n\n" % (number, b"x" * 1000) for number in range(2000)]
            world.answers(EVENTS, *(b"%x\r\n%b\r\n" % (len(event), event) for event in events), b"0\r\n\r\n")
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port, limit=2**12)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            received = b""
            while data := await reader.read(2**12 if len(received) < 2**19 else 2**20):
                received += data
            answer = parse(received)
            assert (answer.body, answer.is_whole) == (b"".join(events), True)
            writer.close()

        self.run(scenario)

    # slow ends

    def test_an_engine_waits_for_a_client_that_does_not_read(self):
        async def scenario(world: World) -> None:
            written, stuck = 0, asyncio.Event()

            async def script(reader, writer):
                nonlocal written
                await reader.readuntil(b"\r\n\r\n")
                writer.write(HEAD + b"Content-Length: 268435456\r\n\r\n")
                while written < 2**28:
                    writer.write(b"x" * 2**16)
                    written += 2**16
                    try:
                        async with asyncio.timeout(0.5):
                            await writer.drain()
                    except TimeoutError:
                        stuck.set()
                        await writer.drain()

            world.script = script
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port, limit=2**16)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await stuck.wait()
            assert written < 2**26, "the relay keeps what the client does not read"
            received = 0
            while data := await reader.read(2**20):
                received += len(data)
            assert received > 2**28, "and all of it comes when it does"
            writer.close()

        self.run(scenario)

    def test_a_client_waits_for_an_engine_that_does_not_read(self):
        async def scenario(world: World) -> None:
            go_on = asyncio.Event()

            async def script(reader, writer):
                head = await reader.readuntil(b"\r\n\r\n")
                await go_on.wait()
                size = 0
                while size < 2**27 and (data := await reader.read(2**20)):
                    size += len(data)
                assert head
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n%09d" % size)

            world.script = script
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port)
            writer.write(POST + b"Content-Length: 134217728\r\n\r\n")
            sent = 0
            while sent < 2**27:
                writer.write(b"x" * 2**16)
                sent += 2**16
                try:
                    async with asyncio.timeout(0.5):
                        await writer.drain()
                except TimeoutError:
                    assert sent < 2**26, "the relay keeps what the engine does not read"
                    go_on.set()
                    await writer.drain()
            assert go_on.is_set()
            assert parse(await reader.read()).body == b"134217728"
            writer.close()

        self.run(scenario)

    def test_a_client_that_leaves_is_noticed_by_the_engine_at_once(self):
        async def scenario(world: World) -> None:
            left = asyncio.Event()

            async def script(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
                await reader.read()
                left.set()

            world.script = script
            reader, writer = await asyncio.open_connection(LOOPBACK, world.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"data: 1\n\n")
            writer.close()
            await left.wait()

        self.run(scenario)

    # no connection, no answer

    def test_nobody_there_is_told_with_the_reason(self):
        async def scenario(world: World) -> None:
            port = find_free_port()
            world.destination = evolve(world.destination, base_url=f"http://{LOOPBACK}:{port}")
            assert (await world.get()).status == 502
            message = f"engine did not answer: no connection to {LOOPBACK}:{port}: Connection refused"
            assert str(world.errors[0]) == message

        self.run(scenario)

    def test_an_engine_that_does_not_begin_in_time_is_given_up(self):
        async def scenario(world: World) -> None:
            gone = asyncio.Event()

            async def script(reader, writer):
                try:
                    await reader.readuntil(b"\r\n\r\n")
                    await reader.read()
                finally:  # where the machine is busy, it is given up before it has heard anything
                    gone.set()

            world.script = script
            world.destination = evolve(world.destination, response_header_seconds=0.05)
            assert (await world.get()).status == 504
            assert isinstance(world.errors[0], UpstreamTimeout)
            assert str(world.errors[0]).startswith("engine did not begin its answer within 0.05 s")
            await gone.wait()

        self.run(scenario)

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_an_engine_that_listens_on_one_of_a_names_addresses_is_found(self, name):
        async def scenario(world: World) -> None:
            world.destination = evolve(world.destination, base_url=f"http://{name}:{world.engine_port}")
            world.answers(OK)
            assert (await world.get()).body == b"OK"
            assert (await world.get()).body == b"OK"

        self.run(scenario)


class TestDirectRelay(RelayContract):
    loop_factory = uvloop.new_event_loop

    def test_a_second_request_takes_the_same_connection(self):
        async def scenario(world: World) -> None:
            async def script(reader, writer):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(OK)

            world.script = script
            assert [(await world.get()).body for _ in range(3)] == [b"OK"] * 3
            assert world.connections == 1

        self.run(scenario)

    @pytest.mark.parametrize("close", ["at once", "when the next request comes"])
    def test_a_kept_connection_that_dies_before_the_answer_is_replaced_once(self, close):
        async def scenario(world: World) -> None:
            async def script(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
                if close != "at once":
                    await reader.readuntil(b"\r\n\r\n")

            world.script = script
            assert [(await world.get()).body for _ in range(5)] == [b"OK"] * 5
            assert world.connections == 5

        self.run(scenario)

    def test_a_fresh_connection_that_dies_is_not_tried_again(self):
        async def scenario(world: World) -> None:
            world.answers(b"")
            assert (await world.get()).status == 502
            assert world.connections == 1

        self.run(scenario)

    @pytest.mark.parametrize(
        "reply",
        [
            OK + b"surplus",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        ],
        ids=["with something behind it", "that says close", "of HTTP/1.0"],
    )
    def test_a_connection_is_not_used_again_after_an_answer(self, reply):
        async def scenario(world: World) -> None:
            world.answers(reply, close=False)
            assert [(await world.get()).body for _ in range(2)] == [b"OK"] * 2
            assert world.connections == 2

        self.run(scenario)

    def test_a_line_end_that_is_half_of_one_is_none(self):
        async def scenario(world: World) -> None:
            world.answers(HEAD + b"X: a\nSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nOK")
            assert (await world.get()).status == 502

        self.run(scenario)

    def test_idle_connections_are_closed_after_a_while(self):
        async def scenario(world: World) -> None:
            closed = asyncio.Event()

            async def script(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
                await reader.read()
                closed.set()

            world.script = script
            world.destination = evolve(world.destination, idle_seconds=0.01)
            await world.get()
            await closed.wait()

        self.run(scenario)

    def test_an_engine_that_serves_one_connection_at_a_time_starves_nobody(self):
        """As llama-server does: a thread stays with its connection for as long as that is kept."""

        async def scenario(world: World) -> None:
            thread = asyncio.Lock()

            async def script(reader, writer):
                async with thread:
                    while await reader.readuntil(b"\r\n\r\n"):
                        writer.write(OK)

            world.script = script
            world.destination = evolve(world.destination, idle_seconds=0.0)
            answers = await asyncio.gather(*(world.get() for _ in range(5)))
            assert [answer.body for answer in answers] == [b"OK"] * 5

        self.run(scenario)


class TestDirectRelayOnAsyncio(RelayContract):
    """Where there is no uvloop."""


class TestAiohttpRelay(RelayContract):
    direct = False
    loop_factory = uvloop.new_event_loop
