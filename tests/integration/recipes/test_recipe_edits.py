"""What an edit by the Recipe Manager leaves as it was, and what it refuses: the rest of a person's file."""

from __future__ import annotations

import pytest
from recipe_api import CONFIG, recipe_runner
from recipe_texts import LLAMACPP, VLLM

from swaplab_core.domain.node import Node, NodeId
from swaplab_core.plugin import hookimpl
from swaplab_core.testing.recipe_kit.folders import Style

LONG = r"""
  folded:
    cmd: >-
      bash -lc 'if docker ps --format "{{.Names}}" | grep -qx vllm_node; then docker exec vllm_node ray status;
      fi; exec /opt/run-recipe.sh team/first -n 192.0.2.1,192.0.2.2 --tp 2 --port ${PORT} --max-num-seqs 4'
    proxy: http://127.0.0.1:9911
  escaped:
    cmd: "ssh -o BatchMode=yes 192.0.2.1 \"bash -lc \\\"exec /opt/run-recipe.sh x --solo --port 9912\\\"\" -x y"
    proxy: http://192.0.2.1:9912
  literal:
    cmd: |
      bash -lc 'if true; then
        echo "it is"; fi
      exec my-server --port 9913'
    proxy: http://127.0.0.1:9913
"""
MACROS = """\
macros:
  reset: |
    if docker ps | grep -q vllm_node; then
      docker exec vllm_node ray status || ./launch-cluster.sh stop
    fi
"""
USES = "  uses:\n    cmd: bash -lc '${reset}\n      exec my-server --port 9914'\n    proxy: http://127.0.0.1:9914\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    start = recipe_runner(tmp_path, monkeypatch)
    start.kit.folder("spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM, "other.yaml": VLLM})
    start.kit.folder("spark-llama-cpp", Style.LLAMACPP, {"tiny.yaml": LLAMACPP})
    return start


def test_long_commands_keep_the_form_in_which_they_were_written(run):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small", extraArgs="--long " + "word " * 60)
        assert LONG.strip("\n") in api.text
        assert (await api.model("chat"))["extraArgsList"] == ["--long", *["word"] * 60]
        await api.ask("DELETE", "/api/recipes/models/chat")
        assert LONG.strip("\n") in api.text

    run(scenario, config=CONFIG + LONG.lstrip("\n"))


def test_a_macro_of_several_lines_stays_as_it_is_from_the_first_edit_to_the_last(run):
    async def scenario(api):
        for step in ("create", "change"):
            await api.upsert("chat", recipeRef="small", description=step)
            assert MACROS in api.text
        await api.ask("DELETE", "/api/recipes/models/chat")
        assert MACROS in api.text
        command = api.lab.lab.launches.config.models["uses"].options.cmd
        assert command[:2] == ("bash", "-lc")
        assert command[2].startswith("if docker ps | grep -q vllm_node; then\n")

    run(scenario, config=MACROS + CONFIG + USES)


def test_text_that_no_shell_can_read_is_told_at_its_line_and_not_saved(run):
    broken = USES.replace("exec my-server", "done my-server")

    async def scenario(api):
        text = api.text
        editor = await api.ask("GET", "/api/config/editor")
        body = {"content": text + broken, "revision": editor["revision"]}
        checked = await api.ask("POST", "/api/config/validate", {"content": text + broken})
        assert "invalid bash -lc payload" in str(checked)
        answer = await api.lab.put("/api/config/editor", body)
        assert answer.status in {400, 422}
        assert "invalid bash -lc payload" in answer.text
        assert f'"line":{text.count(chr(10)) + 2}' in answer.text.replace(" ", "")
        assert api.text == text

    run(scenario, config=MACROS + CONFIG)


def test_a_mistake_that_was_there_before_stands_in_the_way_of_no_other_edit(run):
    broken = USES.replace("exec my-server", "done my-server")

    async def scenario(api):
        await api.upsert("chat", recipeRef="small")
        assert "chat" in api.config["models"]

    run(scenario, config=MACROS + CONFIG + broken)


def test_what_is_of_one_engine_is_written_for_that_engine_only(run):
    async def scenario(api):
        await api.upsert("tiny", recipeRef="tiny", hotSwap=True)
        entry = api.config["models"]["tiny"]
        assert entry["backend"] == "llamacpp"
        assert not [key for key in entry["metadata"]["recipe_ui"] if key.startswith("runtime_cache_policy")]
        assert (await api.model("tiny"))["hotSwap"] is False
        spec = await api.lab.lab.launches.spec("tiny")
        assert "torchinductor" not in str(spec.env)

    run(scenario)


class Sparks:
    """Two machines, each with an address on the fast network and another for everything else."""

    @hookimpl
    def swaplab_nodes(self):
        for number in (1, 2):
            own = (f"203.0.113.{number}", f"198.51.100.{number}")
            yield Node(NodeId(f"spark{number}"), f"Spark {number}", "ssh", f"198.18.0.{number}", addresses=own)


def test_machines_are_named_by_their_ids_and_reach_each_other_over_the_fast_network(run):
    async def scenario(api):
        await api.upsert("wide", recipeRef="small", nodes=["spark2", "spark1"], tensorParallel=2)
        shown = await api.ask("POST", "/api/recipes/preview", {"modelId": "wide", "recipeRef": "small"})
        assert shown["argv"][2:4] == ["-n", "203.0.113.2,203.0.113.1"]
        assert (shown["node"], shown["url"][:19]) == ("spark2", "http://198.18.0.2:8"), "it is started on its head"
        assert shown["before"][0]["argv"][:3] == ["./launch-cluster.sh", "-n", "203.0.113.2,203.0.113.1"]
        await api.upsert("pinned", recipeRef="small", nodes="198.51.100.1")
        shown = await api.ask("POST", "/api/recipes/preview", {"modelId": "pinned", "recipeRef": "small"})
        assert (shown["node"], shown["argv"][2]) == ("spark1", "--solo")

    run(scenario, plugins={"sparks": Sparks()})


def test_what_will_happen_is_what_is_written(run):
    async def scenario(api):
        for nodes, runs, where in ((["spark2"], "--solo", "spark2"), (["spark1", "spark2"], "-n", "spark1")):
            form = {"modelId": "chat", "nodes": nodes}
            asked = {"input": form, "target": "spark-vllm-docker:small.yaml"}
            plan = await api.ask("POST", "/api/actions/recipes:make_model?dry_run=1", asked)
            [step] = plan["commands"]
            assert f" {runs} " in step["command"]
            assert step["title"] == f"write chat into the configuration, to run on {where}"

    run(scenario, plugins={"sparks": Sparks()})


def test_what_will_happen_says_what_macros_stand_for_and_which_machines_nobody_knows(run):
    async def planned(api, **form):
        asked = {"input": {"modelId": "chat", **form}, "target": "spark-vllm-docker:small.yaml"}
        return await api.ask("POST", "/api/actions/recipes:make_model?dry_run=1", asked)

    async def scenario(api):
        plan = await planned(api, mode="cluster", extraArgs="${more} --last")
        assert " -n 203.0.113.1,203.0.113.2 " in plan["commands"][0]["command"]
        assert plan["commands"][0]["command"].endswith(" -- --first 'a b' --last")
        assert "nodes: ${vllm_nodes}" in plan["files"][0]["diff"]
        assert plan["warnings"] == []
        for nodes, fate in ((["spark9"], "it will not start there"), (["spark1", "x"], "it is taken for a host name")):
            [warning] = (await planned(api, nodes=nodes))["warnings"]
            assert warning == f"{nodes[-1]} is no enrolled machine: {fate} (enrolled: spark1, spark2)"

    macros = "macros:\n  vllm_nodes: spark1,${second}\n  second: spark2\n  more: --first 'a b'\n"
    run(scenario, config=macros + CONFIG, plugins={"sparks": Sparks()})


def test_a_wrong_field_is_told_at_its_field(run):
    async def scenario(api):
        form = {"modelId": "bad name", "containerImage": "Bad!"}
        for wrong, path in ((form, "/modelId"), ({**form, "modelId": "good"}, "/containerImage")):
            asked = {"input": wrong, "target": "spark-vllm-docker:small.yaml"}
            refused = await api.ask("POST", "/api/actions/recipes:make_model?dry_run=1", asked, status=422)
            assert [field["path"] for field in refused["error"]["fields"]] == [path]

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"recipeRef": "small", "mode": "solo"},
            "mode: 2 nodes run as a cluster, not solo: choose one node, or mode cluster",
        ),
        ({"recipeRef": "alone"}, "nodes: recipe alone is solo_only and cannot run on 2 nodes: name one"),
    ],
)
def test_several_nodes_are_not_left_out_without_a_word(run, fields, message):
    alone = VLLM.replace("container:", "solo_only: true\ncontainer:")
    run.kit.folder("spark-vllm-docker", Style.GEN2, {"alone.yaml": alone})

    async def scenario(api):
        assert (await api.upsert("chat", status=400, nodes="a,b", **fields))["detail"] == message

    run(scenario)


def test_deleting_a_model_alone_leaves_its_recipe_and_the_other_models_of_it(run):
    async def scenario(api):
        for model in ("a", "b"):
            await api.upsert(model, recipeRef="small")
        state = await api.ask("DELETE", "/api/recipes/models/a")
        assert [model["modelId"] for model in state["models"]] == ["b"]
        assert not (await api.model("b"))["orphaned"]
        await api.ask("DELETE", "/api/recipes/models/mine")
        assert list(api.config["models"]) == ["b"], "one that nobody manages can go as well"

    run(scenario)


def test_a_model_that_grows_over_one_node_goes_to_the_nodes_of_its_backend(run):
    async def scenario(api):
        await api.upsert("chat", recipeRef="small", nodes="spark2")
        assert (await api.model("chat"))["mode"] == "solo"
        await api.upsert("chat", tensorParallel=2, mode="cluster", nodes="")
        model = await api.model("chat")
        assert (model["mode"], model["nodes"], model["node"], model["group"]) == (
            "cluster",
            "${vllm_nodes}",
            "",
            "managed-recipes",
        )
        spec = await api.lab.lab.launches.spec("chat")
        assert spec.argv[2:6] == ("-n", "n1,n2", "--tp", "2")
        stops = [step.command.argv for step in spec.before]
        assert stops[0][:3] == ("./launch-cluster.sh", "-n", "n1,n2"), "nothing is taken over from an unknown cluster"

    run(scenario, config=f"macros:\n  vllm_nodes: n1,n2\n{CONFIG}")
