"""Which requests of browsers are let in, by real requests to a small application with the guard in front."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from swaplab_core.domain.access import Policy
from swaplab_core.server.browsers import Caller, allow_origin, browser_middleware, is_known_host
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.route import ROUTES, RouteTable, any_method, post

ALLOWED = ["https://friend.example"]


def answer(method, path, headers, *, key=False):
    """Status and headers of one request."""

    async def handler(_):
        return web.Response(text="in")

    async def go():
        guard = browser_middleware(lambda: ALLOWED, lambda _: key)
        application = web.Application(middlewares=[error_middleware, guard])
        application.on_response_prepare.append(allow_origin)
        table = application[ROUTES] = RouteTable(application)
        table.mount([post("/v1/infer", Policy.INFER, handler), any_method("/{path:.*}", Policy.OPERATE, handler)])
        async with TestServer(application) as server, aiohttp.ClientSession() as session:
            sent = {name: value.replace("PORT", str(server.port)) for name, value in headers.items()}
            async with session.request(method, server.make_url(path), headers=sent) as response:
                return response.status, dict(response.headers)

    return asyncio.run(go())


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://friend.example.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_a_foreign_page_is_refused_whatever_the_method(method, headers):
    assert answer(method, "/unload", headers)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:PORT"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_programs_and_our_own_pages_are_let_in(headers):
    status, answered = answer("POST", "/unload", headers)
    assert status == 200
    assert "Access-Control-Allow-Origin" not in answered


def test_an_allowed_origin_may_do_everything_and_read_the_answer():
    status, headers = answer("POST", "/unload", {"Origin": "https://friend.example"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://friend.example")


def test_inference_is_open_to_foreign_pages_with_a_valid_key_and_nothing_else_is():
    foreign = {"Origin": "https://other.example"}
    assert answer("POST", "/v1/infer", foreign, key=True)[0] == 200
    assert answer("POST", "/v1/infer", foreign, key=False)[0] == 403
    assert answer("POST", "/unload", foreign, key=True)[0] == 403


def test_following_a_link_to_a_page_is_allowed():
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert answer("GET", "/ui/", link)[0] == 200
    assert answer("POST", "/ui/", link)[0] == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "my_host", "", "a b", "[::1", "0x7f.1:80"],
)
def test_a_host_that_somebody_else_may_own_is_refused(host):
    assert answer("GET", "/", {"Host": host})[0] in {400, 421}


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "localhost.", "127.0.0.1", "[::1]:80", "192.168.1.5:80"])
def test_addresses_and_localhost_are_known_hosts(host):
    assert answer("GET", "/", {"Host": host})[0] == 200


def test_the_host_of_an_allowed_origin_and_this_machine_s_name_are_known():
    assert is_known_host("friend.example", ALLOWED, "spark1")
    assert is_known_host("spark1", [], "Spark1")
    assert is_known_host("spark1.local", [], "Spark1")
    assert not is_known_host("friend.example", [], "spark1")


def test_two_origins_are_a_foreign_one():
    caller = Caller("GET", "/", "localhost:1", "http://localhost:1, http://localhost:1", "", "")
    assert caller.is_foreign


@pytest.mark.parametrize(
    ("path", "origin", "allowed"),
    [
        ("/v1/infer", "https://other.example", True),
        ("/unload", "https://other.example", False),
        ("/unload", "https://friend.example", True),
    ],
)
def test_a_preflight_names_an_allowed_origin_or_none(path, origin, allowed):
    asked = {"Origin": origin, "Access-Control-Request-Headers": "X-Good, bad\u00e9, Content-Type"}
    status, headers = answer("OPTIONS", path, asked)
    assert status == 204
    assert (headers.get("Access-Control-Allow-Origin") == origin) == allowed
    assert headers.get("Access-Control-Allow-Headers", "X-Good, Content-Type") == "X-Good, Content-Type"
