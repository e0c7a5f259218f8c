"""Models that sleep: a swap wakes instead of starting, and nobody is served by an engine that is not itself."""

from __future__ import annotations

import pytest
from running_swaplab import running_swaplab

from swaplab_core.testing.recipe_kit.folders import Style, make_kit

SLEEPY = """\
recipe_version: "1"
name: Sleepy
model: org/small
container: vllm-node
solo_only: true
defaults: {port: 8000, host: 127.0.0.1}
env:
  VLLM_SERVER_DEV_MODE: "1"
command: |
  vllm serve org/small --host {host} --port {port} --enable-sleep-mode
"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """One daemon; each model is told how its engine sleeps."""
    folder = tmp_path_factory.mktemp("sleep")
    kit = make_kit(folder)

    def entry(sim="", **options):
        plain = {"backend": "vllm", "model": "org/small", "sleepLevel": 1, **options}
        return {**plain, "env": [f"SWAPLAB_KIT_SIM={sim}"]}

    models = {
        "a": entry(),
        "b": entry(),
        "stubborn": entry("--wake-fails"),
        "lost": entry("--forgets-in-sleep"),
        "awake": entry("--sleep-fails"),
        "tired": entry(sleepCycles=1),
    }
    with running_swaplab(folder, models, env=kit.env) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(engines):
    return engines.renew()


def states(swaplab, *models):
    return [swaplab.model(model)["state"] for model in models]


def test_a_swap_takes_sleep_and_wake(swaplab):
    for model in ("a", "b", "a"):
        assert swaplab.chat(model).said

    assert states(swaplab, "a", "b") == ["ready", "asleep"]
    assert swaplab.starts() == ["a", "b"]
    asked = " ".join(call["target"] for call in swaplab.sim_requests("a"))
    assert "/sleep?level=1&mode=wait" in asked
    assert asked.endswith("/wake_up /v1/completions /v1/chat/completions")


def test_an_engine_that_does_not_wake_is_started_afresh_and_its_client_is_served(swaplab):
    for model in ("stubborn", "b", "stubborn"):
        assert swaplab.chat(model).said

    assert swaplab.starts() == ["stubborn", "b", "stubborn"]
    swaplab.wait_for_log("stubborn would not wake: /wake_up answered 500")


def test_an_engine_that_wakes_up_as_somebody_else_is_started_afresh(swaplab):
    for model in ("lost", "b", "lost"):
        assert "forgot" not in swaplab.chat(model).said

    assert swaplab.starts() == ["lost", "b", "lost"]
    swaplab.wait_for_log("lost answers otherwise than before its sleep")


def test_an_engine_that_does_not_fall_asleep_is_stopped_instead(swaplab):
    for model in ("awake", "b"):
        assert swaplab.chat(model).said

    assert states(swaplab, "awake", "b") == ["stopped", "ready"]


def test_after_so_many_sleeps_the_engine_is_started_afresh(swaplab):
    for model in ("tired", "b", "tired", "b"):
        assert swaplab.chat(model).said
    assert states(swaplab, "tired", "b") == ["stopped", "ready"]
    assert swaplab.chat("tired").said

    assert swaplab.starts() == ["tired", "b", "tired"]


def test_recipes_that_can_sleep_do_so_in_their_containers(lab, kit):
    kit.folder("spark-vllm-docker", Style.GEN2, {f"{name}.yaml": SLEEPY for name in ("a", "b")})
    running = lab()
    for name in ("a", "b"):
        asked = {"modelId": name, "recipeRef": name, "options": {"sleepLevel": 1}}
        running.call("POST", "/api/recipes/models", asked)
    for name in ("a", "b", "a"):
        assert running.swaplab.chat(name).said

    assert running.swaplab.starts() == ["a", "b"]
    assert len(running.kit.containers()) == 2
