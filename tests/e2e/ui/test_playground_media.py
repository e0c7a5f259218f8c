"""The playground's pictures and sounds: made, begun from another, kept, by camera; speech is heard while it arrives."""

from __future__ import annotations

import base64
import json
import re

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab, sim

from swaplab_core.testing.sim.media import MP3_FRAME

WITH_CAMERA = True
WORDS_PER_SECOND = 20
LONG_SECONDS = 30
"""Of a speech that is stopped while it arrives, on a slow machine too."""


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    models = {
        "painter": sim(),
        "speaker": sim("--model", "speaker", "--tokens-per-second", str(WORDS_PER_SECOND)),
        "ranker": {**sim(), "capabilities": {"reranker": True}},
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


def undo(page, told):
    """Take back what this message tells of."""
    page.locator(".toast", has_text=told).get_by_role("button", name="Undo").click()


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
        expect(made).to_have_count(0)
        undo(page, "2 pictures are deleted")
        expect(made).to_have_count(2)
    asked = [each for each in swaplab.sim_requests("painter") if "sdapi" in each["target"]]
    assert [each["target"].rpartition("/")[2] for each in asked if "2img" in each["target"]] == ["txt2img", "img2img"]
    assert '"lora":[{"path":"ink.safetensors","multiplier":0.5}]' in asked[-1]["body"]
    assert re.search(r'"init_images":\["iVBOR', asked[-1]["body"])


SQUARE = """size => {
    const canvas = Object.assign(document.createElement('canvas'), {width: size, height: size});
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#808080';
    pen.fillRect(0, 0, size, size);
    return canvas.toDataURL('image/png').split(',')[1];
}"""
PIXELS = """async ([base64, places]) => {
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    pen.drawImage(bitmap, 0, 0);
    return places.map(([x, y]) => [...pen.getImageData(x, y, 1, 1).data]);
}"""
MIDDLE_AND_CORNER = [[100, 100], [4, 4]]


def test_what_was_painted_over_arrives_at_the_engine_as_a_mask(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/images") as page:
        panel = open_tab(page, "images", "painter")
        panel.get_by_role("combobox", name="API").select_option("v1/images/edits")
        panel.get_by_label("Prompt").fill("a red door")
        expect(panel.get_by_role("button", name="Generate")).to_be_disabled()
        square = base64.b64decode(page.evaluate(SQUARE, 200))
        chooser = panel.get_by_label("Picture to begin with").and_(page.locator("input"))
        chooser.set_input_files([{"name": "square.png", "mimeType": "image/png", "buffer": square}])
        canvas = panel.get_by_label("Paint over what may change")
        expect(canvas).to_have_js_property("width", 200)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2)
        page.mouse.up()
        expect(panel.get_by_role("button", name="Wipe the paint off")).to_be_enabled()
        assert barriers(page) == []
        made = panel.get_by_role("listitem")
        for kept, way in enumerate(("v1/images/edits", "sdapi/v1/img2img"), start=1):
            panel.get_by_role("combobox", name="API").select_option(way)
            panel.get_by_role("button", name="Generate").click()
            expect(made).to_have_count(kept)
        asked = swaplab.sim_requests("painter")
        edit = next(each for each in asked if each["target"].endswith("/images/edits"))["parts"]
        assert list(edit) == ["model", "prompt", "n", "size", "response_format", "image[]", "mask"]
        assert base64.b64decode(edit["image[]"]) == square
        # OpenAI: what is clear may change
        assert page.evaluate(PIXELS, [edit["mask"], MIDDLE_AND_CORNER]) == [[0, 0, 0, 0], [0, 0, 0, 255]]
        body = json.loads(next(each for each in reversed(asked) if each["target"].endswith("/img2img"))["body"])
        assert base64.b64decode(body["init_images"][0]) == square
        # stable diffusion: what is white may change
        assert page.evaluate(PIXELS, [body["mask"], MIDDLE_AND_CORNER]) == [[255, 255, 255, 255], [0, 0, 0, 255]]


def test_mp3_is_heard_while_it_arrives_played_again_and_taken_away(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/speech") as page:
        panel = open_tab(page, "speech", "speaker")
        expect(panel.get_by_role("combobox", name="Format")).to_have_value("mp3")
        panel.get_by_label("Text").fill("word " * LONG_SECONDS * WORDS_PER_SECOND)
        panel.get_by_role("button", name="Speak").click()
        expect(panel.get_by_text("Playing while it arrives")).to_be_visible()
        panel.get_by_role("button", name="Stop").click()
        expect(panel.get_by_text("Playing while it arrives")).to_be_hidden()
        panel.get_by_label("Text").fill("three short words")
        panel.get_by_role("button", name="Speak").click()
        sound = panel.locator("audio")
        expect(sound).to_be_visible()
        page.wait_for_function("sound => Math.abs(sound.duration - 0.3) < 0.1", arg=sound.element_handle())
        sound.evaluate("sound => sound.play()")
        page.wait_for_function("sound => sound.ended", arg=sound.element_handle())
        with page.expect_download() as download:
            panel.get_by_role("button", name="Download").click()
        assert re.fullmatch(r"alloy-[\d-]+\.mp3", download.value.suggested_filename)
        assert download.value.path().read_bytes() == MP3_FRAME * 12


def test_speech_is_heard_while_it_arrives(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/speech") as page:
        panel = open_tab(page, "speech", "speaker")
        panel.get_by_label("Text").fill("word " * LONG_SECONDS * WORDS_PER_SECOND)
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
        assert re.fullmatch(r"alloy-[\d-]+\.wav", download.value.suggested_filename)
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


def test_documents_are_rows_and_scores_stand_beside_them(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/rerank") as page:
        panel = open_tab(page, "rerank", "ranker")
        panel.get_by_label("Query").fill("red apples")
        panel.get_by_role("button", name="Remove all").click()
        rows = panel.get_by_role("table", name="Documents").get_by_role("textbox")
        expect(rows).to_have_count(1)
        rows.first.focus()
        page.evaluate(
            """lines => {
                const clipboardData = new DataTransfer();
                clipboardData.setData('text/plain', lines);
                document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true}));
            }""",
            "green pears\nred apples\n\nred wine\n",
        )
        expect(rows).to_have_count(4)
        rows.nth(3).fill("blue whales")
        expect(rows).to_have_count(5)
        panel.get_by_role("button", name="Document 4 up").click()
        expect(rows.nth(2)).to_have_value("blue whales")
        rows.nth(2).press("Alt+ArrowUp")
        expect(rows.nth(1)).to_be_focused()
        expect(rows.nth(1)).to_have_value("blue whales")
        panel.get_by_role("button", name="Remove document 1").click()
        expect(rows).to_have_count(4)
        undo(page, "The document is removed")
        expect(rows).to_have_count(5)

        panel.get_by_role("button", name="Rank", exact=True).click()
        lines = panel.get_by_role("table", name="Documents").get_by_role("row")
        expect(panel.get_by_role("row").nth(1).get_by_role("cell").first).to_have_text("1")
        expect(rows.first).to_have_value("red apples")
        expect(lines.nth(2).get_by_role("cell").first).to_have_text("0.5")
        assert barriers(page) == []
        panel.get_by_role("combobox", name="Order").select_option("given")
        expect(rows.first).to_have_value("green pears")
        rows.nth(2).fill("red apples and pears")  # ranked as something else
        expect(lines.nth(3).get_by_role("cell").first).to_have_text("")
        panel.get_by_role("button", name="JSON").click()
        text = panel.get_by_label("JSON")
        text.fill('{"query": "x"}')
        expect(panel.get_by_text("This must be an object")).to_be_visible()
        expect(panel.get_by_role("button", name="Rank", exact=True)).to_be_disabled()
        text.fill('{"query": "wine", "documents": ["red wine", "bread"]}')
        panel.get_by_role("button", name="JSON").click()
        expect(rows).to_have_count(3)
        expect(panel.get_by_label("Query")).to_have_value("wine")


def test_texts_become_vectors_and_a_gap_is_filled(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/embeddings") as page:
        panel = open_tab(page, "embeddings", "left")
        panel.get_by_label("Texts").fill("red apples\nred apples\nblue whales")
        panel.get_by_role("button", name="Compute").click()
        expect(panel.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text("1")
        page.get_by_role("tab", name="Completion").click()
        panel = open_tab(page, "completion", "left")
        panel.get_by_label("What follows").fill("the end")
        panel.get_by_role("button", name="Complete").click()
        expect(panel.get_by_label("Result")).to_contain_text("I am the left one.")
    assert '"suffix":"the end"' in swaplab.sim_requests("left")[-1]["body"]


def test_a_sound_is_written_down(visitor, swaplab):
    with visitor.visit(swaplab, "/playground/transcription") as page:
        panel = open_tab(page, "transcription", "right")
        expect(panel.get_by_role("button", name="Transcribe", exact=True)).to_be_disabled()
        sound = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF\x24\0\0\0WAVEfmt "}
        panel.get_by_label("Audio file").set_input_files([sound])
        panel.get_by_label("Language").fill("es")
        panel.get_by_role("button", name="Transcribe", exact=True).click()
        expect(panel.get_by_label("Result").last).to_contain_text("The length of the file is 16 bytes.")
    sent = swaplab.sim_requests("right")[-1]["parts"]
    assert list(sent) == ["model", "language", "response_format", "file"]
    assert base64.b64decode(sent["language"]) == b"es"


def test_a_conversation_is_shared_as_a_page_read_back_deleted_and_taken_back(visitor, swaplab, tmp_path):
    with visitor.visit(swaplab, "/playground?model=left") as page:
        page.get_by_label("Message", exact=True).fill("Who are **you**?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="left")).to_have_attribute("data-state", "done")
        list_of = page.get_by_role("navigation", name="Conversations")
        menu = list_of.get_by_role("listitem").get_by_role("button", name="Who are **you**?").last
        menu.click()
        page.get_by_role("menuitem", name="Share …").click()
        dialog = page.get_by_role("dialog", name="Share this conversation")
        files = []
        for form in ("html", "md", "json"):
            dialog.get_by_role("combobox", name="As").select_option(form)
            expect(dialog).to_contain_text(f"Who-are-you.{form}")
            with page.expect_download() as download:
                dialog.get_by_role("button", name="Download").click()
            files.append(tmp_path / download.value.suggested_filename)
            download.value.save_as(files[-1])
        assert barriers(page) == []
        page.keyboard.press("Escape")

        alone = page.context.new_page()  # the file, away from any server
        alone.goto(files[0].as_uri())
        expect(alone.get_by_role("heading", name="left")).to_be_visible()
        expect(alone.get_by_text("I am the left one.")).to_be_visible()
        assert barriers(alone) == []
        alone.close()

        menu.click()
        page.get_by_role("menuitem", name="Delete").click()
        expect(list_of.get_by_text("No conversation yet")).to_be_visible()
        undo(page, "The conversation is deleted")
        expect(page.get_by_role("region", name="left")).to_contain_text("I am the left one.")

        for n, file in enumerate(files, start=2):
            list_of.locator("input[type=file]").set_input_files(file)
            expect(list_of.get_by_role("listitem")).to_have_count(n)
            expect(page.get_by_role("region", name="left")).to_contain_text("I am the left one.")
        list_of.locator("input[type=file]").set_input_files(
            [{"name": "odd.json", "mimeType": "application/json", "buffer": b"{}"}]
        )
        expect(page.get_by_role("alert")).to_contain_text("odd.json holds no conversations")
