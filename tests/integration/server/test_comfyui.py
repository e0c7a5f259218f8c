"""/comfyui: one model of ours at a fixed place, which only its first page loads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urljoin

import aiohttp
import pytest
from running_swaplab import Swaplab, running_swaplab, sim

PEER = {"p": {"proxy": "http://127.0.0.1:1", "models": ["comfyui_auto"]}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("comfyui"), {"comfyui_auto": sim(), "m": sim()}) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared) -> Swaplab:
    return shared.renew()


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308)])
def test_without_its_slash_it_is_a_redirect_that_keeps_the_query(swaplab, method, status):
    answer = swaplab.ask(method, "/comfyui?a=%2F")

    assert (answer.status, urljoin("/comfyui", answer.headers["Location"])) == (status, "/comfyui/?a=%2F")
    assert swaplab.starts() == []


def test_only_the_root_starts_the_model(swaplab):
    assert swaplab.ask("GET", "/comfyui/api/queue").error["code"] == "conflict"
    assert swaplab.ask("POST", "/comfyui/prompt", json_body={}).status == 409
    assert swaplab.starts() == []

    assert swaplab.ask("GET", "/comfyui/?x=1").status == 200
    assert swaplab.starts() == ["comfyui_auto"]
    assert swaplab.ask("GET", "/comfyui/test").status == 200


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%252Fb?q=%2F", "/%e4%BD%A0", "/a//b"])
def test_paths_arrive_as_they_were_escaped(swaplab, path):
    swaplab.ask("GET", "/comfyui/")

    assert swaplab.ask("PUT", f"/comfyui/sim/echo{path}").json()["target"] == f"/sim/echo{path}"


def test_its_websocket_neither_loads_nor_holds_it(swaplab):
    async def scenario():
        async with aiohttp.ClientSession(swaplab.url) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("/comfyui/ws")
            assert refused.value.status == 409
            await (await session.get("/comfyui/")).read()
            async with session.ws_connect("/comfyui/ws?clientId=1") as socket:
                await socket.send_str("hello")
                assert (await socket.receive()).data == "hello"
                assert swaplab.model("comfyui_auto")["serving"] == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("top", [{"peers": PEER}, {}])
def test_only_a_model_of_ours_with_exactly_that_id_is_meant(serve, top):
    swaplab = serve({"m": {**sim(), "aliases": [] if top else ["comfyui_auto"]}}, **top)

    answer = swaplab.ask("GET", "/comfyui/")

    assert (answer.status, answer.error["code"]) == (404, "unknown-model")


def test_a_key_is_asked_for(serve):
    swaplab = serve({"comfyui_auto": sim()}, apiKeys=["k"])

    assert [swaplab.ask("GET", path).status for path in ("/comfyui", "/comfyui/", "/comfyui/x")] == [401] * 3
    assert swaplab.ask("GET", "/comfyui/", headers={"x-api-key": "k"}).status == 200
