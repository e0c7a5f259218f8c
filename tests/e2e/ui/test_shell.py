"""The frame around all pages: prefix, reconnect, login, keyboard, languages, themes; nobody is shut out."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shutil
import struct
from urllib.parse import urljoin

import pytest
from browser import BUILT, PHONE, barriers
from playwright.sync_api import expect
from repository import ROOT
from running_swaplab import is_free, running_swaplab, sim

from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

MODELS = {
    "org/first": {**sim(), "name": "First", "description": "a model", "aliases": ["one"]},
    "second": sim(),
}
FIRST_LOAD_BYTES = 80 * 1024
CHUNK_BYTES = 150 * 1024


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    with running_swaplab(tmp_path_factory.mktemp("shell"), MODELS) as running:
        running.chat("second")
        yield running


def places():
    """The first route of every page, as the pages say it themselves."""
    sources = sorted((ROOT / "ui/src/pages").glob("*/page.ts"))
    routes = [re.search(r"routes: \['([^']+)'", source.read_text())[1] for source in sources]
    return [route for route in routes if "*" not in route]


@pytest.mark.parametrize("place", [*places(), "/models/org%2Ffirst"])
def test_a_page_has_one_heading_fits_and_shuts_nobody_out(visitor, swaplab, place):
    with visitor.visit(swaplab, place) as page:
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.get_by_role("main")).not_to_contain_text("This page failed")
        assert barriers(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        assert barriers(page, rules=["color-contrast"]) == []


def test_pages_of_plugins_shut_nobody_out(visitor, swaplab):
    routes = {entry["route"] for entry in swaplab.ask("GET", "/api/ui/manifest").json()["nav"]}
    for route in sorted(routes - set(places())):
        with visitor.visit(swaplab, route) as page:
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            assert barriers(page) == []


def test_an_address_that_leads_nowhere_says_so(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.goto(f"{swaplab.url}/ui/#/nowhere")
        expect(page.get_by_role("heading")).to_have_text("There is no such page")


def test_everything_works_below_a_prefix(visitor, swaplab, tmp_path):
    nginx = require("nginx", shutil.which("nginx") or shutil.which("/usr/sbin/nginx"), "install nginx-light")
    with proxied(nginx, tmp_path, swaplab.port) as url, visitor.visit(url, "/models", prefix="/some/where") as page:
        first = page.get_by_role("row").filter(has_text="First")
        first.get_by_role("button", name="Load").click()
        page.get_by_role("dialog").get_by_role("button", name="Load", exact=True).click()
        expect(first).to_contain_text("Ready")
        page.get_by_role("link", name="First").click()
        page.get_by_role("tab", name="Connect").click()
        expect(page.get_by_role("main")).to_contain_text(f"{url}/some/where/v1")
        assert_installable(page, f"{url}/some/where/ui/")
        page.goto(f"{url}/some/where/")
        expect(page).to_have_url(f"{url}/some/where/ui/")


def assert_installable(page, root):
    """As the browser sees it: a manifest without a mistake, whose pictures are there in the sizes it says."""
    browser = page.context.new_cdp_session(page)
    found = browser.send("Page.getAppManifest")
    assert (found["url"], found["errors"]) == (f"{root}app.webmanifest", [])
    manifest = json.loads(found["data"])
    assert urljoin(found["url"], manifest["start_url"]) == urljoin(found["url"], manifest["scope"]) == root
    assert (manifest["display"], manifest["theme_color"]) == ("standalone", "#3d4fd0")
    for icon in manifest["icons"]:
        answer = page.request.get(urljoin(found["url"], icon["src"]))
        assert answer.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            assert icon["sizes"] == "{}x{}".format(*struct.unpack(">II", answer.body()[16:24]))
    # not over plain http from elsewhere; 127.0.0.1 counts as safe, and the incognito window of a test is no hindrance
    errors = {error["errorId"] for error in browser.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert errors <= {"in-incognito"}


@contextlib.contextmanager
def proxied(nginx, folder, port):
    """Nginx, with a prefix that it takes away."""
    listen = find_free_port()
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; pid {folder}/pid; error_log stderr; events {{}}
        http {{ access_log off; {temporary} server {{ listen {LOOPBACK}:{listen};
          location /some/where/ {{
            proxy_pass http://{LOOPBACK}:{port}/; proxy_buffering off; proxy_http_version 1.1;
            proxy_set_header Host $http_host; proxy_set_header Connection ""; }} }} }}"""
    )
    with running_process((nginx, "-c", folder / "nginx.conf", "-p", folder), folder / "nginx.log") as process:
        wait_until(lambda: not is_free(listen), "nginx to listen")
        yield f"http://{LOOPBACK}:{listen}"
        process.terminate()


def test_a_page_outlives_its_server_and_shows_the_next_one(visitor, tmp_path):
    listen = ("--listen", f"{LOOPBACK}:{find_free_port()}")
    with running_swaplab(tmp_path, MODELS, *listen) as swaplab:
        visit = visitor.visit(swaplab, "/models")
        page = visit.__enter__()
        expect(page.get_by_role("row").filter(has_text="First")).to_be_visible()
    banner = page.get_by_role("status").filter(has_text="The server does not answer")
    expect(banner).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="First")).to_be_visible()
    with running_swaplab(tmp_path, {"newcomer": sim()}, *listen):
        expect(page.get_by_role("row").filter(has_text="newcomer")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="First")).to_have_count(0)
        expect(banner).to_be_hidden()
        visit.__exit__(None, None, None)


def test_a_server_with_keys_asks_for_one_before_it_shows_anything(visitor, tmp_path):
    with running_swaplab(tmp_path, MODELS, apiKeys=["sesame"]) as swaplab, visitor.visit(swaplab, "/models") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        assert barriers(page) == []
        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("the key is not known")
        page.get_by_label("Key").fill("sesame")
        page.keyboard.press("Enter")
        expect(page.get_by_role("row").filter(has_text="First")).to_be_visible()
        assert "sesame" not in page.evaluate("document.cookie + JSON.stringify(localStorage)")


def test_the_keyboard_alone_is_enough(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()

        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name="Find and run")).to_be_focused()
        page.keyboard.type("one")
        expect(page.get_by_role("option", selected=True)).to_contain_text("First")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        expect(page.get_by_role("option", selected=True)).to_contain_text("First")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("First")

        go(page, "m", "Models")
        expect(page.get_by_role("row").get_by_role("link").first).to_be_visible()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("second")
        expect(page.get_by_role("row").get_by_role("link")).to_have_text(["second"])
        page.get_by_role("button", name="More").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("menuitem", name="Details")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("menuitem", name="Details")).not_to_be_focused()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Connect an app")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()

        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def go(page, key, heading):
    """Go to a page by `g` and its key; between the two may lie no more than a moment, so a busy machine tries again."""

    def there():
        page.keyboard.press("g")
        page.keyboard.press(key)
        with contextlib.suppress(AssertionError):
            expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=2_000)
            return True

    wait_until(there, f"the page {heading}")


def test_language_theme_and_name_are_chosen_and_kept(visitor, swaplab):
    with visitor.visit(swaplab, "/settings") as page:
        page.get_by_label("Language").select_option("es")
        expect(page.get_by_role("heading", level=1)).to_have_text("Ajustes")
        page.get_by_role("combobox", name="Tema").select_option("dark")
        page.get_by_label("Nombre de este servidor").fill("Casa")
        page.keyboard.press("Tab")
        page.reload()
        expect(page.get_by_role("link", name="Casa")).to_be_visible()
        expect(page).to_have_title("Ajustes · Casa")
        assert page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]") == [
            "es",
            "dark",
        ]


def test_colours_and_how_much_is_shown_are_chosen_and_kept(visitor, swaplab):
    with visitor.visit(swaplab, "/settings") as page:
        menu, root = page.get_by_role("navigation").first, page.locator("html")
        for palette in ("Ocean", "High contrast"):
            page.get_by_role("radio", name=palette).check()
            expect(root).to_have_attribute("data-palette", "ocean" if palette == "Ocean" else "contrast")
            assert barriers(page, rules=["color-contrast"]) == []
        page.get_by_role("radio", name="Simple").check()
        expect(menu.get_by_role("link")).to_have_text(
            ["Overview", "Playground", "Models", "Connect an app", "Settings"]
        )
        menu.get_by_role("link", name="Models").click()
        table = page.get_by_role("table")
        expect(table.get_by_role("columnheader", name="State")).to_be_visible()
        expect(table.get_by_role("columnheader", name="Backend")).to_have_count(0)
        menu.get_by_role("link", name="Settings").click()
        page.get_by_role("radio", name="Developer").check()
        expect(menu.get_by_role("link", name="Logs")).to_be_visible()
        menu.get_by_role("link", name="Models").click()
        expect(table.get_by_role("columnheader", name="Address")).to_be_visible()
        asked = page.get_by_role("region", name="Requests of this page")
        asked.get_by_text("request").first.click()
        expect(asked.get_by_role("link").first).to_have_attribute("href", re.compile(f"^{swaplab.url}/api/"))
        expect(asked).to_contain_text(re.compile(r"200 · \d+ ms"))
        assert barriers(page) == []
        page.reload()
        expect(root).to_have_attribute("data-palette", "contrast")
        expect(asked).to_be_visible()


def test_on_a_phone_the_menu_is_at_the_bottom(visitor, swaplab):
    with visitor.visit(swaplab, size=PHONE) as page:
        page.get_by_role("button", name="More").click()
        page.get_by_role("dialog", name="Menu").get_by_role("link", name="Plugins").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Plugins")
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_first_load_is_small():
    """All that the browser gets before it shows a page, compressed."""
    index = BUILT.read_text()
    first = re.findall(r'(?:src|href)="\./(assets/[^"]+\.js)"', index)
    page = max(BUILT.parent.glob("assets/Overview-*.js"), key=lambda path: path.stat().st_size)
    wanted = {*(BUILT.parent / name for name in first), *imports(page)}
    total = sum(len(gzip.compress(path.read_bytes(), 9)) for path in wanted)
    assert first
    assert total < FIRST_LOAD_BYTES, {path.name: path.stat().st_size for path in wanted}
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in BUILT.parent.glob("assets/*.js")}
    assert {name: size for name, size in sizes.items() if size > CHUNK_BYTES} == {}


def imports(path, seen=None):
    """A script and everything that it imports at once."""
    seen = seen if seen is not None else set()
    if path not in seen:
        seen.add(path)
        for name in re.findall(r'(?:from|import)\s*"\./([^"]+\.js)"', path.read_text()):
            imports(path.parent / name, seen)
    return seen
