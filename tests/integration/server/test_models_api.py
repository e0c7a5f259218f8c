"""Listing, loading, unloading and planning, over HTTP, with simulated engines."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

MODELS = {
    "org/small": {
        **sim("--model", "org/small"),
        "aliases": ["s", "the small one"],
        "name": " Small ",
        "env": ["TOKEN=hush"],
    },
    "big": {**sim("--model", "big"), "description": "the big one", "ttl": 60},
    "hidden": {**sim("--model", "hidden"), "unlisted": True},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("models-api"), MODELS) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def test_a_model_is_unloaded_by_id_and_by_alias(swaplab):
    for path in ("org/small", "org%2Fsmall", "s", "the%20small%20one"):
        swaplab.ask("POST", "/api/models/load/s")

        answer = swaplab.ask("POST", f"/api/models/unload/{path}")

        assert (answer.status, answer.text) == (200, "OK")
        assert swaplab.model("org/small")["state"] == "stopped"


def test_unloading_one_model_leaves_the_other_alone(swaplab):
    swaplab.chat("big")

    assert swaplab.ask("POST", "/api/models/unload/s").status == 200

    assert swaplab.model("big")["state"] == "ready"


def test_unloading_an_unknown_model_is_404_and_says_what_there_is(swaplab):
    answer = swaplab.ask("POST", "/api/models/unload/org/smal")

    assert answer.status == 404
    assert answer.error["code"] == "unknown-model"
    assert "'org/smal'" in answer.error["message"]
    assert "did you mean 'org/small'" in answer.error["message"]


def test_the_list_is_sorted_and_leaves_the_unlisted_out(swaplab):
    listing = swaplab.ask("GET", "/v1/models").json()["data"]

    assert [model["id"] for model in listing] == ["big", "org/small"]
    assert listing[0]["description"] == "the big one"
    assert listing[1]["name"] == "Small"
    assert listing[1]["meta"]["llamaswap"]["aliases"] == ["s", "the small one"]
    assert all(model["object"] == "model" and model["created"] > 0 for model in listing)


def test_an_unlisted_model_serves_all_the_same(swaplab):
    assert swaplab.chat("hidden").status == 200


def test_running_models_are_told_in_the_shape_of_llama_swap(swaplab):
    swaplab.chat("big")

    (running,) = swaplab.ask("GET", "/running").json()["running"]

    assert running.keys() == {"model", "state", "cmd", "proxy", "ttl", "name", "description"}
    assert (running["state"], running["ttl"], running["description"]) == ("ready", 60, "the big one")


def test_loading_answers_when_the_model_is_ready(swaplab):
    answer = swaplab.ask("POST", "/api/models/load/the%20small%20one")

    record = answer.json()
    assert (record["id"], record["state"]) == ("org/small", "ready")
    assert record["pid"] in swaplab.living()


def test_one_model_is_told_with_its_command_its_uses_and_only_the_names_of_its_environment(swaplab):
    before = swaplab.ask("GET", "/api/models/s").json()
    swaplab.chat("org/small")

    record = swaplab.ask("GET", "/api/models/the%20small%20one").json()

    assert (record["id"], record["state"], record["groups"]) == ("org/small", "ready", [])
    assert "--model org/small" in record["command"]
    assert record["environment"] == ["TOKEN"]
    assert "hush" not in swaplab.ask("GET", "/api/models/s").text
    assert record["requests"] == before["requests"] + 1
    assert record["last_used"] > (before["last_used"] or 0)
    assert record["load_seconds"] > 0


def test_a_plan_says_what_a_request_would_do_and_does_nothing(swaplab):
    swaplab.chat("big")

    plan = swaplab.ask("POST", "/api/plan", json_body={"model": "s"}).json()

    assert (plan["model"], plan["verdict"], plan["starts"]) == ("org/small", "after-swap", ["org/small"])
    assert [(gone["model"], gone["to"]) for gone in plan["evictions"]] == [("big", "stopped")]
    assert swaplab.starts() == ["big"]


def test_what_a_model_took_of_the_memory_is_known_after_a_load_and_told_with_a_plan(swaplab):
    swaplab.chat("s")
    learned = wait_until(
        lambda: found if (found := swaplab.ask("GET", "/api/memory").json())["models"]["org/small"]["now"] else None,
        "the memory of a running model",
    )
    assert learned["places"]["system"]["total_bytes"] > learned["places"]["system"]["free_bytes"] > 0
    assert learned["models"]["org/small"]["now"]["system"] > 2**20
    swaplab.chat("big")
    plan = swaplab.ask("POST", "/api/plan", json_body={"model": "s"}).json()
    assert (plan["memory"]["basis"], plan["memory"]["fits"]) == ("measured", True)
    assert plan["memory"]["places"][0]["needs_bytes"] > 2**20
    assert learned["models"].keys() == swaplab.models().keys()


def test_how_a_model_would_be_launched_is_told_before_it_runs(swaplab):
    launch = swaplab.ask("GET", "/api/models/s").json()["launch"]
    assert "--model org/small" in launch["command"]
    assert (launch["environment"], launch["stop"]) == (["TOKEN"], "SIGTERM")


def test_the_version_is_told(swaplab):
    told = swaplab.ask("GET", "/api/version").json()

    assert told.keys() == {"version", "commit", "build_date"}
    assert told["version"] == importlib.metadata.version("swaplab-core")


def test_installed_plugins_are_listed_with_their_state(swaplab):
    plugins = swaplab.ask("GET", "/api/plugins").json()["plugins"]

    command = next(plugin for plugin in plugins if plugin["name"] == "command")
    assert (command["group"], command["state"], command["distribution"]) == ("swaplab.backends", "ok", "swaplab-core")
