"""Logs in the browser: followed, filtered, coloured, held, and fifty thousand lines of them."""

from __future__ import annotations

import re

import pytest
from browser import PHONE, barriers
from playwright.sync_api import expect
from running_swaplab import command, running_swaplab, sim

SCRIPT = r"""
import sys, time
print("\x1b[31mred words\x1b[0m and \x1b]8;;javascript:alert(1)\x07a link\x1b]8;;\x07", flush=True)
print("<img src=x onerror=alert(2)><script>alert(3)</script>", flush=True)
print("WARN something is slow", flush=True)
print("ERROR something broke", flush=True)
for percent in range(0, 101, 10):
    print(f"\rdownloading {percent} %", end="", flush=True)
    time.sleep(0.02)
print("\nlistening", flush=True)
time.sleep(600)
"""
LINES = 60_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs-page")
    (folder / "talk.py").write_text(SCRIPT)
    models = {
        "talker": {
            "cmd": command("python3", folder / "talk.py"),
            "checkEndpoint": "none",
            "proxy": "http://127.0.0.1:9",
        },
        "other": {**sim(), "name": "Other"},
    }
    with running_swaplab(folder, models, groups={"all": {"swap": False, "members": list(models)}}) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared):
    return shared.renew()


def test_a_log_is_followed_with_its_colours_and_nothing_in_it_runs(visitor, swaplab):
    with visitor.visit(swaplab, "/logs?source=model:talker") as page:
        expect(page.get_by_text("Nothing has been written yet")).to_be_visible()
        swaplab.ask("POST", "/api/models/load/talker")
        log = page.get_by_role("log")
        expect(log).to_contain_text("listening")
        expect(log).to_contain_text("red words and a link")
        expect(log).to_contain_text("<img src=x onerror=alert(2)><script>alert(3)</script>")
        expect(log.locator(".ansi-red-fg")).to_have_text("red words")
        expect(log.get_by_role("link")).to_have_count(0)
        expect(log).to_contain_text("downloading 100 %")
        expect(log.get_by_text("downloading 50 %")).to_have_count(0)


def test_lines_are_filtered_by_word_expression_and_level(visitor, swaplab):
    swaplab.ask("POST", "/api/models/load/talker")
    with visitor.visit(swaplab, "/logs?source=model:talker") as page:
        log, find = page.get_by_role("log"), page.get_by_role("searchbox")
        expect(log).to_contain_text("listening")
        find.fill("SOMETHING")
        expect(log).not_to_contain_text("listening")
        expect(log.locator("mark").first).to_have_text("something")
        page.get_by_role("button", name="Regular expression").click()
        find.fill("^error .* broke$")
        expect(log.locator("mark").first).to_have_text("ERROR something broke")
        expect(page).to_have_url(re.compile("q=%5Eerror"))
        find.fill("(")
        expect(page.get_by_role("alert")).to_contain_text("This is no regular expression")
        find.fill("")
        page.get_by_label("Level").select_option("warn")
        expect(log).not_to_contain_text("listening")
        expect(log).to_contain_text("WARN something is slow")


def test_a_held_log_counts_what_it_misses_and_shows_it_later(visitor, swaplab):
    with visitor.visit(swaplab, "/logs?source=proxy") as page:
        expect(page.get_by_role("log")).to_contain_text("GET /ui/")
        page.get_by_role("button", name="Pause").click()
        swaplab.ask("GET", "/api/models?a-mark-of-this-test")
        held = page.get_by_role("button", name=re.compile(r"\d+ new lines?"))
        expect(held).to_be_visible()
        expect(page.get_by_role("log")).not_to_contain_text("a-mark-of-this-test")
        held.click()
        expect(page.get_by_role("log")).to_contain_text("a-mark-of-this-test")


def test_several_sources_are_read_together_by_time(visitor, swaplab):
    swaplab.ask("POST", "/api/models/load/other")
    with visitor.visit(swaplab, "/logs?source=proxy", size=PHONE) as page:
        page.get_by_role("button", name="Sources:").click()
        page.get_by_role("menuitemcheckbox", name="Other").click()
        expect(page).to_have_url(re.compile("source=proxy%2Cmodel%3Aother$"))
        log = page.get_by_role("log")
        page.get_by_role("searchbox").fill("other: started|listening on|swaplab-sim")
        page.get_by_role("button", name="Regular expression").click()
        expect(log).to_contain_text("other: started")
        expect(log).to_contain_text("swaplab-sim")


def test_lines_are_hidden_gone_to_by_time_and_linked_to(visitor, swaplab):
    swaplab.ask("POST", "/api/models/load/talker")
    with visitor.visit(swaplab, "/logs?source=model:talker") as page:
        log = page.get_by_role("log")
        expect(log).to_contain_text("listening")
        page.get_by_label("Without …").fill("listening")
        expect(log).not_to_contain_text("listening")
        expect(log).to_contain_text("WARN something is slow")
        page.get_by_role("button", name="Options of the view").click()
        page.get_by_role("menuitemcheckbox", name="How long ago").click()
        expect(log.locator("time").first).to_contain_text(re.compile("ago|now"))
        page.get_by_role("button", name="Options of the view").click()
        page.get_by_role("menuitem", name="Go to a time …").click()
        page.get_by_label("Date and time").fill("2020-01-01T00:00:00")
        page.get_by_role("button", name="Go there").click()
        log.locator("[data-index]", has_text="something broke").locator("time").last.click()
        expect(page).to_have_url(re.compile("line=model%3Atalker%40"))
        page.reload()
        expect(log.locator(".marked")).to_contain_text("ERROR something broke")
        assert barriers(page) == []


def test_what_is_shown_can_be_taken_away_as_a_file(visitor, swaplab):
    swaplab.ask("POST", "/api/models/load/talker")
    with visitor.visit(swaplab, "/logs?source=model:talker&q=broke") as page:
        expect(page.get_by_role("log").locator("mark").first).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        text = download.value.path().read_text()
        assert re.fullmatch(r"(\S+Z model:talker ERROR something broke\n)+", text)


def test_of_fifty_thousand_lines_only_those_in_view_are_in_the_document(visitor, swaplab):
    records = (
        f"""Array.from({{length: {LINES}}}, (_, n) => ({{seq: n, ts: n, source: 'model:x', text: `line ${{n}}`}}))"""
    )
    stream = f"{records}.map(r => `event: line\\nid: ${{r.seq}}\\ndata: ${{JSON.stringify(r)}}\\n\\n`).join('')"
    with visitor.visit(swaplab, "/models") as page:
        body = page.evaluate(stream)
        page.route("**/api/logs/stream?*", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
        page.goto(f"{swaplab.url}/ui/#/logs")
        log = page.get_by_role("log")
        expect(log).to_contain_text(f"line {LINES - 1}")
        assert log.locator("[data-index]").count() < 200
        log.evaluate("box => box.scrollTop = box.scrollHeight / 2")
        expect(log).to_contain_text(re.compile(r"line (3[0-9]|[2-4]\d)\d{3}"))
        expect(page.get_by_role("button", name="To the end")).to_be_visible()
        page.get_by_role("searchbox").fill("line 59999")
        expect(log.locator("mark")).to_have_text(["line 59999"])
