"""Reading small documents of upstreams with aiohttp's client: bounded in time and size, and only what was asked for."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from prometheus_client.parser import text_string_to_metric_families

from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.server.metrics.engines import Engine, fetch
from swaplab_core.testing.network import LOOPBACK, find_free_port

PATIENT = 60.0
LIMIT = 1000
PAGE = b"x 1\n"


def response(status=200, body=PAGE, headers=""):
    return f"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def upstream(answer):
    """Serve these bytes to everybody; yields the base URL and the heads of the requests."""
    requests = []

    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
            await reader.read()  # until the client has gone
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def client():
    http = AiohttpHttp()
    try:
        yield http
    finally:
        await http.close()


def read(run, answer, *, timeout_seconds=PATIENT, limit_bytes=LIMIT):
    """What comes of one read, and the request."""
    found = []

    async def scenario():
        async with upstream(answer) as (url, requests), client() as http:
            found.append(await http.read(url, "/metrics", timeout_seconds=timeout_seconds, limit_bytes=limit_bytes))
            found.append(requests[0] if requests else b"")

    run(scenario())
    return found


def test_a_page_is_read_as_it_is(run):
    body, request = read(run, response())
    assert body == PAGE
    assert request.startswith(b"GET /metrics HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity\r\n" in request


def test_a_page_of_the_limit_is_read_and_a_longer_one_is_not(run):
    assert read(run, response(body=b"x" * LIMIT))[0] == b"x" * LIMIT
    assert read(run, response(body=b"x" * (LIMIT + 1)))[0] is None


def test_an_endless_page_is_given_up_at_the_limit(run):
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
    assert read(run, endless)[0] is None


@pytest.mark.parametrize("status", [204, 404, 500, 503])
def test_another_status_is_no_page(run, status):
    assert read(run, response(status))[0] is None


def test_redirects_are_not_followed(run):
    assert read(run, response(302, headers="Location: /metrics\r\n"))[0] is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"], ids=["nothing", "a part"])
def test_an_answer_that_does_not_come_is_given_up(run, answer):
    assert read(run, answer, timeout_seconds=0.1)[0] is None


def test_nobody_there_is_no_page(run):
    async def scenario():
        async with client() as http:
            url = f"http://{LOOPBACK}:{find_free_port()}"
            assert await http.read(url, "/metrics", timeout_seconds=PATIENT, limit_bytes=LIMIT) is None

    run(scenario())


def test_metrics_of_a_simulated_engine_pass_with_the_model_added(run, swaplab_sim):
    engine = swaplab_sim()

    async def scenario():
        async with client() as http:
            page = await fetch(http, [Engine("tiny", engine.base_url)])
        samples = [sample for family in text_string_to_metric_families(page.decode()) for sample in family.samples]
        assert {sample.labels["model"] for sample in samples} == {"tiny"}
        assert "vllm:num_requests_running" in {sample.name for sample in samples}

    run(scenario())
