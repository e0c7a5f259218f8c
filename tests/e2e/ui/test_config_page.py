"""The configuration in the browser: a mistake at its line, a save, somebody else's, and the way back."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from browser import barriers, told
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

from swaplab_core.testing.waiting import wait_until


@pytest.fixture
def swaplab(tmp_path):
    with running_swaplab(tmp_path, {"alpha": sim(), "beta": {**sim(), "ttl": 60}}) as running:
        yield running


@pytest.fixture
def admin(swaplab):
    return next((swaplab.config.parent / "state").rglob("admin-token")).read_text().strip()


def write(page, old, new):
    """Replace a text in the editor as a person would: find it, type over it."""
    text = page.get_by_role("textbox", name="Text of the configuration")
    text.click()
    page.keyboard.press("Control+a")
    whole = text.evaluate("node => node.cmView?.view?.state.doc.toString() ?? node.innerText")
    page.keyboard.insert_text(whole.replace(old, new))
    return whole


def save(page, reason=""):
    page.get_by_role("button", name="Save …").click()
    dialog = page.get_by_role("dialog", name="What changes")
    if reason:
        dialog.get_by_label("Why").fill(reason)
    dialog.get_by_role("button", name="Save and apply").click()


def test_a_mistake_is_marked_at_its_line_and_cannot_be_saved(visitor, swaplab, admin):
    with visitor.visit(swaplab, "/config", key=admin) as page:
        expect(page.get_by_text("No problems")).to_be_visible()
        write(page, "60", "soon")
        expect(page.get_by_text("1 error")).to_be_visible()
        expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        page.get_by_role("button", name="Save …").click()
        expect(page.get_by_role("button", name="Save and apply")).to_be_disabled()
        assert barriers(page) == []
    assert "soon" not in swaplab.config.read_text()


def test_a_change_is_reviewed_saved_and_taken_back(visitor, swaplab, admin):
    with visitor.visit(swaplab, "/config", key=admin) as page:
        write(page, "60", "90")
        save(page, "longer naps")
        told(page, "Saved and in force")
        assert re.search(r"ttl\S*\s*90", swaplab.config.read_text())
        page.get_by_role("button", name="History").click()
        dialog = page.get_by_role("dialog", name="History")
        expect(dialog).to_contain_text("longer naps")
        dialog.get_by_role("button", name="Restore").last.click()
        page.get_by_role("dialog").last.get_by_role("button", name="Restore").click()
        told(page, "Restored and in force")
    assert re.search(r"ttl\S*\s*60", swaplab.config.read_text())


def test_a_save_can_be_undone_at_once(visitor, swaplab, admin):
    with visitor.visit(swaplab, "/config?at=models", key=admin) as page:
        write(page, "60", "90")
        save(page)
        page.get_by_role("status").get_by_role("button", name="Undo").click()
        told(page, "Restored and in force")
        expect(page.get_by_role("textbox", name="Text of the configuration")).to_contain_text("60")
    assert re.search(r"ttl\S*\s*60", swaplab.config.read_text())


def test_what_somebody_else_saved_is_merged_and_lost_by_nobody(visitor, swaplab, admin):
    with visitor.visit(swaplab, "/config", key=admin) as page:
        whole = write(page, "60", "90")
        theirs = whole.replace("alpha", "alpine")
        headers = {"Authorization": f"Bearer {admin}", "X-Swaplab": "1", "Content-Type": "application/json"}
        answer = swaplab.ask("PUT", "/api/config/editor", json_body={"content": theirs}, headers=headers)
        assert answer.status == 200, answer.text
        save(page)
        dialog = page.get_by_role("dialog", name="Somebody else has saved meanwhile")
        take_over(dialog, "alpine")
        dialog.get_by_role("button", name="Go on with this text").click()
        save(page)
        told(page, "Saved and in force")
    text = swaplab.config.read_text()
    assert "alpine" in text
    assert re.search(r"ttl\S*\s*90", text)


def take_over(dialog, text):
    """Take their first piece over; until the texts are measured its button moves, and a press may come to nothing."""
    mine = dialog.locator(".cm-editor").last

    def taken():
        dialog.get_by_role("button", name=re.compile("Revert this chunk")).first.click()
        with contextlib.suppress(AssertionError):
            expect(mine).to_contain_text(text, timeout=5_000)
            return True

    wait_until(taken, f"{text} in what is to be saved")


def test_without_the_right_it_can_be_read_and_not_changed(visitor, swaplab):
    with visitor.visit(swaplab, "/config") as page:
        expect(page.get_by_text("You may look but not change")).to_be_visible()
        expect(page.get_by_role("button", name="Save …")).to_have_count(0)
        expect(page.get_by_role("textbox", name="Text of the configuration")).to_contain_text("alpha")


def test_a_form_changes_the_text_line_by_line_and_what_would_run_is_shown(visitor, swaplab, admin):
    entry = f"    cmd: {json.dumps(sim()['cmd'])}\n"
    content = f"# Mine.\nmodels:\n  alpha:\n{entry}  beta:\n{entry}    ttl: 60   # naps\n"
    assert swaplab.ask_as_admin("PUT", "/api/config/editor", json_body={"content": content}).status == 200
    with visitor.visit(swaplab, "/config?side=form&model=beta", key=admin) as page:
        form = page.get_by_role("complementary", name="Beside the text")
        idle = form.get_by_label("ttl", exact=True)
        expect(idle).to_have_value("60")
        idle.fill("90")
        form.get_by_label("description", exact=True).fill("The second")
        form.get_by_role("button", name="Put into the text").click()
        text = page.get_by_role("textbox", name="Text of the configuration")
        expect(text).to_contain_text(re.compile(r"ttl\S* 90"))
        expect(text).to_contain_text("The second")
        assert barriers(page) == []
        form.get_by_role("tab", name="Resolved").click()
        expect(form.get_by_label("The command")).to_contain_text(re.compile(r"--port\s+\d+"))
        expect(form).to_contain_text("http://")
        form.get_by_label("Of which model").select_option("alpha")
        form.get_by_role("tab", name="Form").click()
        expect(idle).to_have_value("")
        form.get_by_label("Of which model").select_option("Global settings")
        wait = form.get_by_label("healthCheckTimeout", exact=True)
        wait.fill("77")
        form.get_by_role("button", name="Put into the text").click()
        expect(text).to_contain_text("healthCheckTimeout: 77")
        save(page, "by form")
        told(page, "Saved and in force")
    written = swaplab.config.read_text()
    assert written.startswith("# Mine.\nmodels:\n  alpha:\n")
    assert "    ttl: 90   # naps\n    description: The second\n" in written
    assert written.endswith("healthCheckTimeout: 77\n")
