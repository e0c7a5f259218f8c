"""Idle time, concurrency limits and groups, with simulated engines behind a real daemon."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from running_swaplab import Swaplab, sim

FOREVER = ("--tokens", "1000000", "--tokens-per-second", "20")


def running(swaplab: Swaplab) -> set[str]:
    return {model for model, record in swaplab.models().items() if record["state"] != "stopped"}


def test_an_idle_model_is_unloaded_after_its_time_and_not_while_it_streams(serve):
    swaplab = serve({"idle": {**sim("--tokens", "30", "--tokens-per-second", "20"), "ttl": 1}})

    assert len(swaplab.stream("idle")) > 30, "a stream of one and a half seconds"

    swaplab.wait_for("idle", state="stopped", pid=None)
    swaplab.wait_for_log("idle: stopping, idle for 1 s")
    assert swaplab.log().count("stopping") == 1


def test_a_model_without_a_time_takes_the_global_one(serve):
    swaplab = serve({"idle": sim()}, globalTTL=1)
    swaplab.chat("idle")

    swaplab.wait_for("idle", state="stopped")


def test_requests_above_the_concurrency_limit_are_429_and_the_others_are_served(serve):
    swaplab = serve({"narrow": {**sim(*FOREVER), "concurrencyLimit": 2}})

    with swaplab.streaming("narrow"), swaplab.streaming("narrow"):
        refusal = swaplab.chat("narrow")

    assert (refusal.status, refusal.error["code"]) == (429, "too-many-requests")
    assert refusal.error["type"] == "rate_limit_error"
    assert "narrow has 2 requests running or waiting, its limit is 2" in refusal.error["message"]
    assert int(refusal.headers["Retry-After"]) >= 1
    swaplab.wait_for("narrow", serving=0)
    assert swaplab.chat("narrow", max_tokens=1).status == 200


def test_requests_that_wait_for_a_load_count_too(serve):
    swaplab = serve({"slow": {**sim("--never-ready"), "concurrencyLimit": 3}})

    with ExitStack() as queue:
        for _ in range(3):
            queue.enter_context(swaplab.waiting("slow"))
        assert swaplab.chat("slow").status == 429


def test_members_of_a_group_without_swap_run_together_and_push_the_others_out(serve):
    models = {name: sim("--say", name) for name in ("a", "b", "lone")}
    swaplab = serve(models, groups={"pair": {"swap": False, "members": ["a", "b"]}})

    swaplab.chat("lone")
    for model in ("a", "b"):
        swaplab.chat(model)
    together = running(swaplab)
    swaplab.chat("lone")

    assert together == {"a", "b"}
    assert running(swaplab) == {"lone"}


def test_a_persistent_group_is_not_pushed_out(serve):
    models = {name: sim() for name in ("kept", "a", "b")}
    swaplab = serve(models, groups={"forever": {"persistent": True, "exclusive": False, "members": ["kept"]}})

    for model in ("kept", "a", "b"):
        swaplab.chat(model)

    assert running(swaplab) == {"kept", "b"}
    assert swaplab.starts() == ["kept", "a", "b"]


def test_a_group_that_is_not_exclusive_leaves_the_others_alone(serve):
    models = {name: sim() for name in ("guest", "other", "lone")}
    swaplab = serve(models, groups={"guests": {"exclusive": False, "swap": True, "members": ["guest", "other"]}})

    swaplab.chat("lone")
    swaplab.chat("guest")
    beside = running(swaplab)
    swaplab.chat("other")

    assert beside == {"lone", "guest"}
    assert running(swaplab) == {"lone", "other"}


def test_a_swap_waits_for_the_streams_of_who_must_go(serve):
    swaplab = serve({"old": sim("--tokens", "12", "--tokens-per-second", "20"), "new": sim("--say", "new")})

    with swaplab.streaming("old") as response, ThreadPoolExecutor() as clients:
        answer = clients.submit(swaplab.chat, "new")
        swaplab.wait_for("new", waiting=1)
        assert b"[DONE]" in response.read(), "not cut short"

        assert answer.result().said == "new"


def test_a_stop_command_is_run_and_the_grace_ends_in_a_kill(serve, tmp_path):
    told = tmp_path / "told"
    entry = {**sim("--ignore-term"), "cmdStop": f"sh -c 'echo ${{PID}} > {told}'", "unloadTimeout": 1}
    swaplab = serve({"stubborn": entry, "next": sim("--say", "next")})
    swaplab.chat("stubborn")
    pid = swaplab.model("stubborn")["pid"]

    assert swaplab.chat("next").said == "next"

    assert told.read_text() == f"{pid}\n"
    assert pid not in swaplab.living()


@pytest.mark.parametrize("endpoint", ["none", "/sim/status/200"])
def test_readiness_is_what_the_entry_says(serve, endpoint):
    swaplab = serve({"odd": {**sim("--bind-late", "--hang-on-health"), "checkEndpoint": endpoint}})

    if endpoint == "none":
        assert swaplab.ask("POST", "/api/models/load/odd").json()["state"] == "ready"
    else:
        assert swaplab.chat("odd").status == 200


def test_env_and_macros_reach_the_engine(serve):
    entry = {
        "cmd": sim()["cmd"] + " --say ${greeting} --model ${MODEL_ID}",
        "env": ["A=1", "B=x=y"],
        "macros": {"greeting": "hello"},
    }
    swaplab = serve({"told": entry})

    environment = swaplab.ask("GET", "/upstream/told/env").json()

    assert swaplab.chat("told").said == "hello"
    assert (environment["A"], environment["B"]) == ("1", "x=y")
    assert swaplab.ask("GET", "/upstream/told/sim/state").json()["model"] == "told"


def test_a_flood_of_log_lines_does_not_slow_the_answers(serve):
    swaplab = serve({"chatty": sim("--log-bytes", str(200 * 2**20), "--say", "still here")})

    assert swaplab.chat("chatty").said == "still here"
    assert len(swaplab.log()) < 10_000
