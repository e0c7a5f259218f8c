"""The route table: no route without a policy."""

from __future__ import annotations

import pytest
from aiohttp import web

from swaplab_core.domain.access import Policy
from swaplab_core.server.route import Endpoint, RouteTable, any_method, get, post


async def handler(_):
    return web.Response()


@pytest.mark.parametrize("policy", [None, "read", web.get])
def test_a_route_cannot_be_declared_without_a_policy(policy):
    with pytest.raises(TypeError, match="policy"):
        Endpoint("GET", "/secrets", policy, handler)


def test_an_application_with_a_route_that_is_not_in_the_table_cannot_be_built():
    application = web.Application()
    table = RouteTable(application)
    table.mount([get("/known", Policy.READ, handler)])
    table.seal()

    application.router.add_delete("/secrets", handler)

    with pytest.raises(TypeError, match=r"without a policy.*DELETE.*/secrets"):
        table.seal()


def test_the_table_lists_each_route_once_in_order():
    endpoints = [
        get("/b", Policy.OPEN, handler),
        post("/a", Policy.ADMIN, handler),
        any_method("/c", Policy.INFER, handler),
    ]
    table = RouteTable(web.Application())
    table.mount(endpoints)

    assert list(table) == endpoints
    assert {route.method for route in table.application.router.routes()} == {"GET", "HEAD", "POST", "*"}
