"""Recipes in the browser: found, written, tried out, made into models that load, swap and leave nothing behind."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from browser import PATIENCE_MS, barriers, told
from playwright.sync_api import expect
from recipe_lab import RecipeLab
from recipe_texts import LLAMACPP, SGLANG, TRTLLM, VLLM
from running_swaplab import running_swaplab

from swaplab_core.testing.recipe_kit.folders import Style, make_kit
from swaplab_core.testing.waiting import wait_until

FOLDERS = (
    ("spark-vllm-docker", Style.GEN2, VLLM),
    ("older-vllm", Style.GEN1, VLLM),
    ("spark-sglang-docker", Style.GEN1, SGLANG),
    ("spark-trtllm-docker", Style.GEN1, TRTLLM),
    ("spark-llama-cpp", Style.LLAMACPP, LLAMACPP),
)
SLOW = f"{VLLM}env:\n  SWAPLAB_KIT_SIM: --load-stage weights:4\n"
CATALOGUE = "/x/recipes/catalogue"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe-pages")
    kit = make_kit(folder)
    for name, style, recipe in FOLDERS:
        kit.folder(name, style, {"small.yaml": recipe})
    kit.folder("spark-vllm-docker", Style.GEN2, {"broken.yaml": VLLM.replace("{port}", "{prot}")})
    kit.folder("older-vllm", Style.GEN1, {"slow.yaml": SLOW})
    with running_swaplab(folder, {}, env=kit.env) as swaplab:
        yield RecipeLab(kit, swaplab)
    assert kit.containers() == []


@pytest.fixture
def admin(world):
    return (world.swaplab.config.parent / "state" / "swaplab" / "admin-token").read_text().strip()


@pytest.fixture
def pages(visitor, world, admin):
    """Visit a page of the lab as its administrator."""
    return lambda place=CATALOGUE, **more: visitor.visit(world.swaplab, place, key=admin, **more)


def row(page, text, heading="Recipes"):
    return page.get_by_role("region", name=heading, exact=True).get_by_role("row").filter(has_text=text)


def run(page, title):
    """Press Run in a dialog, and wait until its job has succeeded."""
    page.get_by_role("dialog", name=title).get_by_role("button", name="Run").click()


def succeeded(page, title):
    drawer = page.get_by_role("dialog", name=title)
    expect(drawer.get_by_role("status").first).to_have_text("Succeeded", timeout=PATIENCE_MS)
    drawer.get_by_role("banner").get_by_role("button", name="Close").click()


def field(form, label):
    """A field by its whole label; those that must be filled in have a mark behind it."""
    return form.get_by_label(re.compile(rf"^{label}\W*$"))


def make_model(page, folder, model, file="small.yaml", runs="run-recipe.sh", **fields):
    """Make a model of a recipe, as a person does."""
    row(page, folder).filter(has_text=file).get_by_role("button", name="Make a model").click()
    form = page.get_by_role("dialog", name="Make a model")
    field(form, "Model").fill(model)
    for label, value in fields.items():
        found = field(form, label.replace("_", " "))
        match value:
            case True:
                found.check()
            case str() if label == "Mode":
                found.select_option(value)
            case _:
                found.fill(value)
    expect(form.get_by_label("What will happen")).to_contain_text(runs)
    expect(form.get_by_label("What will happen")).to_contain_text(f"+  {model}:")
    run(page, "Make a model")
    succeeded(page, "Make a model")


def models(page, world):
    page.goto(f"{world.swaplab.url}/ui/#/models")


def press(page, model, button):
    page.get_by_role("row").filter(has_text=model).get_by_role("button", name=button, exact=True).click()


def state_of(page, model, word):
    expect(page.get_by_role("row").filter(has_text=model)).to_contain_text(word, timeout=PATIENCE_MS)


@pytest.mark.parametrize("folder", [name for name, *_ in FOLDERS if name != "older-vllm"])
def test_a_recipe_becomes_a_model_is_loaded_and_leaves_nothing(pages, world, folder):
    with pages(f"{CATALOGUE}?backend={folder}") as page:
        expect(row(page, "small.yaml")).to_have_count(1)
        make_model(page, folder, folder)
        expect(row(page, folder, "Models made of recipes")).to_contain_text("managed")
        models(page, world)
        press(page, folder, "Load")
        state_of(page, folder, "Ready")
        assert world.swaplab.chat(folder).said
        assert len(world.kit.containers()) == 1
        press(page, folder, "Unload")
        state_of(page, folder, "Stopped")
        assert world.kit.containers() == []
    world.call("DELETE", f"/api/recipes/models/{folder}")


def test_the_steps_of_a_load_are_watched_as_they_go(pages, world):
    with pages() as page:
        make_model(page, "older-vllm", "watched", "slow.yaml")
        models(page, world)
        press(page, "watched", "Load")
        state_of(page, "watched", "weights")
        state_of(page, "watched", "Ready")
        press(page, "watched", "Unload")
        state_of(page, "watched", "Stopped")
    world.call("DELETE", "/api/recipes/models/watched")


def test_a_model_shows_the_recipe_it_is_made_of(pages, world):
    with pages() as page:
        make_model(page, "spark-llama-cpp", "with-recipe")
        page.goto(f"{world.swaplab.url}/ui/#/models/with-recipe?tab=recipes:of_model")
        expect(page.get_by_role("tab", name="Recipe", selected=True)).to_be_visible()
        panel = page.get_by_role("tabpanel")
        expect(panel.get_by_label("Its text")).to_contain_text("name: GGUF small")
        expect(panel.get_by_role("link", name="small")).to_have_attribute("href", re.compile("spark-llama-cpp"))
        expect(panel.get_by_role("button", name="Change")).to_be_visible()
        page.get_by_role("tab", name="Overview").click()
        expect(page.get_by_role("tabpanel")).not_to_contain_text("recipe_ui")
        page.get_by_role("tabpanel").get_by_role("link", name="small").click()
        expect(panel.get_by_label("Its text")).to_be_visible()
        assert barriers(page) == []
    world.call("DELETE", "/api/recipes/models/with-recipe")


def test_a_hot_swap_keeps_the_container(pages, world):
    cluster = {"Mode": "cluster", "Nodes": "127.0.0.1,127.0.0.2", "Hot_swap": True}
    earlier = len(world.kit.docker_calls())  # other tests had a container of this name
    with pages() as page:
        for model in ("first", "second"):
            make_model(page, "spark-vllm-docker", model, runs="docker exec", **cluster)
            assert world.swaplab.chat(model).said
            [container] = world.kit.containers()
        models(page, world)
        state_of(page, "first", "Stopped")
        state_of(page, "second", "Ready")
        press(page, "second", "Unload")
        state_of(page, "second", "Stopped")
    started = [call for call in world.kit.docker_calls()[earlier:] if call[:2] == ["run", "-d"] and container in call]
    assert len(started) == 1
    docker = [str(world.kit.root / "bin" / "docker"), "rm", "-f", container]
    subprocess.run(docker, env={**os.environ, **world.kit.env}, check=True)
    for model in ("first", "second"):
        world.call("DELETE", f"/api/recipes/models/{model}")


def write(page, change):
    """Change the text in the editor as a person would."""
    text = page.get_by_role("textbox", name=re.compile("Text of"))
    text.click()
    page.keyboard.press("Control+a")
    whole = text.evaluate("node => node.cmView?.view?.state.doc.toString() ?? node.innerText")
    page.keyboard.insert_text(change(whole))


def test_a_recipe_is_edited_tried_out_compared_and_deleted(pages, world):
    with pages(f"{CATALOGUE}?backend=spark-vllm-docker&state=usable") as page:
        row(page, "small.yaml").get_by_role("link", name="Small").click()
        expect(page.get_by_text("Saving makes a copy of yours")).to_be_visible()
        shown = page.get_by_label("What will happen")
        expect(shown).to_contain_text("./run-recipe.sh recipes/small.yaml --solo")
        write(page, lambda text: text.replace("{port}", "{prot}"))
        expect(page.get_by_text("1 error")).to_be_visible()
        expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        write(page, lambda text: text.replace("{prot}", "{port}").replace("name: Small", "name: Mine"))
        expect(page.get_by_text("No problems")).to_be_visible()
        expect(shown).to_contain_text("/recipes/small.yaml --solo")
        expect(page.get_by_label("What changes")).to_contain_text("+name: Mine")
        assert barriers(page) == []
        page.get_by_role("button", name="Save", exact=True).click()
        told(page, "Saved")
        assert "name: Mine" in (world.kit.root / "recipes" / "small.yaml").read_text()
        page.get_by_role("tab", name="Against the original").click()
        expect(page.get_by_role("tabpanel")).to_contain_text("-name: Small")
        page.get_by_role("tab", name="Values").click()
        page.get_by_role("tabpanel").get_by_label("name", exact=True).fill("Ours")
        page.get_by_role("tabpanel").get_by_role("button", name="Save").click()
        wait_until(lambda: "name: Ours" in (world.kit.root / "recipes" / "small.yaml").read_text(), "the value")
        page.get_by_role("button", name="Delete").click()
        run(page, "Delete")
        question = page.get_by_role("dialog").filter(has_text="cannot be brought back")
        expect(question.get_by_role("button", name="Delete")).to_be_disabled()
        question.get_by_role("textbox").fill("spark-vllm-docker:small.yaml")
        question.get_by_role("button", name="Delete").click()
        succeeded(page, "Delete")
    assert not (world.kit.root / "recipes" / "small.yaml").exists()
    assert (world.kit.root / "backend" / "spark-vllm-docker" / "recipes" / "small.yaml").read_text() == VLLM


def test_models_follow_their_recipe_and_what_changes_leaves_room_for_the_buttons(pages, world):
    names = [f"follows-{number}" for number in range(6)]
    for model in names:
        asked = {"modelId": model, "recipeRef": "older-vllm:small.yaml", "containerImage": f"{model}:1"}
        world.call("POST", "/api/recipes/models", asked)
    with pages("/x/recipes/recipe?recipe=older-vllm:small.yaml", size=(1000, 1000)) as page:
        page.get_by_role("button", name="Let its models follow").click()
        form = page.get_by_role("dialog", name="Let its models follow")
        for model in names:
            expect(form.get_by_label("What will happen")).to_contain_text(f"-        container_image: {model}:1")
        expect(form.get_by_role("button", name="Run")).to_be_in_viewport(ratio=1)
        run(page, "Let its models follow")
        succeeded(page, "Let its models follow")
    for model in names:
        assert f"container_image: {model}:1" not in world.config()
        world.call("DELETE", f"/api/recipes/models/{model}")


def test_keys_are_completed_by_the_schema_of_the_format(pages):
    with pages("/x/recipes/recipe?recipe=spark-vllm-docker:small.yaml") as page:
        expect(page.get_by_label("What will happen")).to_contain_text("run-recipe.sh")
        page.get_by_role("textbox", name=re.compile("Text of")).click()
        page.keyboard.press("Control+Home")
        page.keyboard.type("solo")
        expect(page.get_by_role("option", name=re.compile("solo_only"))).to_be_visible()


def test_what_somebody_else_saved_is_merged(pages, world):
    text = f"backend: spark-vllm-docker\n{VLLM}"
    own = {"recipeRef": "shared", "content": text}
    world.call("POST", "/api/recipes/source/create", own)
    with pages("/x/recipes/recipe?recipe=spark-vllm-docker:shared.yaml") as page:
        write(page, lambda text: text.replace("name: Small", "name: Mine"))
        world.call("PUT", "/api/recipes/source", {**own, "content": text.replace("A small model", "Theirs")})
        page.get_by_role("button", name="Save", exact=True).click()
        dialog = page.get_by_role("dialog", name="Somebody else has saved meanwhile")
        dialog.get_by_role("button", name=re.compile("Revert this chunk")).last.click()
        dialog.get_by_role("button", name="Go on with this text").click()
        page.get_by_role("button", name="Save", exact=True).click()
        told(page, "Saved")
    world.call("DELETE", "/api/recipes/source?recipeRef=shared", {})


def test_a_new_recipe_begins_with_one_that_is_there(pages, world):
    with pages() as page:
        page.get_by_role("link", name="New recipe").click()
        field(page, "Name").fill("team/new")
        field(page, "Recipe").select_option("older-vllm:small.yaml")
        page.get_by_role("button", name="Next").click()
        text = field(page, "Text")
        expect(text).to_have_value(re.compile("^backend: older-vllm"))
        assert barriers(page) == []
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_label("What will happen")).to_contain_text("recipes/team/new.yaml --solo")
        expect(page.get_by_text("older-vllm:team/new.yaml").first).to_be_visible()
    assert (world.kit.root / "recipes" / "team" / "new.yaml").read_text() == f"backend: older-vllm\n{VLLM}"


def test_recipes_are_filtered_by_backend_and_by_what_is_wrong_with_them(pages):
    with pages() as page:
        spoilt = row(page, "broken.yaml").get_by_role("button", name="Make a model")
        expect(spoilt).to_be_disabled()
        expect(spoilt).to_have_attribute("title", re.compile("mend it first: the command uses {prot}"))
        page.get_by_label("State").select_option("unusable")
        rows = page.get_by_role("region", name="Recipes", exact=True).get_by_role("row")
        expect(rows).to_have_count(2)
        expect(rows.last).to_contain_text("prot")
        assert "state=unusable" in page.url
        page.get_by_label("State").select_option("")
        page.get_by_label("Backend").select_option("spark-llama-cpp")
        expect(rows.last).to_contain_text("GGUF small")
        assert barriers(page) == []


def test_a_backend_says_what_is_wrong_and_an_action_runs_from_its_card(pages, world):
    with pages("/x/recipes/backends") as page:
        card = page.get_by_role("article").filter(has=page.get_by_role("heading", name="spark-vllm-docker"))
        expect(card).to_contain_text("recipes that cannot be used: broken.yaml")
        expect(card.get_by_role("button", name="Git Pull").first).to_be_disabled()
        card.get_by_text(re.compile("actions cannot be run here")).click()
        expect(card).to_contain_text("is no git checkout")
        assert barriers(page) == []
        card.get_by_role("button", name="Build vLLM", exact=True).first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("What will happen")).to_contain_text("./build-and-copy.sh -t")
        dialog.get_by_role("button", name="Run").click()
        drawer = page.get_by_role("dialog").filter(has=page.get_by_role("log"))
        expect(drawer.get_by_role("log")).to_contain_text("Successfully built")
