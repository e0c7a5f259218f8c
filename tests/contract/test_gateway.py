"""What a plugin may rely on when it asks the server: the same for the real gateway and the fake."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from multidict import CIMultiDict

from swaplab_core.adapters.gateway import LoopbackGateway
from swaplab_core.domain.errors import UpstreamDied
from swaplab_core.plugin import Gateway
from swaplab_core.testing.fake_gateway import Answer, FakeGateway, error_answer, json_answer

ANSWERS = {
    "/json": json_answer({"a": 1}),
    "/error": error_answer(503, "not now", "shutting-down"),
    "/empty": Answer(204),
    "/pieces": Answer(200, {"X-Some": "thing"}, (b"one", b"two")),
    "/broken": Answer(200, {}, (b"half",), breaks_off=True),
}


@contextlib.asynccontextmanager
async def fake() -> AsyncIterator[Gateway]:
    gateway = FakeGateway()
    for path, answer in ANSWERS.items():
        gateway.script("POST", path, answer)
    yield gateway


async def serve(request: web.Request) -> web.StreamResponse:
    answer = ANSWERS[request.path]
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    await response.prepare(request)
    for piece in answer.pieces:
        await response.write(piece)
    if answer.breaks_off:
        request.transport.close()
    return response


@contextlib.asynccontextmanager
async def real() -> AsyncIterator[Gateway]:
    application, gateway = web.Application(), LoopbackGateway()
    application.add_routes([web.post(path, serve) for path in ANSWERS])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gateway.use(f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with gateway.opened_for(CIMultiDict()) as opened:
            yield opened
    finally:
        await runner.cleanup()
        await gateway.close()


@pytest.fixture(params=[fake, real])
def ask(request):
    """Ask for a path, and give status, headers and the whole body."""

    def run(path):
        async def scenario():
            async with request.param() as gateway:
                answer = await gateway.request("POST", path, json={"b": 2})
                return answer.status, answer.headers, await answer.read()

        return asyncio.run(scenario())

    return run


def test_an_answer_has_status_headers_and_body(ask):
    status, headers, body = ask("/json")
    assert (status, headers["Content-Type"], body) == (200, "application/json", b'{"a":1}')


@pytest.mark.parametrize(("path", "status"), [("/error", 503), ("/empty", 204), ("/nowhere", 404)])
def test_every_status_is_an_answer(ask, path, status):
    assert ask(path)[0] == status


def test_headers_ignore_case(ask):
    assert ask("/pieces")[1]["x-some"] == "thing"


def test_the_pieces_of_a_body_are_all_of_it(ask):
    assert ask("/pieces")[2] == b"onetwo"


def test_a_body_that_breaks_off_is_no_whole_body(ask):
    with pytest.raises(UpstreamDied, match="broke off"):
        ask("/broken")
