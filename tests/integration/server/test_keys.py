"""With `apiKeys` every route asks for one, whatever it is; only /health answers everybody."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

from swaplab_core.app import ConfigFiles, Lab, Options
from swaplab_core.config.load import Source
from swaplab_core.plugin.catalogue import Catalogue

KEY, OTHER = "sk-one", "sk-zwölf"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def route_table() -> list[tuple[str, str]]:
    """Every method and path of the real application, with the variable parts filled in."""

    async def build() -> Lab:
        files = ConfigFiles(Path("config.yaml"), None, Catalogue.discover())
        sources = [Source("config.yaml", "models: {}\n")]
        config = files.load(sources).config
        assert config is not None
        return Lab.build(files, sources, config, Options())

    routes = asyncio.run(build()).application.router.routes()
    return sorted(
        {
            (method, re.sub(r"\{\w+(:[^{}]*)?\}", "m", route.resource.canonical))
            for route in routes
            if route.resource is not None
            for method in (METHODS if route.method == "*" else (route.method,))
        }
    )


ROUTES = route_table()


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("keys")
    with running_swaplab(folder, {"m": sim("--say", "welcome")}, apiKeys=[KEY, OTHER]) as swaplab:
        yield swaplab


def test_the_route_table_is_the_real_one():
    assert len(ROUTES) > 20
    assert {("POST", "/v1/chat/completions"), ("PUT", "/api/profiles/active"), ("DELETE", "/upstream/m")} <= set(ROUTES)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/health"])
def test_every_route_asks_for_a_key(swaplab, method, path):
    started = swaplab.starts()

    answer = swaplab.ask(method, path, json_body=chat_body("m") if method == "POST" else None)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="swaplab"'
    if method != "HEAD":
        error = answer.error
        assert (error["code"], error["type"]) == ("unauthorized", "authentication_error")
        assert "Authorization: Bearer" in error["message"]
    assert swaplab.starts() == started, "and nothing was started"


@pytest.mark.parametrize(
    "path", ["/nothing", "/health/", "/healthy", "//health", "/v1/models/../../health", "/health%2f"]
)
def test_so_does_what_is_not_served(swaplab, path):
    assert swaplab.ask("GET", path).status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers_everybody(swaplab, method):
    assert swaplab.ask(method, "/health").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"x-api-key": KEY},
        {"Authorization": "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f":{OTHER}".encode()).decode()},
        {"Authorization": "Basic ???", "x-api-key": KEY},
        {"x-api-key": OTHER.encode()},
    ],
    ids=["bearer", "x-api-key", "basic", "the other one", "after a broken one", "bytes of UTF-8"],
)
def test_a_key_opens_whichever_way_it_comes(swaplab, headers):
    assert swaplab.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk-on"},
        {"Authorization": "Bearer wrong", "x-api-key": KEY},
        {"Authorization": KEY},
        {"Cookie": f"key={KEY}"},
        {"x-api-key": b"\xff\xfe"},
        {"Authorization": b"Basic \xff\xfe"},
    ],
    ids=["wrong", "wrong before right", "no scheme", "cookie", "no UTF-8", "no ASCII"],
)
def test_anything_else_does_not(swaplab, headers):
    assert swaplab.ask("GET", "/v1/models", headers=headers).status == 401
    assert swaplab.ask("GET", f"/v1/models?key={KEY}&api_key={KEY}").status == 401


def test_the_openai_client_speaks_with_a_key_and_understands_its_lack(swaplab):
    ask = [{"role": "user", "content": "Hi"}]
    with openai.OpenAI(base_url=f"{swaplab.url}/v1", api_key=KEY, max_retries=0) as client:
        assert client.chat.completions.create(model="m", messages=ask).choices[0].message.content == "welcome"
        client.api_key = "wrong"
        with pytest.raises(openai.AuthenticationError, match="asks for a key"):
            client.chat.completions.create(model="m", messages=ask)
