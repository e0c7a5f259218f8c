"""Idle time, concurrency limits and groups, with simulated engines behind a real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

FOREVER = ("--tokens", "1000000", "--tokens-per-second", "20")


MODELS = {
    "idle": {**sim("--tokens", "30", "--tokens-per-second", "20"), "ttl": 1},
    "narrow": {**sim(*FOREVER), "concurrencyLimit": 2},
    "stuck": {**sim("--never-ready"), "concurrencyLimit": 3},
    **{name: sim("--say", name) for name in ("pair-a", "pair-b", "kept", "guest-a", "guest-b", "lone", "another")},
    "brief": sim("--tokens", "12", "--tokens-per-second", "20"),
    "chatty": sim("--log-bytes", str(200 * 2**20), "--say", "still here"),
    "at-once": {**sim("--bind-late", "--hang-on-health"), "checkEndpoint": "none"},
    "elsewhere": {**sim("--bind-late", "--hang-on-health"), "checkEndpoint": "/sim/status/200"},
    "told": {
        "cmd": sim()["cmd"] + " --say ${greeting} --model ${MODEL_ID}",
        "env": ["A=1", "B=x=y"],
        "macros": {"greeting": "hello"},
    },
}
GROUPS = {
    "pair": {"swap": False, "members": ["pair-a", "pair-b"]},
    "forever": {"persistent": True, "exclusive": False, "members": ["kept"]},
    "guests": {"exclusive": False, "members": ["guest-a", "guest-b"]},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("limits"), MODELS, groups=GROUPS) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def running(swaplab: Swaplab) -> set[str]:
    return {model for model, record in swaplab.models().items() if record["state"] != "stopped"}


def test_an_idle_model_is_unloaded_after_its_time_and_not_while_it_streams(swaplab):
    assert len(swaplab.stream("idle")) > 30, "a stream of one and a half seconds"

    swaplab.wait_for("idle", state="stopped", pid=None)
    swaplab.wait_for_log("idle: stopping, idle for 1 s")
    assert swaplab.whole_log().count("idle: stopping") == 1


def test_a_model_without_a_time_takes_the_global_one(serve):
    swaplab = serve({"idle": sim()}, globalTTL=1)
    swaplab.chat("idle")

    swaplab.wait_for("idle", state="stopped")


def test_requests_above_the_concurrency_limit_are_429_and_the_others_are_served(swaplab):
    with swaplab.streaming("narrow"), swaplab.streaming("narrow"):
        refusal = swaplab.chat("narrow")

    assert (refusal.status, refusal.error["code"]) == (429, "too-many-requests")
    assert refusal.error["type"] == "rate_limit_error"
    assert "narrow has 2 requests running or waiting, its limit is 2" in refusal.error["message"]
    assert int(refusal.headers["Retry-After"]) >= 1
    swaplab.wait_for("narrow", serving=0)
    assert swaplab.chat("narrow", max_tokens=1).status == 200


def test_requests_that_wait_for_a_load_count_too(swaplab):
    with ExitStack() as queue:
        for _ in range(3):
            queue.enter_context(swaplab.waiting("stuck"))
        assert swaplab.chat("stuck").status == 429


def test_members_of_a_group_without_swap_run_together_and_push_the_others_out(swaplab):
    for model in ("lone", "pair-a", "pair-b"):
        swaplab.chat(model)
    together = running(swaplab)
    swaplab.chat("lone")

    assert together == {"pair-a", "pair-b"}
    assert running(swaplab) == {"lone"}


def test_a_persistent_group_is_not_pushed_out(swaplab):
    for model in ("kept", "lone", "another"):
        swaplab.chat(model)

    assert running(swaplab) == {"kept", "another"}
    assert swaplab.starts() == ["kept", "lone", "another"]


def test_a_group_that_is_not_exclusive_leaves_the_others_alone(swaplab):
    swaplab.chat("lone")
    swaplab.chat("guest-a")
    beside = running(swaplab)
    swaplab.chat("guest-b")

    assert beside == {"lone", "guest-a"}
    assert running(swaplab) == {"lone", "guest-b"}


def test_a_swap_waits_for_the_streams_of_who_must_go(swaplab):
    with swaplab.streaming("brief") as response, ThreadPoolExecutor() as clients:
        answer = clients.submit(swaplab.chat, "lone")
        swaplab.wait_for("lone", waiting=1)
        assert b"[DONE]" in response.read(), "not cut short"

        assert answer.result().said == "lone"


def test_a_stop_command_is_run_and_the_grace_ends_in_a_kill(serve, tmp_path):
    told = tmp_path / "told"
    entry = {**sim("--ignore-term"), "cmdStop": f"sh -c 'echo ${{PID}} > {told}'", "unloadTimeout": 1}
    swaplab = serve({"stubborn": entry, "next": sim("--say", "next")})
    swaplab.chat("stubborn")
    pid = swaplab.model("stubborn")["pid"]

    assert swaplab.chat("next").said == "next"

    assert told.read_text() == f"{pid}\n"
    assert pid not in swaplab.living()


def test_readiness_is_what_the_entry_says(swaplab):
    assert swaplab.ask("POST", "/api/models/load/at-once").json()["state"] == "ready"
    assert swaplab.chat("elsewhere").status == 200


def test_env_and_macros_reach_the_engine(swaplab):
    environment = swaplab.ask("GET", "/upstream/told/env").json()

    assert swaplab.chat("told").said == "hello"
    assert (environment["A"], environment["B"]) == ("1", "x=y")
    assert swaplab.ask("GET", "/upstream/told/sim/state").json()["model"] == "told"


def test_a_flood_of_log_lines_does_not_slow_the_answers(swaplab):
    assert swaplab.chat("chatty").said == "still here"
    assert len(swaplab.log()) < 20_000, "engines' output is not in ours"
