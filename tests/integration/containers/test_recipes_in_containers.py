"""Models made of recipes, in real containers: one container each, or exchanged inside one that stays up."""

from __future__ import annotations

import json

import pytest
from running_swaplab import running_swaplab

from swaplab_core.testing.waiting import wait_until

RUNNER = """\
#!/usr/bin/env bash
# A runner of the first kind: it starts one container for one recipe, under the name and with the options it is given.
recipe=$1; shift
while [ $# -gt 0 ]; do
    case "$1" in
        --name) name=$2; shift 2 ;;
        --port) port=$2; shift 2 ;;
        --host) host=$2; shift 2 ;;
        --tp | -t) shift 2 ;;
        *) shift ;;
    esac
done
image=$(sed -n 's/^container: *//p' "$recipe")
model=$(sed -n 's/^model: *//p' "$recipe")
exec docker run --rm --network host --name "$name" $VLLM_SPARK_EXTRA_DOCKER_ARGS "$image" \\
    -m "$model" --host "$host" --port "$port" -c 4096 --no-warmup
"""
LAUNCHER = """\
#!/usr/bin/env bash
# A launcher: it starts the container in which engines come and go, and stops it.
while [ $# -gt 0 ]; do
    case "$1" in
        --name) name=$2; shift 2 ;;
        -t) image=$2; shift 2 ;;
        -n) shift 2 ;;
        start | stop) verb=$1; shift ;;
        *) shift ;;
    esac
done
if [ "$verb" = stop ]; then docker rm -f "$name"; exit; fi
[ -n "$(docker ps --quiet --filter "name=^$name$")" ] ||
    docker run --rm -d --network host --name "$name" $VLLM_SPARK_EXTRA_DOCKER_ARGS --entrypoint /bin/sleep \\
        "$image" infinity
"""
RECIPE = """\
recipe_version: "1"
name: {name}
model: {model}
container: tiny-llama:1
runtime: vllm
defaults: {{port: 8000, host: 127.0.0.1}}
command: llama-server -m {model} --host {{host}} --port {{port}} -c 4096 --no-warmup
"""
HELLO, OTHER = "Hello from a container.", "The other one speaks."


@pytest.fixture
def swaplab(engine, tmp_path):
    """A daemon with a folder of two recipes."""
    folder = tmp_path / "backend" / "spark-vllm-docker"
    (folder / "recipes").mkdir(parents=True)
    for name, text in (("run-recipe.sh", RUNNER), ("launch-cluster.sh", LAUNCHER)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for name in ("hello", "other"):
        (folder / "recipes" / f"{name}.yaml").write_text(RECIPE.format(name=name, model=f"/{name}.gguf"))
    home = tmp_path / "home"
    home.mkdir()
    with running_swaplab(tmp_path, {}, env={**engine.environment, "HOME": str(home)}) as daemon:
        yield daemon


def made(swaplab, name, **more):
    answer = swaplab.ask_as_admin("POST", "/api/recipes/models", json_body={"modelId": name, "recipeRef": name, **more})
    assert answer.status == 200, answer.text


def labels(engine, name):
    return json.loads(engine.docker("inspect", "--format", "{{json .Config.Labels}}", name))


def test_a_model_made_of_a_recipe_has_a_container_of_its_own_and_leaves_nothing(engine, swaplab):
    for name in ("hello", "other"):
        made(swaplab, name)
    assert swaplab.chat("hello").said == HELLO
    [first] = engine.containers()
    assert labels(engine, first)["swaplab.model"] == "hello"
    assert swaplab.chat("other").said == OTHER
    [second] = engine.containers()
    assert labels(engine, second)["swaplab.model"] == "other"
    swaplab.ask("GET", "/unload")
    assert engine.containers() == []


def test_models_are_exchanged_inside_a_container_that_stays(engine, swaplab):
    for name in ("hello", "other"):
        made(swaplab, name, mode="cluster", nodes="127.0.0.1,127.0.0.2", hotSwap=True)
    assert swaplab.chat("hello").said == HELLO
    [container] = engine.containers()
    first = engine.docker("inspect", "--format", "{{.Id}}", container)
    assert swaplab.chat("other").said == OTHER
    assert engine.docker("inspect", "--format", "{{.Id}}", container) == first, "the same container, another engine"
    assert engine.docker("top", container).count("llama-server") == 1
    swaplab.ask("GET", "/unload")
    assert "llama-server" not in engine.docker("top", container)
    rows = swaplab.ask_as_admin("GET", "/api/plugins/docker/view/containers").json()["items"]
    assert [(row["name"], row["who"]) for row in rows] == [(container, "stays for the next model")]
    job = swaplab.ask_as_admin("POST", "/api/actions/docker:stop", json_body={"input": {}, "target": rows[0]["id"]})
    assert job.status == 202, job.text
    wait_until(lambda: engine.containers() == [], "the container to be gone")
