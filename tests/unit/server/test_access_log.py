"""What the access log says of a request, by real requests to a small application."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from swaplab_core.server.inference.access_log import access_log_middleware


async def plain(_):
    return web.Response(text="hello")


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"some")
    return response


async def elsewhere(_):
    raise web.HTTPFound("/plain")


def lines(caplog, *paths, headers=()):
    """The lines of some requests, without their durations."""
    caplog.set_level(logging.INFO, "swaplab.access")

    async def go():
        application = web.Application(middlewares=[access_log_middleware])
        handlers = {"/plain": plain, "/stream": stream, "/elsewhere": elsewhere, "/health": plain, "/metrics": plain}
        application.add_routes([web.get(path, handler) for path, handler in handlers.items()])
        async with TestServer(application) as server, aiohttp.ClientSession(headers=dict(headers)) as session:
            for path in paths:
                async with session.get(server.make_url(path)) as response:
                    await response.read()

    asyncio.run(go())
    return [record.getMessage().rpartition(" ")[0] for record in caplog.records if record.name == "swaplab.access"]


def test_a_line_has_client_request_status_size_and_agent(caplog):
    found = lines(caplog, "/plain?a=b", "/stream", headers={"User-Agent": "me/1"})
    assert found == [
        '127.0.0.1 "GET /plain?a=b HTTP/1.1" 200 5 "me/1"',
        '127.0.0.1 "GET /stream HTTP/1.1" 200 - "me/1"',
    ]


def test_polling_routes_are_left_out(caplog):
    assert lines(caplog, "/health", "/metrics") == []


def test_the_client_behind_a_proxy_is_named(caplog):
    (line,) = lines(caplog, "/plain", headers={"X-Forwarded-For": "10.1.1.1, 10.2.2.2", "User-Agent": "x"})
    assert line.startswith('10.1.1.1 "GET')


def test_an_answer_that_was_raised_has_its_status(caplog):
    assert [line.split()[4] for line in lines(caplog, "/elsewhere")] == ["302", "200"]
