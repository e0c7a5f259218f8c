"""The activity in the browser: gathered, as a heat map, kept as a view, compared, and sent again."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

QUESTION = [{"role": "user", "content": "Which way?"}]


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    models = {"left": sim("--say", "To the left."), "right": sim("--say", "To the right.")}
    models["endless"] = sim("--say", "word " * 20_000, "--tokens-per-second", "50")
    groups = {"all": {"swap": False, "members": list(models)}}
    with running_swaplab(tmp_path_factory.mktemp("activity-page"), models, groups=groups) as running:
        running.chat("left", messages=QUESTION)
        running.chat("right", messages=QUESTION)
        wrong = {"model": "nobody", "messages": QUESTION}
        running.ask("POST", "/v1/chat/completions", json_body=wrong)
        told = {"X-Session-ID": "tour-7", "User-Agent": "guide/2.1 (tests)"}
        running.ask("POST", "/v1/chat/completions", json_body={"model": "left", "messages": QUESTION}, headers=told)
        yield running


def table(page, name):
    return page.get_by_role("region", name=name, exact=True).last.get_by_role("table")


def test_requests_are_gathered_and_each_group_opens_as_a_list(visitor, swaplab):
    with visitor.visit(swaplab, "/activity") as page:
        gather = page.get_by_role("combobox", name="Group by")
        gather.select_option("client")
        expect(table(page, "Groups")).to_contain_text("127.0.0.1 guide/2.1")
        gather.select_option("error")
        table(page, "Groups").get_by_role("button", name=re.compile("nobody")).click()
        expect(table(page, "Requests").get_by_role("row")).to_have_count(2)
        page.get_by_role("button", name="Show all").click()
        gather.select_option("session")
        table(page, "Groups").get_by_role("button", name="tour-7").click()
        expect(page).to_have_url(re.compile("session=tour-7"))
        expect(table(page, "Requests").get_by_role("row")).to_have_count(2)

        page.get_by_role("button", name="Kept views").click()
        page.get_by_role("menuitem", name="Keep this view …").click()
        dialog = page.get_by_role("dialog", name="Keep this view")
        dialog.get_by_label("Name").fill("The tour")
        dialog.get_by_role("button", name="Keep this view").click()
        page.get_by_role("button", name="Without this filter: Session").click()
        expect(table(page, "Requests")).to_contain_text("nobody")
        page.reload()
        page.get_by_role("button", name="Kept views").click()
        page.get_by_role("menuitem", name="The tour", exact=True).click()
        expect(page).to_have_url(re.compile("session=tour-7"))
        assert barriers(page) == []


def test_a_cell_of_the_heat_map_narrows_the_list(visitor, swaplab):
    with visitor.visit(swaplab, "/activity") as page:
        page.get_by_text("How long requests took, over time").click()
        heat = page.get_by_role("img", name=re.compile("Heat map of [4-9] requests"))
        expect(heat).to_be_visible()
        heat.locator("rect").first.click()
        expect(page).to_have_url(re.compile(r"start=\S+&end=\S+"))
        expect(table(page, "Requests").get_by_role("row").nth(1)).to_be_visible()
        assert barriers(page) == []


def test_new_requests_come_by_themselves_until_the_list_is_held(visitor, swaplab):
    with visitor.visit(swaplab, "/activity?text=right") as page:
        rows = table(page, "Requests").get_by_role("row")
        expect(rows.nth(1)).to_be_visible()
        before = rows.count()
        swaplab.chat("right", messages=QUESTION)
        expect(rows).to_have_count(before + 1)
        page.get_by_role("button", name="Live").click()
        swaplab.chat("right", messages=QUESTION)
        expect(page.get_by_text("1 newer request")).to_be_visible()
        expect(rows).to_have_count(before + 1)
        page.get_by_role("button", name="Live").click()
        expect(rows).to_have_count(before + 2)
        table(page, "Requests").get_by_role("button", name="Duration").click()
        expect(page).to_have_url(re.compile("sort=duration"))
        expect(rows).to_have_count(before + 2)


def test_two_requests_stand_side_by_side_and_one_is_sent_again(visitor, swaplab):
    with visitor.visit(swaplab, "/activity?path=/v1/chat/completions&status=2xx&sort=id&order=asc") as page:
        choose = table(page, "Requests").get_by_label("Select", exact=True)
        choose.nth(0).check()
        choose.nth(1).check()
        page.get_by_role("button", name="Compare the two").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Requests 1 and 2")
        expect(page.get_by_role("region", name="Request 1", exact=True)).to_contain_text("To the left.")
        expect(page.get_by_role("region", name="Request 2", exact=True)).to_contain_text("To the right.")
        page.get_by_role("tab", name="Differences").click()
        expect(page.get_by_label("Response")).to_contain_text("+To the right.")
        assert barriers(page) == []

        page.get_by_role("link", name="Request 1", exact=True).click()
        page.get_by_role("button", name="Send again …").click()
        dialog = page.get_by_role("dialog", name="Send again")
        dialog.get_by_role("combobox", name="Model").select_option("right")
        dialog.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Requests 1 and \d+"))
        again = page.get_by_role("region", name=re.compile(r"Request (?!1$)\d+"))
        expect(again).to_contain_text("To the right.")


MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO activity (ts_created, model_id, req_path, resp_status_code, metadata_json)
SELECT unixepoch() - i, 'm' || (i % 7), '/v1/path-' || i, CASE WHEN i % 100 THEN 200 ELSE 502 END, '{}' FROM n
"""


def test_ten_thousand_rows_are_filtered_by_the_server(visitor, tmp_path):
    store = tmp_path / "activity.sqlite"
    with running_swaplab(tmp_path, {"m": sim()}, store={"path": str(store)}) as swaplab:
        swaplab.chat("m")
        wait_until(lambda: swaplab.ask("GET", "/api/metrics/activity").json()["data"], "the first row")
        with contextlib.closing(sqlite3.connect(store)) as database, database:
            database.execute(MANY)
        with visitor.visit(swaplab, "/activity") as page:
            expect(page.get_by_text("10,001 requests")).to_be_visible()
            with page.expect_response(re.compile(r"/metrics/activity\?.*status=5xx")) as answer:
                page.goto(f"{swaplab.url}/ui/#/activity?status=5xx")
            expect(page.get_by_text("100 requests", exact=True)).to_be_visible()
            assert len(answer.value.json()["data"]) == 25
            page.get_by_label("Search path, model, error").fill("path-9900")
            expect(table(page, "Requests").get_by_role("row")).to_have_count(2)
            expect(table(page, "Requests")).to_contain_text("9901")


def test_all_that_fits_is_taken_away_as_markdown(visitor, swaplab):
    with visitor.visit(swaplab, "/activity?status=4xx") as page:
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="All matching as Markdown").click()
        head, rule, *rows = download.value.path().read_text().splitlines()
        assert head.startswith("| id | timestamp | model |")
        assert set(rule) == {"|", "-"}
        assert rows
        assert all("| nobody |" in row for row in rows)


def test_those_chosen_are_taken_away_and_a_view_that_was_deleted_comes_back(visitor, swaplab):
    with visitor.visit(swaplab, "/activity?sort=id&order=asc") as page:
        choose = table(page, "Requests").get_by_label("Select", exact=True)
        for row in (0, 1, 3):
            choose.nth(row).check()
        expect(page.get_by_text("3 chosen")).to_be_visible()
        expect(page.get_by_role("button", name="Compare the two")).to_be_hidden()
        page.get_by_role("button", name="Export those chosen").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="As JSON").click()
        assert sorted(row["id"] for row in json.loads(download.value.path().read_text())) == [1, 2, 4]
        page.get_by_role("button", name="Choose none").click()
        expect(page.get_by_text("3 chosen")).to_be_hidden()

        page.get_by_role("button", name="Kept views").click()
        page.get_by_role("menuitem", name="Keep this view …").click()
        dialog = page.get_by_role("dialog", name="Keep this view")
        dialog.get_by_label("Name").fill("Oldest")
        dialog.get_by_role("button", name="Keep this view").click()
        page.get_by_role("button", name="Kept views").click()
        page.get_by_role("menuitem", name="Delete “Oldest”").click()
        page.locator(".toast", has_text="“Oldest” is deleted").get_by_role("button", name="Undo").click()
        page.get_by_role("button", name="Kept views").click()
        expect(page.get_by_role("menuitem", name="Oldest", exact=True)).to_be_visible()


def test_all_that_run_are_ended_at_once(visitor, swaplab):
    with (
        swaplab.streaming("endless"),
        swaplab.streaming("endless"),
        visitor.visit(swaplab, "/activity") as page,
    ):
        flying = page.get_by_role("region", name="In flight", exact=True).first
        flying.get_by_role("button", name="End all").click()
        question = page.get_by_role("dialog", name="End 2 running requests?")
        expect(question).to_be_visible()
        assert barriers(page) == []
        question.get_by_role("button", name="End all").click()
        expect(page.get_by_text("No request is being answered")).to_be_visible()
    swaplab.wait_for("endless", serving=0)


def test_words_are_found_in_what_was_asked_and_answered(visitor, swaplab):
    with visitor.visit(swaplab, "/activity/1") as page:
        expect(page.get_by_text("To the left.")).to_be_visible()
        page.keyboard.press("/")
        find = page.get_by_role("search", name="Find in what is shown")
        expect(find.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("THE")
        expect(find.get_by_role("status")).to_have_text("1 of 1")
        painted = "[...CSS.highlights.get('sl-found-here')].map(String)"
        assert page.evaluate(painted) == ["the"]
        page.get_by_role("tab", name="Raw").click()
        find.get_by_role("searchbox").fill("content")
        expect(find.get_by_role("status")).to_have_text(re.compile("1 of [2-9]"))
        many = find.get_by_role("status").inner_text().split()[-1]
        page.keyboard.press("Enter")
        expect(find.get_by_role("status")).to_have_text(f"2 of {many}")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        expect(find.get_by_role("status")).to_have_text(f"{many} of {many}")
        find.get_by_role("button", name="The next one").click()
        expect(find.get_by_role("status")).to_have_text(f"1 of {many}")
        find.get_by_role("searchbox").fill("no such words")
        expect(find.get_by_role("status")).to_have_text("not there")
        assert barriers(page) == []
        find.get_by_role("searchbox").press("Escape")
        expect(find.get_by_role("searchbox")).to_have_value("")
        assert page.evaluate("CSS.highlights.get('sl-found-here').size") == 0


def test_how_much_is_kept_is_seen_changed_taken_back_and_the_history_cleared(visitor, tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}, captureBuffer=3) as swaplab:
        swaplab.config.write_text(swaplab.config.read_text() + "# a word of mine\n")
        swaplab.chat("m")
        with visitor.visit(swaplab, "/activity", key=swaplab.admin_token) as page:
            page.get_by_role("button", name="What is kept").click()
            kept = page.get_by_role("dialog", name="What is kept")
            expect(kept).to_contain_text("memory: it ends with this run")
            expect(kept).to_contain_text(re.compile(r"Since\s*\w+ \d+, \d{4}, "))
            most = kept.get_by_role("spinbutton", name="Memory for captures")
            expect(most).to_have_value("3")
            expect(kept.get_by_role("spinbutton", name="Requests that are kept")).to_have_value("1000")
            most.fill("7")
            kept.get_by_role("button", name="Write into the configuration").click()
            undo = page.get_by_role("button", name="Undo")
            expect(undo).to_be_visible()
            text = swaplab.config.read_text()
            assert '"captureBuffer": 7\n' in text
            assert "# a word of mine\n" in text
            assert swaplab.ask("GET", "/api/metrics/kept").json()["captures"]["max_bytes"] == 7 * 2**20
            undo.click()
            expect(most).to_have_value("3")
            assert barriers(page) == []

            kept.get_by_role("button", name="Clear the history").click()
            question = page.get_by_role("dialog", name="Clear the history?")
            sure = question.get_by_role("button", name="Clear the history")
            expect(sure).to_be_disabled()
            question.get_by_role("textbox").fill("clear")
            sure.click()
            expect(kept.get_by_role("button", name="Clear the history")).to_be_disabled()
            page.keyboard.press("Escape")
            expect(page.get_by_role("region", name="Requests", exact=True).first).not_to_contain_text("/v1/chat")
            assert swaplab.ask("GET", "/api/metrics/activity").json()["total"] == 0
        with visitor.visit(swaplab, "/activity") as page:
            page.get_by_role("button", name="What is kept").click()
            kept = page.get_by_role("dialog", name="What is kept")
            expect(kept).to_contain_text("The administrator changes this.")
            expect(kept.get_by_role("spinbutton", name="Memory for captures")).to_be_disabled()
            expect(kept.get_by_role("button", name="Clear the history")).to_have_count(0)
