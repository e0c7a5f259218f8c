"""The playground and the activity in the browser: chat with real weights, stop, compare, captures, and foreign text."""

from __future__ import annotations

import os
import re
import signal

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

from swaplab_core.testing.sim.media import pixel
from swaplab_core.testing.waiting import wait_until

ATTACKS = (
    "<img src=x onerror=alert(1)> <script>alert(2)</script> [link](javascript:alert(3)) "
    "<svg onload=alert(4)></svg> <iframe srcdoc='<script>alert(5)</script>'></iframe> ![t](https://evil.example/p.png) "
    "<form action=/api/config/editor><button>Save</button></form> **bold** `code`"
)
FORMULAE = r"Big ones: $$\left(\sum_{i=0}^n \frac{\sqrt{\mathcal{L}}}{\mathfrak{B}}\right)$$ and $\mathbb{R}$."


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, tiny_gguf, llama_server):
    def real(say, **more):
        return {
            "backend": "llamacpp",
            "model": str(tiny_gguf(say, **more)),
            "ctxSize": 8192,
            "server": str(llama_server),
        }

    models = {
        "paris": real("The capital of France is Paris."),
        "rome": real("All roads lead to Rome."),
        "endless": real("On and on. ", endless=True),
        "thinker": real("<think>Let me see.</think>It is **four**.", rich=True),
        "attacker": sim("--say", ATTACKS),
        "mathematician": sim("--say", FORMULAE),
        "short": real("Once.") | {"ctxSize": 256},
        "<img src=x onerror=alert(9)>": {**sim(), "description": "</script><script>alert(8)</script>"},
        "broken": {"cmd": "/nonexistent/engine --port ${PORT}"},
    }
    with running_swaplab(tmp_path_factory.mktemp("playground"), models) as running:
        yield running


def ask(page, text):
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def answer(page, model):
    return page.get_by_role("region", name=model, exact=True).last


def table_of(page, name):
    """The table in the part of the page with this name."""
    return page.get_by_role("region", name=name, exact=True).last.get_by_role("table")


def test_a_chat_streams_is_kept_and_can_be_asked_again(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=paris") as page:
        ask(page, "What is the capital of France?")
        expect(answer(page, "paris")).to_contain_text("The capital of France is Paris.")
        expect(answer(page, "paris").get_by_test_id("stats")).to_contain_text(re.compile(r"tokens/s.* read.* written"))
        page.reload()  # it comes back by itself, and is found by what the model said
        expect(answer(page, "paris")).to_contain_text("Paris")
        listed = page.get_by_role("navigation", name="Conversations")
        page.get_by_role("button", name="New chat").click()
        listed.get_by_role("searchbox").fill("capital france IS paris")
        listed.get_by_role("button", name=re.compile("What is the")).first.click()
        expect(answer(page, "paris")).to_contain_text("Paris")
        answer(page, "paris").get_by_role("button", name="Answer again").click()
        expect(answer(page, "paris")).to_have_attribute("data-state", "done")
        assert barriers(page) == []


def test_an_answer_is_stopped_and_what_came_is_kept(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=endless") as page:
        ask(page, "Go on")
        expect(answer(page, "endless")).to_contain_text("On and on.")
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(answer(page, "endless")).to_contain_text("Stopped")
        expect(answer(page, "endless")).to_contain_text("On and on.")
    swaplab.wait_for("endless", serving=0)


def test_thoughts_stand_apart_from_the_answer(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=thinker") as page:
        ask(page, "2 + 2?")
        expect(answer(page, "thinker").locator("strong").last).to_have_text("four")
        expect(answer(page, "thinker").locator("details.thoughts")).to_contain_text("Thought for")


def test_two_models_answer_side_by_side_one_after_the_other(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=paris") as page:
        page.get_by_role("button", name="Compare with another model").click()
        page.get_by_role("combobox", name="Model").nth(1).select_option("rome")
        ask(page, "Where to?")
        expect(answer(page, "paris")).to_contain_text("Paris")
        expect(answer(page, "rome")).to_contain_text("All roads lead to Rome.")
        expect(answer(page, "rome")).to_have_attribute("data-state", "done")


def test_a_reload_in_the_middle_of_an_answer_loses_nothing_that_came(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=endless") as page:
        ask(page, "Go on")
        expect(answer(page, "endless")).to_contain_text("On and on. On and on.")
        page.get_by_role("combobox", name="Model").first.select_option("paris")  # meant for the next question
        expect(answer(page, "endless")).to_have_attribute("data-state", "running")
        wait_until(lambda: page.evaluate(SAVED, ["On and on.", '"models":["paris"]']), "it to be kept")
        page.reload()
        expect(answer(page, "endless")).to_contain_text("On and on.")
        expect(answer(page, "endless")).to_contain_text("Stopped")
        ask(page, "And you?")
        expect(answer(page, "paris")).to_contain_text("The capital of France is Paris.")


SAVED = """words => new Promise(resolve => {
    const opening = indexedDB.open('swaplab');
    opening.onsuccess = () => {
        const reading = opening.result.transaction('chats').objectStore('chats').getAll();
        reading.onsuccess = () => {
            const kept = JSON.stringify(reading.result);
            resolve(words.every(word => kept.includes(word)));
        };
    };
})"""


def test_what_can_be_done_about_an_error_is_said_with_it(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=short") as page:
        ask(page, "word " * 1000)
        expect(answer(page, "short").get_by_role("alert")).to_contain_text("Begin a new chat, fork from an earlier")
        page.get_by_role("button", name="New chat").click()
        picture = {"name": "a.png", "mimeType": "image/png", "buffer": pixel()}
        page.locator("form.composer input[type=file]").set_input_files([picture])
        ask(page, "What is it?")
        expect(answer(page, "short").get_by_role("alert")).to_contain_text("This model does not see pictures.")
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("article").get_by_role("button", name="Remove this image").click()
        page.get_by_role("textbox", name="Edit").press("Enter")
        expect(answer(page, "short")).to_have_attribute("data-state", "done")
        assert barriers(page) == []


def test_an_engine_that_is_killed_in_the_middle_is_told_and_gone_on_with(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=endless") as page:
        ask(page, "Go on")
        expect(answer(page, "endless")).to_contain_text("On and on.")
        os.kill(swaplab.model("endless")["pid"], signal.SIGKILL)
        expect(answer(page, "endless").get_by_role("alert")).to_contain_text("What came until then is kept")
        expect(answer(page, "endless").get_by_role("button", name="Try again")).to_be_enabled()
        answer(page, "endless").get_by_role("button", name="Go on").click()
        expect(answer(page, "endless")).to_have_attribute("data-state", "running")
        expect(answer(page, "endless").get_by_role("alert")).to_be_hidden()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(answer(page, "endless")).to_contain_text("Stopped")
    swaplab.wait_for("endless", serving=0)


def test_two_tabs_of_a_browser_show_the_same_conversations(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=paris") as page:
        other = page.context.new_page()
        other.goto(page.url)
        listed = other.get_by_role("navigation", name="Conversations").get_by_role("listitem")
        expect(listed).to_have_text("No conversation yet")
        ask(page, "Heard over there?")
        expect(listed).to_contain_text("Heard over there?")
        listed.get_by_role("button").first.click()
        expect(answer(other, "paris")).to_have_attribute("data-state", "done")


def test_formulae_have_their_letters_and_nothing_breaks_the_policy(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=mathematician") as page:
        ask(page, "Prove it")
        expect(answer(page, "mathematician").locator(".katex-display .katex-html")).to_be_visible()
        page.wait_for_function("[...document.fonts].some(font => font.status === 'loaded')")


def test_why_a_model_does_not_answer_is_said_in_its_place(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=broken") as page:
        ask(page, "Hello?")
        expect(answer(page, "broken").get_by_role("alert")).to_contain_text("/nonexistent/engine")


def test_nothing_that_a_model_says_or_is_called_runs(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=attacker") as page:
        ask(page, ATTACKS)
        said = answer(page, "attacker")
        expect(said).to_have_attribute("data-state", "done")
        expect(said.locator("strong").last).to_have_text("bold")
        assert said.locator("script, iframe, form, img, [onerror], [onload], a[href^=javascript]").count() == 0
        for place in ("/models", "/activity", "/", "/timeline"):
            page.goto(f"{swaplab.url}/ui/#{place}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto(f"{swaplab.url}/ui/#/models")
        expect(page.get_by_role("link", name="<img src=x onerror=alert(9)>").first).to_be_visible()


def test_a_request_is_found_looked_at_and_gone_on_with(visitor, swaplab):
    swaplab.chat("rome", messages=[{"role": "user", "content": "Which way to the forum?"}])
    with visitor.visit(swaplab, "/activity") as page:
        page.get_by_role("combobox", name="Model").select_option("rome")
        expect(page).to_have_url(re.compile("model=rome"))
        table_of(page, "Requests").get_by_role("link", name="View").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
        expect(page.get_by_text("Which way to the forum?")).to_be_visible()
        page.get_by_role("tab", name="As curl").click()
        expect(page.get_by_role("tabpanel").or_(page.locator("main"))).to_contain_text("curl")
        page.get_by_role("tab", name="Chat").click()
        page.get_by_role("button", name="Open in chat").click()
        expect(page.get_by_text("Which way to the forum?")).to_be_visible()
        ask(page, "And back?")
        expect(answer(page, "rome")).to_contain_text("All roads lead to Rome.")


def test_filters_are_the_servers_and_live_in_the_address(visitor, swaplab):
    swaplab.chat("paris")
    swaplab.ask("POST", "/v1/chat/completions", json_body={"model": "nobody", "messages": []})
    with visitor.visit(swaplab, "/activity?status=4xx") as page:
        table = table_of(page, "Requests")
        expect(table.get_by_role("row").nth(1)).to_contain_text("404")
        expect(table).not_to_contain_text("paris")
        page.get_by_label("Search path, model, error").fill("no such words")
        expect(page.get_by_text("No request fits these filters")).to_be_visible()
        page.get_by_role("button", name="Show all").click()
        expect(table).to_contain_text("paris")


def test_a_request_in_flight_is_shown_and_ended(visitor, swaplab):
    with swaplab.streaming("endless"), visitor.visit(swaplab, "/activity") as page:
        running = table_of(page, "In flight")
        expect(running).to_contain_text("endless")
        running.get_by_role("button", name="End this request").click()
        expect(page.get_by_text("No request is being answered")).to_be_visible()


def test_the_timeline_tells_why_a_model_had_to_go(visitor, swaplab):
    swaplab.chat("paris")
    swaplab.chat("rome")
    with visitor.visit(swaplab, "/timeline") as page:
        pieces = page.get_by_role("button", name=re.compile("^paris: Ready"))
        expect(pieces.last).to_be_attached()
        pieces.last.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".details")).to_contain_text("Why:")


def test_what_stood_before_is_a_branch_and_what_was_set_is_kept(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=paris") as page:
        ask(page, "First?")
        expect(answer(page, "paris")).to_have_attribute("data-state", "done")
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("textbox", name="Edit").fill("Second?")
        page.keyboard.press("Enter")
        expect(page.get_by_text("2 of 2")).to_be_visible()
        expect(answer(page, "paris")).to_have_attribute("data-state", "done")
        page.get_by_role("button", name="The version before").click()
        expect(page.get_by_role("article").get_by_text("First?")).to_be_visible()
        answer(page, "paris").get_by_role("button", name="Request and response").click()
        raw = page.get_by_role("dialog", name="Request and response")
        expect(raw.get_by_label("Request", exact=True)).to_contain_text('"content": "First?"')
        expect(raw.get_by_label("Response", exact=True)).to_contain_text("data: ")
        page.keyboard.press("Escape")

        page.get_by_role("button", name="Parameters").click()
        drawer = page.get_by_role("dialog", name="Parameters")
        drawer.get_by_label("The answer begins with").fill("Well: ")
        drawer.get_by_label("Presets: Name").fill("well")
        drawer.get_by_role("button", name="Keep").first.click()
        page.keyboard.press("Escape")
        ask(page, "And?")
        expect(answer(page, "paris")).to_contain_text(re.compile("Well: .*Paris"))
        page.get_by_role("button", name="New chat").click()
        page.get_by_role("button", name="Parameters").click()
        expect(drawer.get_by_label("The answer begins with")).to_have_value("")
        drawer.get_by_role("combobox", name="Presets").select_option("well")
        expect(drawer.get_by_label("The answer begins with")).to_have_value("Well: ")
        # what is told can be reached, though a dialog is open
        drawer.get_by_role("button", name="Forget").first.click()
        expect(drawer.get_by_role("combobox", name="Presets")).to_be_hidden()
        drawer.get_by_role("button", name="Undo").click()
        expect(drawer.get_by_role("combobox", name="Presets")).to_be_visible()
        drawer.get_by_role("button", name="Reset all").click()
        expect(drawer.get_by_label("The answer begins with")).to_have_value("")
        drawer.get_by_role("button", name="Undo").click()
        expect(drawer.get_by_label("The answer begins with")).to_have_value("Well: ")
        assert barriers(page) == []


def test_a_load_test_climbs_its_steps_with_several_models(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/load") as page:
        page.get_by_role("combobox", name="Model").last.select_option("paris")
        page.get_by_label("Requests", exact=True).last.fill("2")
        page.get_by_role("textbox", name="At once").fill("1, 2")
        page.get_by_text("Also these models").click()
        page.get_by_role("checkbox", name="rome").check()
        page.get_by_role("button", name="Start").click()
        steps = page.get_by_role("table", name="Steps")
        expect(steps.get_by_role("row")).to_have_count(5, timeout=60_000)
        expect(page.get_by_text(re.compile("paris answered first after .* rome answered first after"))).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Steps as CSV").click()
        assert len(download.value.path().read_text().splitlines()) == 5
        assert barriers(page) == []


def test_models_in_a_queue_are_asked_at_once_and_each_is_watched(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/load") as page:
        panel = page.locator(".panel.scroll:visible")
        panel.get_by_role("combobox", name="How").select_option("mixed")
        expect(panel.get_by_role("button", name="Start")).to_be_disabled()
        for model in ("paris", "rome", "paris", "broken", "broken"):
            panel.get_by_role("combobox", name="Model").select_option(model)
            panel.get_by_role("button", name=f"Add {model}").click()
        panel.get_by_role("button", name="Take place 5 out").click()
        panel.get_by_role("button", name="Place 2 up").click()
        expect(panel.get_by_role("list", name="Queue").get_by_role("listitem")).to_have_text(
            ["rome", "paris", "paris", "broken"]
        )
        panel.get_by_role("button", name="Start").click()
        cards = panel.get_by_role("list", name="Requests").get_by_role("listitem")
        expect(cards.nth(0)).to_contain_text("All roads lead to Rome.")
        expect(cards.nth(1)).to_contain_text("The capital of France is Paris.")
        expect(cards.nth(2)).to_have_attribute("data-phase", "done")
        expect(cards.nth(3)).to_contain_text("/nonexistent/engine")
        assert barriers(page) == []


def test_a_sound_goes_along_with_what_is_asked(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=attacker") as page:
        sound = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF\x24\0\0\0WAVEfmt "}
        page.locator("form.composer input[type=file]").set_input_files([sound])
        expect(page.get_by_label("a.wav")).to_be_visible()
        ask(page, "What do you hear?")
        expect(answer(page, "attacker")).to_have_attribute("data-state", "done")
        answer(page, "attacker").get_by_role("button", name="Request and response").click()
        raw = page.get_by_role("dialog", name="Request and response")
        expect(raw.get_by_label("Request", exact=True)).to_contain_text('"format": "wav"')
