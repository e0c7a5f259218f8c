"""The playground's pictures and sounds: made, begun from another, kept, by camera; speech is heard while it arrives."""

from __future__ import annotations

import re

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

WITH_CAMERA = True
WORDS_PER_SECOND = 20


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    models = {
        "painter": sim(),
        "speaker": sim("--model", "speaker", "--tokens-per-second", str(WORDS_PER_SECOND)),
        "left": sim("--say", "I am the left one."),
        "right": sim("--say", "I am the right one."),
    }
    groups = {"all": {"swap": False, "members": list(models)}}
    with running_swaplab(tmp_path_factory.mktemp("media"), models, groups=groups) as running:
        yield running


def open_tab(page, tab, model):
    """The tab's own choice of a model and its form."""
    panel = page.locator(".panel.scroll:visible")
    panel.get_by_role("combobox", name="Model").select_option(model)
    return panel


def test_pictures_are_made_kept_and_begun_from(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/images") as page:
        panel = open_tab(page, "images", "painter")
        panel.get_by_role("combobox", name="API").select_option("sdapi/v1/txt2img")
        panel.get_by_label("Prompt").fill("a lighthouse")
        panel.get_by_label("Seed").fill("7")
        panel.get_by_role("button", name="Ask the model for its adapters").click()
        panel.get_by_label("ink.safetensors").fill("0.5")
        panel.get_by_label("ink.safetensors").blur()
        panel.get_by_role("button", name="Generate").click()
        made = panel.get_by_role("listitem")
        expect(made).to_have_count(1)
        expect(made).to_contain_text(re.compile("painter · 1024 . 1024 · 20 · 7 · 7 · a lighthouse"))
        panel.get_by_label("Prompt").fill("something else")
        with page.expect_download() as download:
            made.get_by_role("button", name="Download").click()
        assert download.value.path().read_bytes().startswith(b"\x89PNG")

        page.reload()  # they are still there, with what made them
        expect(made).to_contain_text("a lighthouse")
        made.get_by_role("button", name="Use these settings again").click()
        expect(panel.get_by_label("Prompt")).to_have_value("a lighthouse")
        expect(panel.get_by_label("ink.safetensors")).to_have_value("0.5")
        made.get_by_role("button", name="Begin with this picture").click()
        expect(panel.get_by_role("combobox", name="API")).to_have_value("sdapi/v1/img2img")
        panel.get_by_role("button", name="Generate").click()
        expect(made).to_have_count(2)
        assert barriers(page) == []

        made.first.get_by_role("button", name="Delete this picture").click()
        expect(made).to_have_count(1)
        page.get_by_role("button", name="Undo").click()
        expect(made).to_have_count(2)
        panel.get_by_role("button", name="Delete all pictures").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete all pictures").click()
        expect(made).to_have_count(0)
    asked = [each for each in swaplab.sim_requests("painter") if "sdapi" in each["target"]]
    assert [each["target"].rpartition("/")[2] for each in asked if "2img" in each["target"]] == ["txt2img", "img2img"]
    assert '"lora":[{"path":"ink.safetensors","multiplier":0.5}]' in asked[-1]["body"]
    assert re.search(r'"init_images":\["iVBOR', asked[-1]["body"])


def test_a_picture_is_edited_where_it_was_painted_over(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/images") as page:
        panel = open_tab(page, "images", "painter")
        panel.get_by_role("combobox", name="API").select_option("v1/images/edits")
        panel.get_by_label("Prompt").fill("a red door")
        expect(panel.get_by_role("button", name="Generate")).to_be_disabled()
        page.context.grant_permissions(["camera"])
        panel.get_by_role("button", name="Take a picture with the camera").click()
        page.get_by_role("button", name="Take the picture", exact=True).click()
        canvas = panel.get_by_label("Paint over what may change")
        expect(canvas).to_be_visible()
        expect(canvas).to_have_js_property("width", 640)  # the picture of the browser's false camera
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2)
        page.mouse.up()
        expect(panel.get_by_role("button", name="Wipe the paint off")).to_be_enabled()
        assert barriers(page) == []
        panel.get_by_role("button", name="Generate").click()
        expect(panel.get_by_role("listitem")).to_contain_text("a red door")
    edit = next(each for each in swaplab.sim_requests("painter") if each["target"].endswith("/images/edits"))
    assert re.findall(r' name="([^"]+)"', edit["body"])[:6] == [
        "model",
        "prompt",
        "n",
        "size",
        "response_format",
        "image[]",
    ]
    assert edit["body_bytes"] > 10_000


def test_speech_is_heard_while_it_arrives(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/speech") as page:
        panel = open_tab(page, "speech", "speaker")
        panel.get_by_label("Text").fill("word " * 4 * WORDS_PER_SECOND)
        for kind in ("pcm", "wav"):
            panel.get_by_role("combobox", name="Format").select_option(kind)
            panel.get_by_role("button", name="Speak").click()
            expect(panel.get_by_text("Playing while it arrives")).to_be_visible()
            assert panel.locator("audio").count() == 0  # not all of it is there
            panel.get_by_role("button", name="Stop").click()
            expect(panel.get_by_text("Playing while it arrives")).to_be_hidden()
        panel.get_by_label("Text").fill("two words")
        panel.get_by_role("combobox", name="Format").select_option("pcm")
        panel.get_by_role("button", name="Speak").click()
        expect(panel.locator("audio")).to_have_js_property("duration", 0.2)  # bare samples, as a file that plays
        with page.expect_download() as download:
            panel.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == "alloy.wav"
        assert barriers(page) == []


def test_a_message_is_written_large_with_a_picture_of_the_camera(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=left") as page:
        page.context.grant_permissions(["camera"])
        page.get_by_role("button", name="Take a picture with the camera").click()
        page.get_by_role("button", name="Take the picture", exact=True).click()
        expect(page.get_by_role("img", name="Attached image 1")).to_be_visible()
        page.get_by_label("Message", exact=True).fill("What is")
        page.get_by_role("button", name="Write in a large window").click()
        large = page.get_by_role("dialog", name="Message")
        expect(large.get_by_role("textbox")).to_have_value("What is")
        large.get_by_role("textbox").press_sequentially(" on it")
        assert barriers(page) == []
        page.keyboard.press("Control+Enter")
        expect(large).to_be_hidden()
        expect(page.get_by_role("article")).to_contain_text("What is on it")
        expect(page.get_by_role("region", name="left")).to_contain_text("I am the left one.")
    assert '"image_url":{"url":"data:image/jpeg;base64,' in swaplab.sim_requests("left")[-1]["body"]


def test_a_camera_that_may_not_be_used_says_so(visitor, swaplab):
    with visitor.visit(swaplab, "/playground") as page:
        page.context.grant_permissions([])
        page.get_by_role("button", name="Take a picture with the camera").click()
        expect(page.get_by_role("alert")).to_contain_text("The camera cannot be used:")


def test_of_two_that_answer_blindly_one_is_chosen_and_then_they_are_named(visitor, swaplab):
    with visitor.visit(swaplab, "/playground?model=left") as page:
        page.get_by_role("button", name="Compare with another model").click()
        page.get_by_role("combobox", name="Model").nth(1).select_option("right")
        page.get_by_role("button", name="Blind comparison").click()
        page.get_by_label("Message", exact=True).fill("Who are you?")
        page.keyboard.press("Enter")
        right = page.locator("section.answer", has_text="I am the right one.")
        expect(right).to_have_attribute("aria-label", re.compile("^Answer [AB]$"))
        expect(right.locator("header")).not_to_contain_text("right")
        letter = right.get_attribute("aria-label")
        page.get_by_role("button", name=f"{letter}: This one is better").click()
        expect(page.get_by_role("region", name="right", exact=True)).to_contain_text("You chose this one")
        expect(page.get_by_text("Blind comparisons: right 1 of 1, left 0 of 1")).to_be_visible()
        assert barriers(page) == []
