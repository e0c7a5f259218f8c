"""The nine recipes and the ten bad ones of the test data, all at once, as the API tells and runs them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from recipe_api import recipe_runner

from swaplab_core.testing.recipe_kit.folders import Style

FIXTURES = Path(__file__).parents[2] / "fixtures" / "recipes"
FOLDERS = {
    "spark-vllm-docker": (Style.GEN2, "f01* f02* 3x-nodes/f03* f04* f05* f06*"),
    "spark-llama-cpp": (Style.LLAMACPP, "f07*"),
    "spark-sglang-docker": (Style.GEN1, "f08*"),
    "spark-trtllm-docker": (Style.GEN1, "f09*"),
}
BAD = {
    "bad-a": "missing required field `container`",
    "bad-b": "{prot}, which defaults do not define (did you mean {port}?)",
    "bad-c": "double the braces of JSON",
    "bad-d": "{port.__class__.__mro__} is no plain placeholder",
    "bad-f": "'container' is written twice, first in line 4",
    "bad-h": "solo_only and cluster_only together can never run",
    "bad-j": "a recipe is a mapping of keys",
}
ODD = {
    "bad-e": "uses a YAML anchor",
    "bad-g": "schema '9' is newer than what is known here",
    "bad-i": "DEMO expands inside the container",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    start = recipe_runner(tmp_path, monkeypatch)
    for name, (style, globs) in FOLDERS.items():
        files = [file for pattern in globs.split() for file in FIXTURES.glob(pattern)]
        start.kit.folder(name, style, {str(file.relative_to(FIXTURES)): file.read_text() for file in files})
    return start


def said(recipe):
    return "\n".join(f"{problem['message']} ({problem['advice']})" for problem in recipe["problems"])


async def preview(api, identity, **fields):
    return await api.ask("POST", "/api/recipes/preview", {"recipeRef": identity, **fields})


async def refused(api, identity, **fields):
    return (await api.upsert("m", recipeRef=identity, status=400, **fields))["error"]


def test_the_recipes_of_vllm(run):
    async def scenario(api):
        found = {recipe["id"][:3]: recipe for recipe in (await api.state())["recipes"]}
        vllm = [found[f"f0{number}"] for number in range(1, 7)]
        assert {(recipe["driver"], recipe["backend"]) for recipe in vllm} == {("vllm", "spark-vllm-docker")}
        assert all(recipe["usable"] for recipe in vllm)

        solo = found["f01"]
        assert (solo["soloOnly"], solo["engine"]) == (True, "vllm")
        assert "the command does not use `tensor_parallel`" in said(solo)
        shown = await preview(api, solo["identity"])
        assert "--gpu-memory-utilization 0.7 " in shown["rendered"]
        assert "-n" not in shown["argv"]
        assert "solo_only" in await refused(api, solo["identity"], mode="cluster", nodes="a,b")

        wide = found["f02"]
        assert (wide["clusterOnly"], wide["defaultTensorParallel"]) == (True, 2)
        more = {"nodes": "n1,n2", "extraArgs": ["--max-num-seqs", "8"]}
        shown = await preview(api, wide["identity"], **more)
        words = shlex.split(shown["rendered"].replace("\\\n", " "))
        assert words[-1] == '{"method":"mtp","num_speculative_tokens":3}'
        assert shown["argv"][-3:] == ["--", "--max-num-seqs", "8"], "it has no flag of its own"
        assert "cluster_only" in await refused(api, wide["identity"], mode="solo")

        deep = found["f03"]
        assert (deep["relativePath"], deep["ref"]) == ("3x-nodes/f03-vllm-pp3.yaml", "3x-nodes/f03-vllm-pp3")
        assert (deep["clusterOnly"], deep["defaultTensorParallel"]) == (True, 1)
        assert "the launcher does not read -pp=3" in said(deep)
        shown = await preview(api, deep["identity"], nodes="a,b,c")
        assert shown["argv"][1:4] == ["recipes/3x-nodes/f03-vllm-pp3.yaml", "-n", "a,b,c"]

        newer = found["f04"]
        assert newer["extraKeys"] == ["benchmark", "pull_image"]
        assert newer["containerImage"] == "vllm/vllm-openai:demo-flash-next"
        assert "mods/demo-parser is not in spark-vllm-docker" in said(newer)
        assert (
            "vllm serve Demo/Demo-Flash-Next " in (await preview(api, newer["identity"], nodes="a,b,c,d"))["rendered"]
        )

        sleeper = found["f05"]
        assert not (await preview(api, sleeper["identity"]))["sleeps"], "only where its entry asks for it"
        assert (await preview(api, sleeper["identity"], options={"sleepLevel": 1}))["sleeps"]

        images = found["f06"]
        assert images["engine"] == "uvicorn"
        assert "uvicorn, not vLLM" in said(images)
        assert "checkEndpoint" in said(images)

    run(scenario)


def test_the_recipes_of_the_other_engines(run):
    async def scenario(api):
        found = {recipe["id"][:3]: recipe for recipe in (await api.state())["recipes"]}
        gguf, sglang, trtllm = (found[name] for name in ("f07", "f08", "f09"))
        assert [recipe["driver"] for recipe in (gguf, sglang, trtllm)] == ["llamacpp", "sglang", "trtllm"]
        assert all(recipe["usable"] for recipe in (gguf, sglang, trtllm))

        assert (gguf["format"], gguf["ref"]) == ("llamacpp", "autogen/demo-120b-gguf-auto")
        assert "part 00002 is not where the model begins (name part 00001; it is used anyway)" in said(gguf)
        shown = await preview(api, gguf["identity"])
        assert shown["argv"][:3] == ["./run-recipe.sh", "recipes/f07-llamacpp-fork.yaml", "--solo"]
        assert "llama-server" not in shown["argv"], "its command is the runner's business"

        assert sglang["format"] == "schema2"
        shown = await preview(api, sglang["identity"], nodes="n1,n2")
        text = shlex.join(word for step in [shown, *shown["before"], *shown["after"]] for word in step["argv"])
        for words in ("--context-length 65536", "--tp-size 2", "--mem-fraction-static 0.8", "--trust-remote-code"):
            assert words in text
        assert "--restart" not in text or "--rm" not in text
        assert "HF_TOKEN=" not in str(shown).replace("'HF_TOKEN': ''", "")
        for nodes, count in (("n1", 1), ("n1,n2,n3", 3)):
            why = await refused(api, sglang["identity"], mode="cluster", nodes=nodes)
            assert f"runs on 2 nodes, not on {count}" in why

        shown = await preview(api, trtllm["identity"], nodes="n1,n2")
        assert "trtllm-serve nvidia-demo/Demo-235B-FP4" in shown["rendered"]
        assert "8355" in shown["rendered"] or "--port" in str(shown["argv"])

    run(scenario)


def test_the_bad_ones_are_listed_with_their_reason_and_not_saved(run):
    folder = run.kit.root / "backend" / "spark-vllm-docker" / "recipes"
    for name in (*BAD, *ODD):
        (folder / f"{name}.yaml").write_text((FIXTURES / "bad" / f"{name}.yaml").read_text())

    async def scenario(api):
        found = {recipe["id"]: recipe for recipe in (await api.state())["recipes"]}
        for name, message in (BAD | ODD).items():
            assert message in said(found[name]), name
            assert found[name]["usable"] is (name in ODD), name
        for name, message in BAD.items():
            content = (FIXTURES / "bad" / f"{name}.yaml").read_text()
            body = {"recipeRef": f"mine/{name}", "content": content}
            answer = await api.ask("POST", "/api/recipes/source/create", body, status=400)
            assert message in answer["error"]
        assert not (api.root / "recipes").exists()
        for name in ODD:
            content = (FIXTURES / "bad" / f"{name}.yaml").read_text()
            await api.ask("POST", "/api/recipes/source/create", {"recipeRef": f"mine/{name}", "content": content})
        fix = next(problem for problem in found["bad-c"]["problems"] if "double the braces" in str(problem))
        assert "{{" in fix["advice"]

    run(scenario)
