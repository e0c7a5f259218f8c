"""The files of the pages as browsers get them, by real requests; and the plain page that stands in for them."""

from __future__ import annotations

import asyncio
import gzip

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from swaplab_core.config.schema import ModelConfig
from swaplab_core.engine import Phase
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.route import ROUTES, RouteTable
from swaplab_core.server.security.access import Unauthorized
from swaplab_core.server.ui import plain_page
from swaplab_core.server.ui.pages import UiRoutes
from swaplab_core.services.models.lifecycle import ModelState

SCRIPT = "console.log('x');" * 200


class TwoModels:
    def states(self):
        return iter([state("<b>"), state("other")])


def state(model):
    return ModelState(ModelConfig(id=model), Phase.READY, False, 0, 0, 1, "", "", 0.0, None)


@pytest.fixture
def built(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the pages")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets/index-abc.js").write_text(SCRIPT)
    (tmp_path / "assets/index-abc.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "assets/index-abc.js.br").write_bytes(b"brotli")
    (tmp_path / ".hidden.js").write_text("secret")
    (tmp_path / "notes.md").write_text("not for the web")
    return tmp_path


def ask(folder, path, demand=lambda *_: None, **headers):
    """Status, headers and body of one request, undecoded."""

    async def go():
        application = web.Application(middlewares=[error_middleware])
        table = application[ROUTES] = RouteTable(application)
        table.mount(UiRoutes(TwoModels(), demand, folder).routes())
        async with TestServer(application) as server, aiohttp.ClientSession(auto_decompress=False) as session:
            url = URL(f"http://{server.host}:{server.port}{path}", encoded=True)
            sent = {"Accept-Encoding": "identity", **headers}
            async with session.get(url, headers=sent, allow_redirects=False) as response:
                return response.status, response.headers, await response.read()

    return asyncio.run(go())


def test_the_index_is_asked_for_each_time_and_may_load_nothing_foreign(built):
    status, headers, body = ask(built, "/ui/")

    assert (status, body) == (200, b"<!doctype html>the pages")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_the_icon_is_where_browsers_look_for_one(built, tmp_path):
    status, headers, body = ask(built, "/favicon.ico")

    assert (status, headers["Content-Type"], body) == (200, "image/svg+xml", b"<svg/>")
    assert ask(tmp_path / "nothing", "/favicon.ico")[0] == 404


def test_a_name_with_its_contents_hash_is_kept_for_ever(built):
    _, headers, body = ask(built, "/ui/assets/index-abc.js")

    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert body == SCRIPT.encode()


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [("gzip", "gzip", None), ("gzip, deflate, br", "br", b"brotli"), ("zstd", None, SCRIPT.encode())],
)
def test_the_client_gets_the_best_encoding_that_it_takes(built, accepted, encoding, body):
    _, headers, answered = ask(built, "/ui/assets/index-abc.js", **{"Accept-Encoding": accepted})

    assert headers.get("Content-Encoding") == encoding
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answered == (body or gzip.compress(SCRIPT.encode()))
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/ui/../ui.py",
        "/ui/%2e%2e/ui.py",
        "/ui/..%2fsecret.js",
        "/ui/.hidden.js",
        "/ui/notes.md",
        "/ui/assets",
        "/ui/assets%2f..%2f.hidden.js",
        "/ui//etc/passwd",
        "/ui/%00.js",
        "/ui/assets/gone.js",
    ],
)
def test_nothing_but_what_the_build_has_made_is_served(built, path):
    assert ask(built, path)[0] == 404


def test_the_way_to_the_pages_is_relative_so_that_a_prefix_does_not_matter(built):
    for path in ("/", "/ui"):
        status, headers, _ = ask(built, path)
        assert (status, headers["Location"]) == (302, "ui/")


def test_without_a_build_there_is_a_plain_page_and_it_escapes_what_it_shows(tmp_path):
    status, headers, body = ask(tmp_path, "/ui/")

    assert status == 200
    assert b"<strong>&lt;b&gt;</strong>" in body
    assert b"<script" not in body
    assert headers["Content-Security-Policy"] == plain_page.HEADERS["Content-Security-Policy"]


def test_the_plain_page_shows_models_so_it_asks_for_a_key_and_built_pages_do_not(built, tmp_path):
    def refuse(_, policy):
        raise Unauthorized(policy.value)

    empty = tmp_path / "empty"
    assert [ask(folder, "/ui/", refuse)[0] for folder in (built, empty)] == [200, 401]
