"""What the Recipes and Backends pages ask, and what can be done there: each with a preview that changes nothing."""

from __future__ import annotations

import os
import subprocess

import pytest
from recipe_api import CONFIG, recipe_runner
from recipe_texts import LLAMACPP, VLLM

from swaplab_core.testing.recipe_kit.folders import Style

TWO = VLLM.replace("tensor_parallel: 1", "tensor_parallel: 2")
SMALL = "spark-vllm-docker:small.yaml"


@pytest.fixture
def run(tmp_path, monkeypatch):
    return recipe_runner(tmp_path, monkeypatch)


@pytest.fixture
def vllm(run):
    return run.kit.folder("spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM, "deep/two.yaml": TWO})


def git(folder, *words):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    env |= {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(folder), *words], check=True, env=env, capture_output=True)


async def planned(api, action, target, status=200, **form):
    return await api.ask(
        "POST", f"/api/actions/recipes:{action}?dry_run=1", {"input": form, "target": target}, status=status
    )


async def done(api, action, target, **form):
    asked = {"input": form, "target": target}
    job = (await api.ask("POST", f"/api/actions/{action}", asked, status=202))["job"]
    record = await api.lab.done(job["id"])
    assert record["state"] == "succeeded", record["error"]
    return record["result"]


async def rows(api, path="/api/recipes/table", **wanted):
    items = (await api.ask("GET", path))["items"]
    return [row for row in items if all(row.get(key) == value for key, value in wanted.items())]


# tables


def test_each_recipe_is_a_row_that_says_its_state_and_leads_to_its_page(run, vllm):
    (vllm / "recipes" / "broken.yaml").write_text(VLLM.replace("{port}", "{prot}"))
    (vllm / "recipes" / "odd.yaml").write_text(f"{VLLM}env:\n  A: $(id)\n")

    async def scenario(api):
        states = {row["relativePath"]: row["state"]["text"] for row in await rows(api)}
        assert states == {
            "small.yaml": "usable", "deep/two.yaml": "usable", "broken.yaml": "unusable", "odd.yaml": "with warnings",
        }  # fmt: skip
        [broken] = await rows(api, relativePath="broken.yaml")
        assert "did you mean {port}?" in broken["problem"] or "prot" in broken["problem"]
        assert broken["name"]["href"] == "#/x/recipes/recipe?recipe=spark-vllm-docker%3Abroken.yaml"
        await api.ask("PUT", "/api/recipes/source", {"recipeRef": "small", "content": TWO})
        hidden = await rows(api, relativePath="small.yaml")
        assert sorted(row["state"]["text"] for row in hidden) == ["hidden", "usable"]
        why = {row["state"]["text"]: row["reasons"].get("recipes:make_model", "") for row in [broken, *hidden]}
        assert why["usable"] == ""
        assert why["unusable"].startswith("mend it first: the command uses {prot}")
        assert why["hidden"] == f"{api.root}/recipes/small.yaml takes its place"
        assert len({row["id"] for row in await rows(api)}) == 5

    run(scenario)


def test_a_managed_model_is_a_row_whose_form_begins_as_it_is(run, vllm):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small", hotSwap=True, mode="cluster", nodes="n1,n2", pidsLimit=99)
        await api.upsert("other", recipeRef="two", nodes="n1,n2")
        [row] = await rows(api, f"/api/recipes/managed?recipeRef={SMALL}")
        assert (row["id"], row["mode"], row["state"]["text"]) == ("chat", "cluster", "managed")
        before = api.text
        form = {key: value for key, value in row["values"].items() if key in CHANGE}
        plan = await planned(api, "change_model", "chat", **form)
        assert plan["files"] == []  # a form that is sent back as it came changes nothing
        plan = await planned(api, "change_model", "chat", **{**form, "extraArgsList": ["--max-num-seqs", "4"]})
        assert "+          - --max-num-seqs\n" in plan["files"][0]["diff"]
        assert api.text == before
        await done(api, "recipes:change_model", "chat", **{**form, "unlisted": True})
        model = await api.model("chat")
        assert (model["unlisted"], model["hotSwap"], model["pidsLimit"]) == (True, True, 99)

    run(scenario)


CHANGE = {
    "recipeRef", "name", "description", "aliases", "useModelName", "mode", "nodes", "tensorParallel", "hotSwap",
    "containerImage", "extraArgsList", "group", "unlisted", "nonPrivileged", "memLimitGb", "memSwapLimitGb",
    "pidsLimit", "shmSizeGb",
}  # fmt: skip


# actions


def test_a_model_is_made_of_a_recipe_by_an_action_that_shows_the_exact_command(run, vllm):
    async def scenario(api):
        plan = await planned(api, "make_model", SMALL, modelId="made")
        assert plan["commands"][0]["command"].startswith("./run-recipe.sh recipes/small.yaml --solo")
        assert "+  made:\n" in plan["files"][0]["diff"]
        assert api.text == CONFIG
        assert (await done(api, "recipes:make_model", SMALL, modelId="made"))["model"] == "made"
        assert (await api.model("made"))["recipeRef"] == "small"
        wrong = await planned(api, "make_model", SMALL, status=422, modelId="made", tensorParallel=-1)
        assert "/tensorParallel" in str(wrong)

    run(scenario)


def test_following_the_defaults_shows_the_difference_first(run, vllm):
    async def scenario(api):
        await api.upsert("a", recipeRef="small")
        await api.upsert("b", recipeRef="small")
        assert (await planned(api, "sync_defaults", SMALL))["warnings"] == ["nothing would change"]
        await api.ask("PUT", "/api/recipes/source", {"recipeRef": "small", "content": TWO})
        before = api.text
        plan = await planned(api, "sync_defaults", SMALL)
        assert plan["commands"][0]["title"] == "change a, b"
        assert plan["files"][0]["diff"].count("+        tensor_parallel: 2\n") == 2
        assert api.text == before
        assert (await done(api, "recipes:sync_defaults", SMALL))["models"] == ["a", "b"]
        assert (await api.model("b"))["tensorParallel"] == 2
        history = (await api.ask("GET", "/api/config/history"))["revisions"]
        assert history[0]["reason"] == "a, b follow the defaults of small"

    run(scenario, config=f"macros:\n  vllm_nodes: n1,n2\n{CONFIG}")


def test_deleting_says_who_uses_it_and_takes_them_along_only_when_told(run, vllm):
    async def scenario(api):
        manifest = await api.ask("GET", "/api/ui/manifest")
        [action] = [action for action in manifest["actions"] if action["id"] == "recipes:delete_recipe"]
        assert (action["confirm"]["level"], action["danger"]) == ("type", True)
        own = "spark-vllm-docker:own.yaml"
        await api.ask("POST", "/api/recipes/source/create", {"recipeRef": "own", "content": VLLM})
        await api.upsert("a", recipeRef="own")
        assert "used by a: they stay without a recipe" in (await planned(api, "delete_recipe", own))["warnings"][0]
        assert "used by a: they go with it" in (await planned(api, "delete_recipe", own, purge=True))["warnings"][0]
        kept = await planned(api, "delete_recipe", SMALL, status=409)
        assert "belongs to its backend's folder" in str(kept)
        await done(api, "recipes:delete_recipe", own)
        assert (await api.model("a"))["orphaned"]
        assert (await planned(api, "prune", ""))["commands"][0]["title"] == "remove a"
        await done(api, "recipes:prune", "")
        assert api.config["models"].keys() == {"mine"}
        assert "every model has its recipe" in str(await planned(api, "prune", "", status=409))

    run(scenario)


def test_a_model_is_deleted_alone_or_with_its_recipe(run, vllm):
    async def scenario(api):
        await api.ask("POST", "/api/recipes/source/create", {"recipeRef": "own", "content": VLLM})
        for model in ("a", "b", "c"):
            await api.upsert(model, recipeRef="own")
        await done(api, "recipes:delete_model", "c")
        assert (api.root / "recipes" / "own.yaml").exists()
        await done(api, "recipes:delete_model", "a", cascade=True)
        assert not (api.root / "recipes" / "own.yaml").exists()
        assert api.config["models"].keys() == {"mine"}
        await api.upsert("d", recipeRef="small")
        plan = await planned(api, "delete_model", "d", cascade=True)
        assert "belongs to its backend's folder and is kept" in plan["warnings"][0]
        (vllm / "recipes" / "small.yaml").unlink()
        plan = await planned(api, "delete_model", "d", cascade=True)
        assert plan["warnings"] == ["recipeRef not found: small: only the model goes"]
        await done(api, "recipes:delete_model", "d", cascade=True)
        assert api.config["models"].keys() == {"mine"}

    run(scenario)


# one recipe


def test_a_text_that_is_not_saved_yet_shows_what_it_would_run(run, vllm):
    async def scenario(api):
        text = VLLM.replace("container: vllm-node", "container: vllm-node-new")
        tried = await api.ask("POST", "/api/recipes/source/validate", {"recipeRef": SMALL, "content": text})
        start = next(command for command in tried["commands"] if command["title"] == "start")
        assert start["argv"][:3] == ["./run-recipe.sh", str(api.root / "recipes" / "small.yaml"), "--solo"]
        assert any(each.get("command", "").startswith("vllm serve org/small") for each in tried["commands"])
        text = text.replace("solo", "x").replace("command:", "cluster_only: true\ncommand:")
        tried = await api.ask("POST", "/api/recipes/source/validate", {"recipeRef": SMALL, "content": text})
        assert (tried["ok"], tried["commands"]) == (True, [])
        assert "nodes is required" in tried["warnings"][0]
        tried = await api.ask("POST", "/api/recipes/source/validate", {"content": LLAMACPP, "path": "mine"})
        assert tried["format"] == "llamacpp"
        assert not (api.root / "recipes").exists()

    run(scenario)


def test_an_editor_is_told_what_may_stand_where(run, vllm):
    async def scenario(api):
        schema = await api.ask("GET", "/api/recipes/schema?format=schema1")
        assert schema["properties"]["backend"]["enum"] == ["spark-vllm-docker"]
        assert "tensor_parallel" in schema["properties"]["defaults"]["properties"]
        refused = await api.ask("GET", "/api/recipes/schema?format=nope", status=400)
        assert "no such format" in refused["error"]

    run(scenario)


def test_the_plain_values_of_a_recipe_are_a_form_that_keeps_all_other_lines(run, vllm):
    (vllm / "recipes" / "small.yaml").write_text(VLLM.replace("  port: 8000", "  port: 8000   # mine"))

    async def scenario(api):
        values = (await api.ask("GET", f"/api/recipes/form?recipeRef={SMALL}"))["values"]
        assert values["defaults"] == {"port": 8000, "host": "0.0.0.0", "tensor_parallel": 1}
        schema = await api.ask("GET", f"/api/recipes/form/schema?recipeRef={SMALL}")
        assert schema["properties"]["defaults"]["properties"]["port"]["type"] == "integer"
        changed = {**values, "solo_only": True, "defaults": {**values["defaults"], "tensor_parallel": 4}}
        saved = await api.ask("PUT", f"/api/recipes/form?recipeRef={SMALL}", changed)
        assert saved["values"]["defaults"]["tensor_parallel"] == 4
        text = (api.root / "recipes" / "small.yaml").read_text()
        assert "  port: 8000   # mine\n" in text
        assert "solo_only: true\n" in text
        for wrong, field in (({"command": "x"}, "command"), ({"defaults": {"host": "yes"}}, "host")):
            refused = await api.ask("PUT", f"/api/recipes/form?recipeRef={SMALL}", wrong, status=400)
            assert field in refused["error"]
        assert (api.root / "recipes" / "small.yaml").read_text() == text

    run(scenario)


def test_a_recipe_is_compared_with_the_commit_it_was_checked_out_at(run, vllm):
    async def scenario(api):
        refused = await api.ask("GET", f"/api/recipes/source/diff?recipeRef={SMALL}&against=git", status=409)
        assert "cannot be compared" in refused["error"]
        git(vllm, "init", "-b", "main")
        git(vllm, "add", ".")
        git(vllm, "commit", "-m", "one")
        clean = await api.ask("GET", f"/api/recipes/source/diff?recipeRef={SMALL}&against=git")
        assert clean["diff"] == ""
        (vllm / "recipes" / "small.yaml").write_text(VLLM.replace("name: Small", "name: Changed"))
        found = await api.ask("GET", f"/api/recipes/source/diff?recipeRef={SMALL}&against=git")
        assert "-name: Small\n+name: Changed\n" in found["diff"]

    run(scenario)


# a new one


def test_a_new_recipe_begins_with_another_one_and_is_written_when_its_text_is_right(run, vllm):
    async def step(api, answer, state=None, status=200):
        return await api.ask("POST", "/api/recipes/wizard", {"input": answer, "state": state}, status=status)

    async def scenario(api):
        first = await step(api, None)
        assert set(first["form"]["properties"]) == {"name", "begin", "recipe", "template"}
        assert "/name" in str(await step(api, {"name": "../up", "begin": "text"}, first["state"], status=400))
        assert "/recipe" in str(await step(api, {"name": "team/new", "begin": "recipe"}, {}, status=400))
        second = await step(api, {"name": "team/new", "begin": "recipe", "recipe": SMALL}, first["state"])
        text = second["form"]["properties"]["content"]["default"]
        assert text == f"backend: spark-vllm-docker\n{VLLM}"
        broken = await step(api, {"content": text.replace("{port}", "{prot}")}, second["state"], status=400)
        assert "did you mean {port}?" in broken["error"]
        assert not (api.root / "recipes").exists()
        last = await step(api, {"content": text}, second["state"])
        assert last["to"] == {"path": "/x/recipes/recipe", "query": {"recipe": "spark-vllm-docker:team/new.yaml"}}
        assert (api.root / "recipes" / "team" / "new.yaml").read_text() == text
        template = await step(api, {"name": "mine", "begin": "template", "template": "schema1"}, first["state"])
        assert "recipe_version" in template["form"]["properties"]["content"]["default"]

    run(scenario)


# backends


def test_a_card_says_what_is_wrong_and_why_something_cannot_be_done(run, vllm, tmp_path):
    origin = tmp_path / "origin"
    git(tmp_path, "init", "--bare", "-b", "main", str(origin))
    git(vllm, "init", "-b", "main")
    git(vllm, "add", ".")
    git(vllm, "commit", "-m", "one")
    git(vllm, "remote", "add", "origin", str(origin))
    git(vllm, "push", "-u", "origin", "main")
    git(vllm, "commit", "--allow-empty", "-m", "two")
    (vllm / "recipes" / "broken.yaml").write_text("name: {a: b\n")
    (vllm / "run-recipe.sh").chmod(0o644)

    async def scenario(api):
        [card] = (await api.ask("GET", "/api/recipes/cards"))["items"]
        assert any("1 ahead, 2 changed" in str(item["value"]) for item in card["items"])
        notes = {note["text"]: note["level"] for note in card["notes"]}
        assert notes["run-recipe.sh may not be run: chmod +x it"] == "error"
        assert notes["recipes that cannot be used: broken.yaml"] == "warn"
        assert any("a pull may refuse" in note for note in notes)
        reasons = {action["id"]: action["reason"] for action in card["actions"]}
        assert reasons["backends:git_pull"] == ""
        assert "hf-download.sh" in reasons["backends:download_hf_model"]
        await done(api, "backends:activate", "spark-vllm-docker")
        await done(api, "backends:choose_image", "spark-vllm-docker", image="vllm-node-mine:1")
        [card] = (await api.ask("GET", "/api/recipes/cards"))["items"]
        assert card["state"]["text"] == "active"
        assert {"label": "Image", "value": "vllm-node-mine:1", "type": "code"} in card["items"]
        assert {action["id"]: action["reason"] for action in card["actions"]}["backends:activate"]

    run(scenario)
