"""What plugins add to the pages: views, an action that becomes a job, settings, modules that work and that fail."""

from __future__ import annotations

import re
import zipfile

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim
from toy_plugin import install_toy_plugin

from swaplab_core.testing.waiting import wait_until

MODELS = {"m": {**sim(), "name": "Em"}}


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin-pages")
    install_toy_plugin(folder / "site")
    with running_swaplab(folder, MODELS, env={"PYTHONPATH": str(folder / "site")}) as running:
        yield running


@pytest.fixture
def admin(swaplab):
    """The administrator's token."""
    return next((swaplab.config.parent / "state").rglob("admin-token")).read_text().strip()


def card(page, title):
    """A panel with its heading."""
    return page.locator("section.sl-card").filter(has=page.get_by_role("heading", name=title, exact=True))


def test_a_page_without_javascript_shows_every_kind_of_view(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.get_by_role("navigation").first.get_by_role("link", name="Toy").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Toy")
        table = card(page, "Table")
        expect(table).to_contain_text("2 KiB")
        expect(table).to_contain_text("<img src=x onerror=alert(1)>")
        expect(table).to_contain_text("~/a")
        expect(table.locator(".sl-badge.error")).to_have_text("bad")
        expect(card(page, "Facts")).to_contain_text("50%")
        expect(card(page, "Facts")).to_contain_text("~/x")
        expect(card(page, "Matrix").get_by_role("row", name="two")).to_contain_text("closed")
        expect(card(page, "Text").locator("strong")).to_have_text("bold")
        expect(card(page, "Series").get_by_role("img")).to_be_visible()
        expect(card(page, "Bins").get_by_role("img", name=re.compile("P50 14"))).to_be_visible()
        expect(card(page, "Cards")).to_contain_text("7")
        expect(card(page, "Unknown kind")).to_contain_text('"anything"')
        expect(card(page, "Broken data").get_by_role("alert")).to_be_visible()
        assert barriers(page) == []
        visitor.forgive("this module is broken", "exports no mount")


def test_texts_of_a_plugin_are_in_the_persons_language_where_it_has_them(visitor, swaplab):
    with visitor.visit(swaplab, "/x/toy/page", language="es") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Juguete")
        expect(card(page, "Hechos")).to_contain_text("Home")
        expect(card(page, "Table").get_by_role("columnheader", name="Nombre")).to_be_visible()
        assert card(page, "Table").locator(".sl-bar > span").first.evaluate("bar => bar.style.width")
        expect(card(page, "Matrix")).to_be_visible()  # what it has not said stays English
        page.locator("[data-module='toy:good']").get_by_role("button", name="open").click()
        expect(page.get_by_role("dialog").get_by_label("Palabra")).to_have_value("module")
        visitor.forgive("this module is broken", "exports no mount")


def test_logs_of_jobs_and_of_plugins_are_read_beside_the_others(visitor, swaplab):
    body = {"input": {"word": "chatter", "times": 3}}
    job = swaplab.ask_as_admin("POST", "/api/actions/toy:say", json_body=body).json()["job"]["id"]
    with visitor.visit(swaplab, "/logs?source=proxy") as page:
        log, sources = page.get_by_role("log"), page.get_by_role("button", name="Sources:")
        expect(log).to_contain_text("GET /ui/")
        for name in ("Toy log", "Say something"):
            sources.click()
            page.get_by_role("menuitemcheckbox", name=re.compile(name)).click()
        expect(page).to_have_url(re.compile(f"job%3A{job}"))
        expect(log).to_contain_text("GET /ui/")
        page.get_by_role("searchbox").fill("chatter|of the toy")
        page.get_by_role("button", name="Regular expression").click()
        expect(log).to_contain_text("a line of the toy")
        expect(log).to_contain_text("hello chatter 2")
        sources.click()
        page.get_by_role("menuitemcheckbox", name="swaplab", exact=True).click()
        expect(log).to_contain_text("hello chatter 2")
        assert barriers(page) == []


def test_modules_mount_and_one_that_fails_breaks_nothing_else(visitor, swaplab):
    with visitor.visit(swaplab, "/x/toy/page") as page:
        good = page.locator("[data-module='toy:good']")
        expect(good).to_contain_text("hello world")
        expect(good.locator(".sl-badge")).to_have_text("badge")
        expect(good.get_by_role("cell")).to_have_text("from a module")
        assert good.locator(".toy").evaluate("p => getComputedStyle(p).letterSpacing") == "3px"
        failed = page.locator("[data-failed='toy:bad']")
        expect(failed).to_contain_text("this module is broken")
        expect(page.locator("[data-failed='toy:empty']")).to_contain_text("exports no mount")
        good.get_by_role("button", name="open").click()
        expect(page.get_by_role("dialog").get_by_label("Word")).to_have_value("module")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Models", exact=True).click()
        expect(page.get_by_role("row").get_by_role("link", name="Em", exact=True)).to_be_visible()
        visitor.forgive("this module is broken", "exports no mount")


def without_manifest(page, swaplab):
    """Open the pages anew while the manifest does not come; what was asked for it."""
    held = []

    def hold(route):
        held.append(route)

    page.goto("about:blank")
    page.route("**/api/ui/manifest", hold)
    page.goto(f"{swaplab.url}/ui/")
    page.locator("h1").first.wait_for()
    return held


def test_what_is_typed_into_the_palette_before_plugins_are_known_is_run_when_they_are(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        held = without_manifest(page, swaplab)
        page.keyboard.press("Control+k")
        page.keyboard.type("say something")
        palette = page.get_by_role("dialog", name="Find and run")
        expect(palette.get_by_role("status")).to_contain_text("are being fetched")
        page.keyboard.press("Enter")
        expect(palette.get_by_role("status")).to_contain_text("Runs as soon as")
        expect(palette.get_by_role("combobox")).to_have_value("say something")
        for each in held:
            each.continue_()
        expect(page.get_by_role("dialog", name="Say something").get_by_label("Word")).to_be_visible()
        expect(palette).to_be_hidden()


def test_enter_in_the_palette_runs_nothing_that_was_not_meant(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("nothing is called so")
        palette = page.get_by_role("dialog", name="Find and run")
        expect(palette.get_by_role("status")).to_have_text("Nothing fits")
        page.keyboard.press("Enter")
        expect(palette.get_by_role("combobox")).to_be_focused()
        held = without_manifest(page, swaplab)
        page.keyboard.press("Control+k")
        page.keyboard.type("Plugins")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Plugins")
        assert held


def test_an_action_is_previewed_confirmed_and_becomes_a_job_with_its_log(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("say something")  # at once, as a person does: the palette waits for what it needs
        page.keyboard.press("Enter")
        form = page.get_by_role("dialog", name="Say something")
        form.get_by_role("button", name="Run").click()
        expect(form).to_contain_text("Fill this in")
        form.get_by_label("Word").fill("wörld")
        expect(form.get_by_label("What will happen")).to_contain_text("'hello wörld'")
        form.get_by_label("Times").fill("99")
        form.get_by_role("button", name="Run").click()
        expect(form).to_contain_text("Not more than 50")
        form.get_by_label("Times").fill("3")
        form.get_by_label("Colour").select_option("blue")
        form.get_by_text("As a shell command").click()
        expect(form.get_by_label("As a shell command")).to_contain_text('"word":"wörld"')
        assert barriers(page) == []
        form.get_by_role("button", name="Run").click()
        question = page.get_by_role("dialog").filter(has_text="It will be heard.")
        question.get_by_role("button", name="Say something").click()
        drawer = page.get_by_role("dialog", name="Say something")
        expect(drawer.get_by_role("log")).to_contain_text("hello wörld 2")
        expect(drawer.get_by_role("status").first).to_have_text("Succeeded")
        drawer.get_by_role("link", name="All jobs").click()
        expect(page.get_by_role("row").filter(has_text="Say something").first).to_contain_text("Succeeded")


def test_a_job_is_cancelled_and_run_again_after_a_reload_of_the_page(visitor, swaplab):
    body = {"input": {"word": "long", "times": 50, "mode": "long", "pause": 1, "colour": "red"}}
    job = swaplab.ask("POST", "/api/actions/toy:say", json_body=body, headers={"X-Swaplab": "1"}).json()["job"]
    with visitor.visit(swaplab, f"/jobs/{job['id']}") as page:
        expect(page.get_by_role("log")).to_contain_text("hello long 0")
        page.reload()
        expect(page.get_by_role("log")).to_contain_text("hello long 0")
        expect(page).to_have_title(re.compile(r"^\(\d+\) "))
        page.get_by_role("button", name="Tell me when it ends").click()
        page.reload()
        expect(page.get_by_role("button", name="Tell me when it ends")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Cancel the job").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
        expect(page.get_by_role("main").get_by_role("status").first).to_have_text("Cancelled")
        page.get_by_role("button", name="Run again").click()
        again = page.get_by_role("dialog", name="Say something")
        expect(again.get_by_role("log")).to_contain_text("hello long 0")
        again.get_by_role("button", name="Cancel the job").click()
        page.get_by_role("dialog").last.get_by_role("button", name="Cancel the job").click()
        expect(again.get_by_role("status").first).to_have_text("Cancelled")


def test_a_job_that_is_removed_comes_back_or_is_forgotten(visitor, swaplab):
    body = {"input": {"word": "gone", "times": 1, "mode": "short", "colour": "red"}}
    job = swaplab.ask_as_admin("POST", "/api/actions/toy:say", json_body=body).json()["job"]["id"]
    with visitor.visit(swaplab, f"/jobs/{job}", key=swaplab.admin_token) as page:
        page.get_by_role("button", name="Remove from the history").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        row = page.locator(f'a[href="#/jobs/{job}"]')
        expect(row).to_have_count(0)
        page.locator(".toast").get_by_role("button", name="Undo").click()
        row.click()
        page.get_by_role("button", name="Remove from the history").click()
        page.locator(".toast").get_by_role("button", name="Close").click()
        wait_until(lambda: swaplab.ask("GET", f"/api/jobs/{job}").status == 404, "the job to be forgotten")
        expect(row).to_have_count(0)


def test_plugins_stand_where_they_want_to_on_pages_of_ours(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        expect(card(page, "Toy card")).to_contain_text("7")
        page.goto(f"{swaplab.url}/ui/#/models/m")
        page.get_by_role("tab", name="Toy tab").click()
        expect(page.get_by_role("tabpanel")).to_contain_text("Disk")
        page.get_by_role("tab", name="Of mine").click()
        expect(page.get_by_role("tabpanel")).to_contain_text("m")
        expect(page.get_by_role("tab", name="Of others")).to_have_count(0)


def test_plugins_are_checked_and_what_helps_to_find_a_mistake_is_downloaded(visitor, swaplab):
    checks = swaplab.ask("GET", "/api/diagnostics").json()["diagnostics"]
    with visitor.visit(swaplab, "/plugins") as page:
        for check in checks:
            expect(page.get_by_role("listitem").filter(has_text=check["title"]).first).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Bundle for a report").click()
        assert download.value.suggested_filename == "swaplab-diagnostics.zip"
        assert zipfile.is_zipfile(download.value.path())
        assert checks
        assert barriers(page) == []


def test_the_load_of_a_day_is_shown_with_the_memory_of_each_model(visitor, swaplab):
    swaplab.chat("m")
    wait_until(lambda: swaplab.ask("GET", "/api/performance").json()["process_stats"], "a look at the running model")
    with visitor.visit(swaplab, "/performance") as page:
        page.get_by_label("Time shown").select_option("1440")
        expect(page.get_by_role("img", name="System memory of each model")).to_be_visible()
        expect(page.get_by_role("img", name="Processor")).to_be_visible()
        rate = page.get_by_role("combobox", name="How often to ask for new figures")
        rate.select_option("paused")
        page.reload()
        expect(rate).to_have_value("0")
        assert barriers(page) == []


def test_settings_of_a_plugin_are_a_form_that_writes_the_file(visitor, swaplab, admin):
    with visitor.visit(swaplab, "/plugins", key=admin) as page:
        plugin = page.get_by_role("article").filter(has_text="toy-plugin")
        expect(plugin).to_contain_text("Works")
        plugin.get_by_text("toy", exact=True).last.click()
        plugin.get_by_label("Greeting").fill("good day")
        plugin.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert "greeting: good day" in swaplab.config.read_text()


def test_a_plugin_is_switched_on_again_and_off_and_the_page_says_when_that_holds(visitor, tmp_path):
    install_toy_plugin(tmp_path / "site")
    off, env = {"disabledPlugins": ["toy-plugin"]}, {"PYTHONPATH": str(tmp_path / "site")}
    with running_swaplab(tmp_path, MODELS, env=env, **off) as swaplab:
        token = (tmp_path / "state" / "swaplab" / "admin-token").read_text().strip()
        with visitor.visit(swaplab, "/plugins", key=token) as page:
            toy = page.locator("article").filter(has=page.get_by_role("heading", name="toy-plugin"))
            switch = toy.get_by_role("switch", name="Load toy-plugin")
            expect(toy).to_contain_text("Switched off")
            expect(switch).not_to_be_checked()
            assert barriers(page) == []
            expect(page.get_by_role("navigation").first.get_by_role("link", name="Toy")).to_have_count(0)
            switch.click()
            expect(switch).to_be_checked()
            expect(toy).to_contain_text("is loaded when swaplab is started again")
            expect(page.get_by_role("status").filter(has_text="Start swaplab again")).to_contain_text("toy-plugin")
            assert "disabledPlugins" not in swaplab.config.read_text()
            page.get_by_role("button", name="Undo").click()
            expect(switch).not_to_be_checked()
            expect(page.get_by_role("status").filter(has_text="Start swaplab again")).to_have_count(0)
            assert "toy-plugin" in swaplab.config.read_text()
        with visitor.visit(swaplab, "/plugins", language="es") as page:
            expect(page.locator("article").filter(has_text="toy-plugin")).to_contain_text("Desactivado")
            expect(page.get_by_role("switch", name="Cargar toy-plugin")).to_be_disabled()
