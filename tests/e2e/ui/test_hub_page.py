"""The page Model hub: a model is found, downloaded, used and deleted, with a hub on this machine."""

from __future__ import annotations

import os

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab

from swaplab_hub.testing import make_cached, running_hub

QUANTISED = {"Tiny-Q4_K_M.gguf": os.urandom(5_000_000), "Tiny-Q8_0.gguf": os.urandom(6_000_000), "config.json": b"{}"}
USED = {"used": {"cmd": "some-engine --model org/used --port ${PORT}"}}


@pytest.fixture(scope="module")
def hub():
    with running_hub() as serving:
        serving.add("org/Tiny-GGUF", QUANTISED, downloads=12)
        yield serving


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, hub):
    folder = tmp_path_factory.mktemp("hub-page")
    cache = folder / "hf" / "hub"
    make_cached(cache, "models--org--used", revisions={"a" * 40: {"model.safetensors": b"x" * 3000}})
    make_cached(cache, "models--org--half", revisions={}, refs={}, incomplete=["1" * 64])
    with running_swaplab(folder, USED, env={"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.url}) as running:
        yield running


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel")


def test_a_model_is_found_downloaded_and_deleted(visitor, swaplab):
    with visitor.visit(swaplab, key=swaplab.admin_token) as page:
        full = page.locator("section.sl-card").filter(has=page.get_by_role("heading", name="Model cache"))
        expect(full).to_contain_text("2.9 KiB in models")
        page.get_by_role("navigation").first.get_by_role("link", name="Model hub").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Model hub")
        used = page.get_by_role("row").filter(has_text="org/used")
        expect(used).to_contain_text("complete")
        expect(page.get_by_role("row").filter(has_text="org/half")).to_contain_text("not finished")
        expect(page.get_by_role("tabpanel")).to_contain_text("none: gated models need one in HF_TOKEN")
        assert barriers(page) == []

        found = tab(page, "Find and download")
        found.get_by_label("Words").fill("tiny")
        found.get_by_role("button", name="Next").click()
        expect(found.get_by_label("Model")).to_contain_text("org/Tiny-GGUF · 12 downloads · gguf")
        found.get_by_role("button", name="Next").click()
        expect(found).to_contain_text("are free")
        found.get_by_label("Weights").select_option(label="Q8_0, 5.7 MiB")
        assert barriers(page) == []
        found.get_by_role("button", name="Next").click()
        drawer = page.get_by_role("dialog", name="Download a model")
        expect(drawer.get_by_role("status").first).to_have_text("Succeeded")
        page.keyboard.press("Escape")

        cached = tab(page, "Cached")
        tiny = cached.get_by_role("row").filter(has_text="org/Tiny-GGUF")
        expect(tiny).to_contain_text("gguf (Q8_0)")
        tiny.get_by_role("button", name="Delete").click()
        form = page.get_by_role("dialog", name="Delete")
        expect(form.get_by_label("What will happen")).to_contain_text("5.7 MiB become free")
        form.get_by_role("button", name="Run").click()
        question = page.get_by_role("dialog").filter(has_text="It can only be downloaded again.")
        yes = question.get_by_role("button", name="Delete")
        expect(yes).to_be_disabled()
        question.get_by_role("textbox").fill("org/Tiny-GGUF")
        yes.click()
        expect(page.get_by_role("dialog").get_by_role("status").first).to_have_text("Succeeded")
        page.keyboard.press("Escape")
        expect(cached.get_by_role("row").filter(has_text="org/Tiny-GGUF")).to_have_count(0)


def test_what_is_used_says_by_whom_before_it_goes(visitor, swaplab):
    with visitor.visit(swaplab, "/x/hub/models", key=swaplab.admin_token) as page:
        page.get_by_role("row").filter(has_text="org/used").get_by_role("button", name="Delete").click()
        form = page.get_by_role("dialog", name="Delete")
        expect(form.get_by_role("alert")).to_contain_text("org/used is used by model used")
        form.get_by_label("Even if it is used").check()
        expect(form.get_by_label("What will happen")).to_contain_text("used by model used")
        page.keyboard.press("Escape")
        row = tab(page, "Unfinished").get_by_role("row").filter(has_text="org/half")
        expect(row).to_contain_text("begun elsewhere")
        for name in ("Revisions", "Clean up", "Machines", "Folder"):
            tab(page, name)
            expect(page.get_by_role("tabpanel").get_by_role("alert")).to_have_count(0)
        expect(page.get_by_label("Cache folder")).to_be_visible()
        assert barriers(page) == []
        visitor.forgive("409")
