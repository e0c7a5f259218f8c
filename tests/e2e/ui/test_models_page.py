"""Models in the browser: found, loaded, given up, unloaded; what a load would do to others is asked before."""

from __future__ import annotations

import re

import pytest
from browser import PHONE, barriers, told
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

CAPABLE = {"in": ["text", "image"], "out": ["text"], "tools": True, "context": 32768}
MODELS = {
    "slow": {
        **sim("--load-stage", "weights:0.3", "--load-stage", "warmup:0.2", "--tokens-per-second", "20"),
        "name": "Slow one",
        "ttl": 600,
    },
    "endless": sim("--load-seconds", "600"),
    "quick": {**sim(), "aliases": ["gpt-4o"], "description": "answers at once", "capabilities": CAPABLE},
    "secret": {**sim(), "unlisted": True},
    "dying": sim("--die-at-start", "3"),
    "boxed": {
        "cmd": "docker run --rm --name engine-box -p ${PORT}:80 registry.example/engine:1.2 serve",
    },
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_swaplab(tmp_path_factory.mktemp("models-page"), MODELS, healthCheckTimeout=700) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared):
    return shared.renew()


def rewrite(page, text, old, new):
    """Replace a text in the editor as a person would: find it, type over it."""
    whole = text.evaluate("node => node.cmView?.view?.state.doc.toString() ?? node.innerText")
    text.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(whole.replace(old, new))


def row(page, name):
    """The table's row of a model."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_a_model_is_loaded_and_unloaded_again(visitor, swaplab):
    with visitor.visit(swaplab, "/models") as page:
        slow = row(page, "Slow one")
        expect(slow).to_contain_text("Stopped")
        slow.get_by_role("button", name="Load").click()
        expect(slow).to_contain_text("Ready")
        told(page, "Slow one is ready")
        slow.get_by_role("button", name="Unload").click()
        expect(slow).to_contain_text("Stopped")
    assert swaplab.model("slow")["state"] == "stopped"


def test_a_model_that_was_used_counts_down_to_its_end(visitor, swaplab):
    with visitor.visit(swaplab, "/models") as page:
        slow = row(page, "Slow one")
        with swaplab.streaming("slow", min_tokens=1000):
            expect(slow).to_contain_text("1 running")
        expect(slow).not_to_contain_text("running")
        expect(slow).to_contain_text("unloads in")


def test_a_load_that_stops_others_is_asked_for_and_done_only_then(visitor, swaplab):
    swaplab.chat("quick")
    with visitor.visit(swaplab, "/models") as page:
        row(page, "Slow one").get_by_role("button", name="Load").click()
        dialog = page.get_by_role("dialog", name="Load Slow one?")
        expect(dialog.get_by_role("listitem").filter(has_text="stops")).to_contain_text("quick")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        assert swaplab.model("quick")["state"] == "ready"

        row(page, "Slow one").get_by_role("button", name="Load").click()
        dialog.get_by_role("button", name="Load", exact=True).click()
        expect(row(page, "quick")).to_contain_text("Stopped")
        expect(row(page, "Slow one")).to_contain_text("Ready")


def test_a_load_shows_its_progress_and_can_be_given_up(visitor, swaplab):
    with visitor.visit(swaplab, "/models") as page:
        row(page, "endless").get_by_role("button", name="Load").click()
        expect(row(page, "endless")).to_contain_text("Starting")
        expect(row(page, "endless").get_by_role("progressbar", name="Loading endless")).to_be_visible()
        row(page, "endless").get_by_role("button", name="Cancel").click()
        row(page, "endless").get_by_role("button", name="Stop").click()
        expect(row(page, "endless")).to_contain_text("Stopped")


def test_why_a_load_failed_is_said(visitor, swaplab):
    with visitor.visit(swaplab, "/models/dying") as page:
        page.get_by_role("button", name="Load").click()
        expect(page.get_by_role("alert")).to_contain_text("dying ended by itself, exit code 3")


def test_models_are_searched_filtered_and_grouped_in_an_address_that_can_be_sent(visitor, swaplab):
    with visitor.visit(swaplab, "/models") as page:
        names = page.get_by_role("row").get_by_role("link")
        expect(names).to_have_text(["Slow one", "endless", "quick", "dying", "boxed"])
        page.get_by_role("searchbox").fill("gpt")
        expect(names).to_have_text(["quick"])
        expect(page).to_have_url(re.compile(r"#/models\?q=gpt$"))
    with visitor.visit(swaplab, "/models?group=backend&unlisted=1") as page:
        expect(page.get_by_role("heading", name="command")).to_be_visible()
        expect(page.get_by_role("link", name="secret")).to_be_visible()


def test_a_model_page_tells_what_it_is_how_it_runs_and_how_to_use_it(visitor, swaplab):
    swaplab.chat("quick")
    with visitor.visit(swaplab, "/models/gpt-4o") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("quick")
        main = page.get_by_role("main")
        for text in ("gpt-4o", "vision", "tools", "32K", "--port"):
            expect(main).to_contain_text(text)
        page.get_by_role("tab", name="Log").click()
        expect(page.get_by_role("log")).to_contain_text("swaplab-sim")
        page.get_by_role("tab", name="Activity").click()
        expect(page.get_by_role("cell", name="/v1/chat/completions").first).to_be_visible()
        page.get_by_role("tab", name="Connect").click()
        page.get_by_role("tab", name="curl").click()
        expect(main).to_contain_text(f"{swaplab.url}/v1/chat/completions")
        expect(page).to_have_url(re.compile("tab=connect"))
        page.reload()
        expect(page.get_by_role("tab", name="Connect")).to_have_attribute("aria-selected", "true")


def test_what_is_kept_at_the_top_stays_there_after_a_reload(visitor, swaplab):
    with visitor.visit(swaplab, "/models") as page:
        page.get_by_role("button", name="Keep dying at the top").click()
        expect(page.get_by_role("row").get_by_role("link").first).to_have_text("dying")
        page.reload()
        expect(page.get_by_role("row").get_by_role("link").first).to_have_text("dying")


def test_memory_is_told_before_a_load_and_models_are_sorted_as_cards_and_chosen_together(visitor, swaplab):
    for _ in range(1 + max(model["requests"] for model in swaplab.models().values())):
        swaplab.chat("quick")  # more than any other, whichever tests came before
    wait_until(lambda: swaplab.ask("GET", "/api/memory").json()["models"]["quick"]["now"], "the memory of quick")
    with visitor.visit(swaplab, "/models?as=cards&sort=most") as page:
        cards = page.get_by_role("article")
        expect(cards.first).to_contain_text("MiB")
        for name in ("Slow one", "endless"):
            cards.filter(has_text=name).get_by_role("checkbox").check()
        expect(page.get_by_role("status").filter(has_text="2 selected")).to_be_visible()
        assert barriers(page) == []
        page.get_by_role("button", name="As cards").click()
        expect(row(page, "quick")).to_contain_text("MiB")
        swaplab.ask("GET", "/unload")
        row(page, "quick").get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="What would a load do?").click()
        plan = page.get_by_role("dialog")
        expect(plan).to_contain_text("measured at an earlier load")
        expect(plan.get_by_text("fits", exact=True)).to_be_visible()


def test_a_model_page_shows_its_launch_its_events_and_edits_its_own_lines(visitor, swaplab):
    swaplab.chat("quick")
    with visitor.visit(swaplab, "/models/slow", key=swaplab.admin_token) as page:
        expect(page.get_by_role("main")).to_contain_text("Would run")
        expect(page.get_by_role("main")).to_contain_text("--load-stage")
        page.get_by_role("tab", name="Configuration").click()
        page.get_by_label("ttl").fill("700")
        page.get_by_role("button", name="Save").click()
        told(page, "Saved")
        swaplab.wait_for("slow", ttl_seconds=700)
        page.get_by_role("button", name="YAML").click()
        lines = page.get_by_role("textbox", name="Its lines in the file")
        expect(lines).to_contain_text(re.compile("ttl.*700"))
        line = lines.locator(".cm-line", has_text="ttl")
        rewrite(page, lines, "700", "often")
        expect(line.locator(".cm-lintRange-error")).to_be_visible()  # the server's word, at the line
        expect(page.get_by_role("status").filter(has_text="1 problem")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_be_visible()
        rewrite(page, lines, "often", "600")
        expect(lines.locator(".cm-lintRange-error")).to_have_count(0)
        page.keyboard.press("Control+End")
        page.keyboard.type("concurrencyL")
        expect(page.get_by_role("listbox")).to_contain_text("concurrencyLimit")
        page.get_by_role("option").first.click()
        page.keyboard.type("5")
        assert barriers(page) == []
        page.keyboard.press("Control+s")
        expect(page.get_by_role("alert")).to_have_count(0)
        wait_until(lambda: swaplab.model("slow")["concurrency_limit"] == 5, "what was completed is in force")
        page.goto(f"{swaplab.url}/ui/#/models/quick?tab=events")
        expect(page.get_by_role("cell", name="Ready").first).to_be_visible()


def test_what_to_paste_into_an_app_stands_on_a_page_of_its_own(visitor, swaplab):
    with visitor.visit(swaplab) as page:
        page.get_by_role("navigation").first.get_by_role("link", name="Connect an app").click()
        expect(page.get_by_role("definition").filter(has_text=f"{swaplab.url}/v1")).to_be_visible()
        page.get_by_role("combobox", name="Model").select_option("gpt-4o")
        expect(page).to_have_url(re.compile("model=gpt-4o"))
        expect(page.get_by_role("main")).to_contain_text("export OPENAI_MODEL=gpt-4o")
        page.get_by_role("tab", name="Claude Code").click()
        expect(page.get_by_role("main")).to_contain_text(f"export ANTHROPIC_BASE_URL={swaplab.url}")
        assert barriers(page) == []


def test_a_model_in_a_container_says_in_which_image(visitor, swaplab):
    with visitor.visit(swaplab, "/models/boxed") as page:
        for value in ("registry.example/engine:1.2", "engine-box"):
            expect(page.get_by_role("definition").filter(has_text=value)).to_be_visible()


def test_on_a_phone_models_are_loaded_too(visitor, swaplab):
    with visitor.visit(swaplab, "/models", size=PHONE, theme="dark") as page:
        quick = page.get_by_role("article", name="quick")
        quick.get_by_role("button", name="Load").click()
        expect(quick).to_contain_text("Ready")
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="As cards").click()
        expect(row(page, "quick")).to_contain_text("Ready")


@pytest.mark.llamacpp
def test_a_real_engine_is_loaded_from_its_page_and_unloaded_from_the_overview(
    visitor, llama_server, tiny_gguf, tmp_path
):
    model = {"backend": "llamacpp", "model": str(tiny_gguf("Hello")), "ctxSize": 512}
    path = {"PATH": f"{llama_server.parent}:/usr/bin:/bin"}
    with (
        running_swaplab(tmp_path, {"tiny": model}, env=path) as swaplab,
        visitor.visit(swaplab, "/models/tiny") as page,
    ):
        page.get_by_role("button", name="Load").click()
        expect(page.get_by_role("main")).to_contain_text("Ready")
        swaplab.wait_for("tiny", serving=0)  # the load is a request too, and ends a moment later
        page.goto(f"{swaplab.url}/ui/#/")
        page.reload()
        page.get_by_role("listitem").filter(has_text="tiny").get_by_role("button", name="Unload").click()
        expect(page.get_by_text("No model is running")).to_be_visible()


def test_profiles_are_chosen_and_taken_back_beside_selectors_and_peers(visitor, tmp_path):
    names = {
        "profiles": {"office": {"description": "Cheap by day.", "pins": {"gpt-4o": "quick", "whisper": ""}}},
        "selectors": {"any": {"strategy": "warm", "targets": ["quick"]}},
        "peers": {"lab": {"proxy": "http://127.0.0.9:9", "models": ["far"]}},
    }
    with running_swaplab(tmp_path, {"quick": sim()}, **names) as swaplab, visitor.visit(swaplab, "/models") as page:
        profiles = page.get_by_role("region", name="Profiles")
        profiles.get_by_label("Active profile").select_option("office")
        expect(profiles).to_contain_text("Cheap by day.")
        expect(profiles).to_contain_text("gpt-4o")
        expect(profiles).to_contain_text("switched off")
        wait_until(lambda: swaplab.ask("GET", "/api/profiles").json()["active"] == "office", "the profile")
        expect(page.get_by_role("region", name="Selectors").get_by_role("link", name="quick")).to_be_visible()
        expect(page.get_by_role("region", name="Models of peers")).to_contain_text("far")
        assert barriers(page) == []
        page.get_by_role("button", name="Undo").click()
        expect(profiles.get_by_label("Active profile")).to_have_value("")
        wait_until(lambda: swaplab.ask("GET", "/api/profiles").json()["active"] is None, "no profile")
