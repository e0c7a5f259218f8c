"""The routes of the Recipe Manager, against folders on disk: what each answers, and what it leaves behind."""

from __future__ import annotations

import json

import pytest
from recipe_api import CONFIG, recipe_runner
from recipe_texts import VLLM

from swaplab_core.testing.recipe_kit.folders import Style

TWO = VLLM.replace("tensor_parallel: 1", "tensor_parallel: 2").replace("name: Small", "name: Two")


@pytest.fixture
def run(tmp_path, monkeypatch):
    return recipe_runner(tmp_path, monkeypatch)


@pytest.fixture
def vllm(run):
    return run.kit.folder("spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM, "deep/two.yaml": TWO})


# the catalogue


def test_every_recipe_is_listed_with_its_backend_and_what_is_wrong_with_it(run, vllm):
    (vllm / "recipes" / "broken.yaml").write_text("name: {a: b\n")
    (vllm / "recipes" / "binary.yaml").write_bytes(b"\xff\xfe\x00")

    async def scenario(api):
        recipes = {recipe["identity"]: recipe for recipe in (await api.state())["recipes"]}

        assert set(recipes) == {
            "spark-vllm-docker:small.yaml",
            "spark-vllm-docker:deep/two.yaml",
            "spark-vllm-docker:broken.yaml",
            "spark-vllm-docker:binary.yaml",
        }
        assert "never closed" in recipes["spark-vllm-docker:broken.yaml"]["problems"][0]["message"]
        assert recipes["spark-vllm-docker:broken.yaml"]["problems"][0]["line"] == 1
        assert "not UTF-8" in recipes["spark-vllm-docker:binary.yaml"]["problems"][0]["message"]
        small = recipes["spark-vllm-docker:small.yaml"]
        assert (small["id"], small["ref"], small["backendKind"], small["usable"]) == ("small", "small", "vllm", True)
        assert small["path"] == str(vllm / "recipes" / "small.yaml")
        assert recipes["spark-vllm-docker:deep/two.yaml"]["defaultTensorParallel"] == 2

    run(scenario)


def test_same_named_recipes_of_two_backends_are_two_recipes(run, vllm):
    run.kit.folder("other-vllm", Style.GEN1, {"small.yaml": VLLM})

    async def scenario(api):
        recipes = (await api.state())["recipes"]
        assert sorted(recipe["identity"] for recipe in recipes if recipe["id"] == "small") == [
            "other-vllm:small.yaml",
            "spark-vllm-docker:small.yaml",
        ]
        refused = await api.upsert("m", recipeRef="small", status=400)
        assert "means several recipes" in refused["error"]
        await api.upsert("m", recipeRef="other-vllm:small.yaml")
        assert (await api.model("m"))["recipe"] == "other-vllm:small.yaml"

    run(scenario)


def test_a_recipe_of_the_users_names_its_backend_and_the_active_one_is_no_fallback(run, vllm):
    own = vllm.parents[1] / "recipes"
    own.mkdir()
    (own / "named.yaml").write_text(f"backend: vllm-docker\n{VLLM}")
    (own / "runtime.yaml").write_text(VLLM)
    (own / "nobody.yaml").write_text(VLLM.replace("vllm serve", "my-server").replace("vllm-node", "mine"))

    async def scenario(api):
        recipes = {recipe["id"]: recipe for recipe in (await api.state())["recipes"] if recipe["source"] == "user"}
        assert recipes["named"]["identity"] == "spark-vllm-docker:named.yaml"
        assert recipes["runtime"]["identity"] == "spark-vllm-docker:runtime.yaml"
        assert not recipes["nobody"]["usable"]
        refused = await api.upsert("m", recipeRef="nobody", status=400)
        assert "backend not resolved; set backend: in recipe yaml" in refused["error"]

    run(scenario)


def test_only_folders_with_a_runner_and_recipes_are_backends(run, vllm):
    (vllm.parent / "empty").mkdir()
    half = run.kit.folder("half", Style.GEN1, {"a.yaml": VLLM})
    (half / "run-recipe.sh").unlink()

    async def scenario(api):
        assert (await api.state())["backends"] == ["spark-vllm-docker"]

    run(scenario)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("spark-trtllm-docker", "trtllm"),
        ("spark-sqlang-docker", "sqlang"),
        ("spark-sglang-docker", "sqlang"),
        ("spark-llama-cpp", "llamacpp"),
        ("my-llamacpp", "llamacpp"),
        ("spark-vllm-docker", "vllm"),
        ("spark-vllm-nvidia-docker", "nvidia"),
        ("whatever", "custom"),
    ],
)
def test_a_folder_without_recipes_is_known_by_its_name(run, name, kind):
    folder = run.kit.folder(name, Style.GEN1, {})
    (folder / "recipes").mkdir()

    async def scenario(api):
        cards = (await api.ask("GET", "/api/recipes/backends"))["backends"]
        assert [(card["id"], card["backendKind"]) for card in cards] == [(name, kind)]

    run(scenario)


# models


def test_a_new_model_is_written_beside_what_is_there(run, vllm):
    async def scenario(api):
        state = await api.upsert("chat", recipeRef="small", aliases=["b", " a ", "b"], extraArgs="--max-num-seqs 4")

        assert api.text.startswith(CONFIG.partition("models:")[0].partition("startPort")[0])
        assert "    cmd: my-server --port ${PORT}   # by hand\n    ttl: 5\n" in api.text
        entry = api.config["models"]["chat"]
        assert {key: entry[key] for key in entry if key != "metadata"} == {
            "backend": "vllm",
            "name": "chat",
            "description": "A small model",
            "useModelName": "org/small",
            "aliases": ["a", "b"],
            "unlisted": False,
        }
        assert entry["metadata"]["recipe_ui"] == {
            "managed": True,
            "recipe_ref": "small",
            "backend_dir": str(vllm),
            "mode": "solo",
            "tensor_parallel": 1,
            "nodes": "",
            "extra_args": ["--max-num-seqs", "4"],
            "group": "managed-recipes",
            "hot_swap": False,
            "container_image": "",
            "non_privileged": False,
            "mem_limit_gb": 0,
            "mem_swap_limit_gb": 0,
            "pids_limit": 0,
            "shm_size_gb": 0,
            "runtime_cache_policy_enabled": True,
            "runtime_cache_policy_version": 1,
        }
        assert set(api.config["macros"]) == {"user_home", "spark_root", "llama_root", "recipe_runner"}
        groups = api.config["routing"]["router"]["settings"]["groups"]
        assert groups == {"managed-recipes": {"swap": True, "exclusive": False, "members": ["chat"]}}
        assert len(state["revision"]) > 8

    run(scenario)


def test_a_change_touches_what_it_names_and_nothing_else(run, vllm):
    async def scenario(api):
        await api.upsert(
            "chat", recipeRef="small", extraArgs=["--a", "two words"], hotSwap=True, mode="cluster", nodes="n1,n2"
        )
        mark = "    unlisted: false\n"
        kept = f"{mark}    ttl: 300  # mine\n    checkEndpoint: /ready\n    proxy: http://127.0.0.1:9911\n"
        (api.root / "config.yaml").write_text(api.text.replace(mark, kept))
        await api.lab.lab.reloader.reload()
        await api.upsert("chat", description="Changed")

        entry = api.config["models"]["chat"]
        assert (entry["ttl"], entry["checkEndpoint"], entry["proxy"]) == (300, "/ready", "http://127.0.0.1:9911")
        assert "    ttl: 300  # mine\n" in api.text
        model = await api.model("chat")
        assert (model["description"], model["hotSwap"], model["nodes"]) == ("Changed", True, "n1,n2")
        assert model["extraArgsList"] == ["--a", "two words"]

    run(scenario)


def test_arguments_are_words_from_end_to_end_and_can_be_cleared(run, vllm):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small", extraArgs="--one --two 'a b' --json '{\"x\": 1}'")
        assert (await api.model("chat"))["extraArgsList"] == ["--one", "--two", "a b", "--json", '{"x": 1}']
        shown = await api.ask("POST", "/api/recipes/preview", {"recipeRef": "small", "modelId": "chat"})
        assert shown["argv"][-6:] == ["--", "--one", "--two", "a b", "--json", '{"x": 1}']
        for empty in ([], None, ""):
            await api.upsert("chat", extraArgs=["--one"])
            await api.upsert("chat", extraArgs=empty)
            assert (await api.model("chat"))["extraArgsList"] == []

    run(scenario)


def test_the_image_of_a_model_leaves_the_recipe_as_it_is(run, vllm):
    before = (vllm / "recipes" / "small.yaml").read_bytes()

    async def scenario(api):
        await api.upsert("chat", recipeRef="small", containerImage="vllm-node-mxfp4")
        shown = await api.ask("POST", "/api/recipes/preview", {"recipeRef": "small", "modelId": "chat"})
        assert shown["argv"][shown["argv"].index("-t") + 1] == "vllm-node-mxfp4:latest"
        refused = await api.upsert("chat", containerImage="x\nname: y", status=400)
        assert "containerImage" in refused["error"]
        assert (vllm / "recipes" / "small.yaml").read_bytes() == before

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "recipeRef is required"),
        ({"recipeRef": "smal"}, "recipeRef not found: smal (did you mean 'small'?)"),
        ({"recipeRef": "small", "mode": "both"}, "mode: must be solo or cluster"),
        ({"recipeRef": "small", "nodes": "a;rm -rf /"}, "is no host name or address"),
        ({"recipeRef": "small", "nodes": ["-oProxyCommand=x", "b"]}, "is no host name or address"),
        ({"recipeRef": "small", "tensorParallel": 0}, "tensorParallel: must be a whole number from 1 on"),
        ({"recipeRef": "small", "containerImage": "-v/:/x"}, "is no image reference"),
        ({"recipeRef": "small", "extraArgs": "'open"}, "cannot be split"),
        ({"recipeRef": "small", "aliases": "a"}, '"aliases" must be a list'),
        (
            {"recipeRef": "small", "mode": "cluster"},
            "nodes is required for cluster mode (backend nodes macro not found)",
        ),
        ({"recipeRef": "small", "options": {"sleepLevel": 9}}, "sleepLevel"),
    ],
)
def test_a_wrong_request_is_one_message_and_changes_nothing(run, vllm, fields, message):
    async def scenario(api):
        refused = await api.upsert("chat", status=400, **fields)
        assert message in str(refused)
        assert api.text == CONFIG
        assert {"error", "code", "title", "status", "detail", "advice"} <= refused.keys()

    run(scenario)


@pytest.mark.parametrize("model", ["", "  ", "-x", "a b", "../up", "a\nb", "/etc"])
def test_an_id_that_fits_nowhere_is_refused(run, vllm, model):
    async def scenario(api):
        assert "modelId" in (await api.upsert(model, recipeRef="small", status=400))["error"]

    run(scenario)


def test_one_node_is_that_node_alone_and_several_are_a_cluster(run, vllm):
    async def scenario(api):
        await api.upsert("pinned", recipeRef="small", nodes="spark2")
        await api.upsert("wide", recipeRef="small", nodes=["spark1", "spark2"])
        pinned, wide = await api.model("pinned"), await api.model("wide")

        assert (pinned["mode"], pinned["node"], pinned["group"]) == ("solo", "spark2", "managed-recipes-spark2")
        assert (wide["mode"], wide["node"], wide["nodes"]) == ("cluster", "", "spark1,spark2")
        assert "'" not in str(api.config["models"]["pinned"].get("cmd", ""))

    run(scenario)


def test_a_cluster_without_nodes_takes_the_macro_of_its_backend(run, vllm):
    async def scenario(api):
        await api.upsert("two", recipeRef="two")
        assert (await api.model("two"))["nodes"] == "${nodes}"
        await api.ask("DELETE", "/api/recipes/models/two")
        assert api.config["models"].keys() == {"mine"}

    run(scenario, config=f"macros:\n  nodes: n1,n2\n{CONFIG}")


def test_macros_may_refer_to_later_ones_before_and_after_a_save(run, vllm):
    head = "macros:\n  vllm_exec_env: --ip ${vllm_head_ip}\n  vllm_head_ip: 192.0.2.1\n"

    async def scenario(api):
        await api.upsert("chat", recipeRef="small")
        assert list(api.config["macros"])[:2] == ["vllm_exec_env", "vllm_head_ip"]
        assert api.lab.lab.launches.config.models["mine"].options.cmd[:3] == ("my-server", "--ip", "192.0.2.1")

    run(scenario, config=head + CONFIG.replace("my-server", "my-server ${vllm_exec_env}"))


def test_a_model_with_a_slash_in_its_name_can_be_deleted(run, vllm):
    async def scenario(api):
        await api.upsert("org/small:Q4", recipeRef="small")
        state = await api.ask("DELETE", "/api/recipes/models/org%2Fsmall:Q4")
        assert state["models"] == []
        assert "models" in state
        refused = await api.ask("DELETE", "/api/recipes/models/org/small", status=400)
        assert refused["error"] == "model org/small not found"

    run(scenario)


def test_create_change_and_delete_leave_the_groups_as_they_were(run, vllm):
    async def scenario(api):
        await api.upsert("a", recipeRef="small")
        await api.upsert("a", group="elsewhere")
        groups = api.config["routing"]["router"]["settings"]["groups"]
        assert groups == {"elsewhere": {"swap": True, "exclusive": False, "members": ["a"]}}
        await api.ask("DELETE", "/api/recipes/models/a")
        assert api.lab.lab.launches.config.groups["elsewhere"].members == ()
        await api.ask("DELETE", "/api/recipes/models/mine")

    run(scenario)


def test_looking_deletes_nothing_and_an_orphan_goes_only_when_told(run, vllm):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small")
        before = api.text
        (vllm / "recipes" / "small.yaml").rename(vllm / "recipes" / "gone.txt")
        model = await api.model("chat")

        assert model["orphaned"]
        assert "not found" in model["problems"][0]
        assert api.text == before
        pruned = await api.ask("POST", "/api/recipes/prune", {})
        assert (pruned["dryRun"], pruned["modelIds"]) == (True, ["chat"])
        assert api.text == before
        await api.ask("POST", "/api/recipes/prune", {"dryRun": False})
        assert "chat" not in api.config["models"]

    run(scenario)


LEGACY = """\
macros:
  vllm_cluster_reset_latest: |
    if docker ps | grep -q vllm_node; then
      docker exec vllm_node ray status || ./launch-cluster.sh stop
    fi
  vllm_extra_docker_args: -v ${user_home}/.cache/x:/x -e "A=1"
  user_home: /home/me
  recipe_runner: /opt/run-recipe.sh
models:
  old:
    name: Old
    cmd: bash -lc '${vllm_cluster_reset_latest}
      VLLM_SPARK_EXTRA_DOCKER_ARGS="${vllm_extra_docker_args}" exec ${recipe_runner} small --solo --tp 1 --port ${PORT}'
    cmdStop: bash -lc 'true'
    proxy: http://127.0.0.1:${PORT}
    ttl: 0
    metadata:
      recipe_ui:
        managed: true
        recipe_ref: small
        mode: solo
        backend_dir: FOLDER
        extra_args: "--max-num-seqs 4"
  bare:
    cmd: bash -lc 'exec ${recipe_runner} small -n 192.0.2.1,192.0.2.2 --tp 2 --port ${PORT}'
"""


def test_older_entries_are_read_as_they_are(run, vllm):
    async def scenario(api):
        old, bare = await api.model("old"), await api.model("bare")

        assert (old["recipe"], old["legacy"], old["extraArgsList"]) == (
            "spark-vllm-docker:small.yaml",
            True,
            ["--max-num-seqs", "4"],
        )
        assert (bare["recipeRef"], bare["mode"], bare["tensorParallel"], bare["managed"]) == (
            "small",
            "cluster",
            2,
            False,
        )
        assert bare["nodes"] == "192.0.2.1,192.0.2.2"
        assert api.lab.lab.launches.config.models["old"].options.cmd[0] == "bash"

    run(scenario, config=LEGACY.replace("FOLDER", str(vllm)))


def test_an_older_entry_that_is_saved_is_launched_without_a_shell(run, vllm):
    async def scenario(api):
        await api.upsert("old", unlisted=True)
        entry = api.config["models"]["old"]

        assert not {"cmd", "cmdStop", "proxy"} & entry.keys()
        assert (entry["ttl"], entry["name"], entry["unlisted"]) == (0, "Old", True)
        spec = await api.lab.lab.launches.spec("old")
        assert spec.argv[:3] == ("./run-recipe.sh", "recipes/small.yaml", "--solo")
        words = spec.env["VLLM_SPARK_EXTRA_DOCKER_ARGS"].split()
        assert words[-4:] == ["-v", "/home/me/.cache/x:/x", "-e", "A=1"]
        assert "if docker ps" in api.config["macros"]["vllm_cluster_reset_latest"]

    run(scenario, config=LEGACY.replace("FOLDER", str(vllm)))


async def told(api):
    """The models in the first event of the stream, by id."""
    async with api.lab.client.get("/api/events") as response:
        async for line in response.content:
            event = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
            if event.get("type") == "modelStatus":
                return {model["id"]: model for model in json.loads(event["data"])}
    raise AssertionError("the stream has ended")


def test_the_list_of_models_says_recipe_mode_split_and_image_the_models_own_first(run, vllm):
    config = LEGACY.replace("FOLDER", str(vllm)).replace("macros:", "macros:\n  vllm_container_image: by/macro:1")
    config += "    metadata: {containerImage: by/metadata:1}\n  plain: {cmd: my-server, proxy: 'http://127.0.0.1:9'}\n"
    keys = ("recipeRef", "mode", "tensorParallel", "containerImage")

    async def scenario(api):
        await api.upsert("own", recipeRef="small", containerImage="own/image:1")
        await api.upsert("two", recipeRef="two", nodes=["a", "b"])
        await api.ask("GET", "/api/recipes/backends")
        models = await told(api)
        assert [models["own"][key] for key in keys] == ["small", "solo", 1, "own/image:1"]
        assert [models["two"][key] for key in keys] == ["deep/two", "cluster", 2, "vllm-node"]
        assert [models["bare"][key] for key in keys] == ["small", "cluster", 2, "by/metadata:1"]
        assert not set(keys) & models["plain"].keys()
        (vllm / "recipes" / "deep" / "two.yaml").unlink()
        await api.ask("GET", "/api/recipes/backends")
        assert (await told(api))["two"]["containerImage"] == "by/macro:1"

    run(scenario, config=config)


# recipe files


def test_a_backends_own_recipe_is_changed_by_a_copy_of_the_users(run, vllm):
    original = (vllm / "recipes" / "small.yaml").read_text()

    async def scenario(api):
        source = await api.ask("GET", "/api/recipes/source?recipeRef=small")
        changed = source["content"].replace("name: Small", "name: Better")
        saved = await api.ask("PUT", "/api/recipes/source", {"recipeRef": "small", "content": changed})

        assert (vllm / "recipes" / "small.yaml").read_text() == original
        assert saved["path"] == str(api.root / "recipes" / "small.yaml")
        assert saved["editable"]
        recipes = {recipe["path"]: recipe for recipe in (await api.state())["recipes"]}
        assert recipes[saved["path"]]["hides"] == source["path"]
        assert recipes[source["path"]]["hiddenBy"] == saved["path"]
        diff = (await api.ask("GET", "/api/recipes/source/diff?recipeRef=small"))["diff"]
        assert "-name: Small\n" in diff
        assert "+name: Better\n" in diff

    run(scenario)


def test_saving_a_recipe_leaves_the_configuration_byte_for_byte(run, vllm):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small")
        before = api.text
        await api.ask("PUT", "/api/recipes/source", {"recipeRef": "small", "content": TWO})
        assert api.text == before

    run(scenario)


def test_a_recipe_that_cannot_run_is_not_saved(run, vllm):
    async def scenario(api):
        body = {"recipeRef": "small", "content": VLLM.replace("{port}", "{prot}")}
        refused = await api.ask("PUT", "/api/recipes/source", body, status=400)
        assert "did you mean {port}?" in refused["error"]
        assert refused["problems"][0]["line"] == 10
        checked = await api.ask("POST", "/api/recipes/source/validate", body)
        assert (checked["ok"], checked["format"]) == (False, "schema1")
        assert not (api.root / "recipes").exists()

    run(scenario)


def test_whoever_saves_an_old_text_is_told(run, vllm):
    async def scenario(api):
        first = await api.ask("GET", "/api/recipes/source?recipeRef=small")
        body = {"recipeRef": "small", "revision": first["revision"]}
        saved = await api.ask("PUT", "/api/recipes/source", {**body, "content": TWO})
        refused = await api.ask("PUT", "/api/recipes/source", {**body, "content": VLLM}, status=409)
        assert "changed by somebody else" in refused["error"]
        await api.ask("PUT", "/api/recipes/source", {**body, "revision": saved["revision"], "content": VLLM})

    run(scenario)


def test_a_new_recipe_goes_into_the_users_folder(run, vllm):
    async def scenario(api):
        body = {"recipeRef": "team/new", "content": VLLM}
        created = await api.ask("POST", "/api/recipes/source/create", body)
        assert created["path"] == str(api.root / "recipes" / "team" / "new.yaml")
        again = await api.ask("POST", "/api/recipes/source/create", body, status=400)
        assert "recipe already exists: team/new.yaml" in again["error"]
        await api.ask("POST", "/api/recipes/source/create", {**body, "overwrite": True})

    run(scenario)


@pytest.mark.parametrize("reference", ["../up", "/etc/x", "a/../../b", ".hidden", "a\\b", " ", "-x"])
def test_no_recipe_is_written_outside_the_users_folder(run, vllm, reference):
    async def scenario(api):
        body = {"recipeRef": reference, "content": VLLM}
        await api.ask("POST", "/api/recipes/source/create", body, status=400)
        assert not (api.root / "recipes").exists()

    run(scenario)


def test_deleting_a_recipe_takes_the_models_along_only_when_told(run, vllm):
    async def scenario(api):
        await api.ask("POST", "/api/recipes/source/create", {"recipeRef": "own", "content": VLLM})
        await api.upsert("a", recipeRef="own")
        await api.upsert("b", recipeRef="own")
        await api.ask("DELETE", "/api/recipes/source?recipeRef=own")
        assert (await api.model("a"))["orphaned"]
        await api.ask("POST", "/api/recipes/source/create", {"recipeRef": "own", "content": VLLM})
        gone = await api.ask("DELETE", "/api/recipes/source?recipeRef=own&purgeManaged=true")
        assert gone["purgedModelIds"] == ["a", "b"]
        assert gone["state"]["models"] == []
        kept = await api.ask("DELETE", "/api/recipes/source?recipeRef=small", status=409)
        assert "belongs to its backend's folder" in kept["error"]

    run(scenario)


def test_a_cascade_deletes_the_recipe_and_all_models_made_of_it(run, vllm):
    async def scenario(api):
        await api.ask("POST", "/api/recipes/source/create", {"recipeRef": "own", "content": VLLM})
        for model in ("a", "b"):
            await api.upsert(model, recipeRef="own")
        await api.upsert("other", recipeRef="small")
        gone = await api.ask("DELETE", "/api/recipes/models/a?cascadeRecipe=true")

        assert (gone["deletedModelId"], gone["purgedModelIds"]) == ("a", ["a", "b"])
        assert not (api.root / "recipes" / "own.yaml").exists()
        assert api.config["models"].keys() == {"mine", "other"}
        unmanaged = await api.ask("DELETE", "/api/recipes/models/mine?cascadeRecipe=1")
        assert unmanaged["purgedModelIds"] == ["mine"]
        (vllm / "recipes" / "small.yaml").unlink()
        orphan = await api.ask("DELETE", "/api/recipes/models/other?cascadeRecipe=1")
        assert (orphan["purgedModelIds"], orphan["note"]) == (["other"], "recipeRef not found: small")

    run(scenario)


def test_models_follow_the_defaults_of_their_recipe_again(run, vllm):
    async def scenario(api):
        await api.upsert("a", recipeRef="small", nodes="spark2", containerImage="other:1")
        changed = TWO.replace("name: Two", "name: Small")
        await api.ask("PUT", "/api/recipes/source", {"recipeRef": "small", "content": changed})
        synced = await api.ask("POST", "/api/recipes/source/sync-defaults", {"recipeRef": "small"})

        assert synced["updatedModelIds"] == ["a"]
        model = await api.model("a")
        assert (model["tensorParallel"], model["mode"], model["nodes"]) == (2, "cluster", "${vllm_nodes}")
        assert (model["containerImage"], model["node"], model["group"]) == ("", "", "managed-recipes")

    run(scenario, config=f"macros:\n  vllm_nodes: n1,n2\n{CONFIG}")


def test_a_failure_of_the_disk_is_not_the_clients_mistake(run, vllm, tmp_path):
    (tmp_path / "recipes").write_text("a file where the folder should be")

    async def scenario(api):
        body = {"recipeRef": "new", "content": VLLM}
        failed = await api.ask("POST", "/api/recipes/source/create", body, status=500)
        assert failed["code"] == "file-failed"
        assert "cannot be made" in failed["error"]

    run(scenario)


def test_malformed_json_and_any_content_type_are_answered(run, vllm):
    async def scenario(api):
        answer = await api.lab.ask(
            "POST", "/api/recipes/models", data=b"{", headers={"Content-Type": "application/json"}
        )
        assert (answer.status, answer.json["error"][:17]) == (400, "invalid JSON body")

    run(scenario)


def test_a_preview_shows_the_command_and_starts_nothing(run, vllm):
    async def scenario(api):
        shown = await api.ask("POST", "/api/recipes/preview", {"recipeRef": "small"})
        assert shown["argv"][:3] == ["./run-recipe.sh", "recipes/small.yaml", "--solo"]
        assert shown["rendered"].startswith("vllm serve org/small --host 0.0.0.0 --port 8000")
        assert shown["before"][-1]["argv"][:3] == ["docker", "rm", "-f"]
        assert [call for call in api.kit.docker_calls() if call[0] != "images"] == []  # what is there is looked at

    run(scenario)
