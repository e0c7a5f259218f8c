"""Everything works below a path prefix behind a real reverse proxy: no redirect, link, stream or session breaks."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import aiohttp
import openai
import pytest
from attrs import field, frozen
from reverse_proxies import PREFIX, running_proxy
from running_swaplab import LOOPBACK, Swaplab, chat_body, running_swaplab, sim

NAME = "models.example"


@frozen
class Browser:
    """Follows redirects and keeps cookies; what it asks for lies below the prefix."""

    port: int
    swaplab: Swaplab
    opener: urllib.request.OpenerDirector = field(
        factory=lambda: urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
    )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}{PREFIX}"

    def open(self, path, body=None, method=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        call = urllib.request.Request(self.url + path, data, sent, method=method)
        return self.opener.open(call, timeout=120)


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    slow = sim("--tokens-per-second", "5", "--tokens", "1000")
    with running_swaplab(tmp_path_factory.mktemp("behind"), {"m": slow}, allowedHosts=[NAME]) as swaplab:
        yield swaplab


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def browser(swaplab, request, tmp_path_factory) -> Iterator[Browser]:
    with running_proxy(request.param, swaplab.port, tmp_path_factory.mktemp(request.param)) as port:
        yield Browser(port, swaplab)


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/", "/ui/"),
        ("/ui", "/ui/"),
        ("/upstream/m", "/upstream/m/"),
        ("/upstream/m?a=%2F", "/upstream/m/?a=%2F"),
        ("/upstream", "/ui/"),
        ("/logs", "/ui/"),
    ],
)
def test_redirects_stay_below_the_prefix(browser, asked, reached):
    try:
        with browser.open(asked, Accept="text/html") as response:
            url = response.url
    except urllib.error.HTTPError as error:  # the engine knows no such page
        with error:
            url = error.url

    assert url.partition("#")[0].startswith(browser.url + reached)


def test_a_login_link_leads_to_the_pages_and_the_session_works(browser):
    token = (browser.swaplab.config.parent / "state" / "swaplab" / "admin-token").read_text()
    with browser.open("/api/session/link", {}, Authorization=f"Bearer {token}", X_Swaplab="1") as response:
        path = json.load(response)["path"]

    with browser.open(f"/{path}") as response:
        assert response.url == browser.url + "/ui/"
    with browser.open("/api/session") as response:
        assert json.load(response)["role"] == "admin"
    with browser.open("/api/session", {}, method="DELETE", X_Swaplab="1") as response:
        assert json.load(response)["role"] == "user"


def test_our_pages_are_ours_at_the_proxys_address_too_and_others_are_not(browser):
    for host in (f"{LOOPBACK}:{browser.port}", f"{NAME}:{browser.port}"):
        with browser.open("/api/models/unload", {}, Host=host, Origin=f"http://{host}") as response:
            assert response.status == 200
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.open("/api/models/unload", {}, **headers)
        with refused.value:
            assert refused.value.code in {403, 421}


def test_streams_pass_event_by_event_and_end_with_their_client(browser):
    with browser.open("/v1/chat/completions", chat_body("m", stream=True)) as response:
        assert response.readline().startswith(b"data: ")
        assert browser.swaplab.model("m")["serving"] == 1, "the rest is still to come"
    browser.swaplab.wait_for("m", serving=0)
    with browser.open("/api/events?topics=models") as response:
        assert response.readline() == b"event: reset\n"


def test_the_openai_client_takes_the_prefix_as_part_of_its_base_url(browser):
    with openai.OpenAI(base_url=f"{browser.url}/v1", api_key="none", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["m"]


def test_a_websocket_passes(browser):
    async def talk():
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{browser.url}/upstream/m/ws", origin=f"http://{LOOPBACK}:{browser.port}") as socket,
        ):
            await socket.send_str("hello")
            return (await socket.receive()).data

    assert asyncio.run(asyncio.wait_for(talk(), 120)) == "hello"


def test_the_configuration_shown_to_people_is_the_one_that_is_tested():
    page = (Path(__file__).parents[3] / "docs" / "howto" / "access.md").read_text()
    tested = (Path(__file__).parents[2] / "support" / "reverse_proxies.py").read_text()
    shown = page.partition("```nginx\n")[2].partition("```")[0]
    settings = [line.strip() for line in shown.splitlines() if line.strip().endswith(";")]

    assert len(settings) > 8
    assert [line for line in settings if line not in tested and "proxy_pass" not in line] == []
