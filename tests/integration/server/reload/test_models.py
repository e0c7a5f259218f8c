"""A new configuration while requests run: who is touched, when, and who never notices."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from running_swaplab import sim

from swaplab_core.testing.waiting import wait_until

FOREVER = ("--tokens", "1000000", "--tokens-per-second", "50")
TOGETHER = {"swap": False, "exclusive": False}


def on_port(port: int, *arguments: str) -> dict[str, object]:
    """A model whose engine always listens on this port."""
    entry = sim(*arguments)
    return {"cmd": str(entry["cmd"]).replace("${PORT}", str(port)), "proxy": f"http://127.0.0.1:{port}"}


def still_streams(response) -> bool:
    """Whether new events come; reads what is there."""
    return all(response.readline() for _ in range(20))


def test_a_changed_model_serves_its_last_stream_and_the_next_request_gets_the_new_one(serve):
    swaplab = serve({"m": sim(*FOREVER), "other": sim()})

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("m") as response:
            before = swaplab.wait_for("m", serving=1, stale=False)
            assert swaplab.reload({"m": sim("--say", "new"), "other": sim()}) == "replaced when idle m"
            asked = clients.submit(swaplab.chat, "m")

            during = swaplab.wait_for("m", waiting=1, stale=True)
            assert still_streams(response)
            assert during["pid"] == before["pid"]
        assert asked.result().said == "new"

    after = swaplab.model("m")
    assert (after["stale"], after["base_url"]) == (False, before["base_url"])
    assert swaplab.starts() == ["m", "m"]


def test_a_changed_model_that_is_idle_goes_at_once_and_starts_on_demand(serve):
    swaplab = serve({"m": sim("--say", "old")})
    swaplab.chat("m")

    swaplab.reload({"m": sim("--say", "new")})

    swaplab.wait_for("m", state="stopped")
    assert swaplab.chat("m").said == "new"


def test_replace_at_once_does_not_wait_for_streams(serve):
    swaplab = serve(
        {"m": sim(*FOREVER), "other": sim(*FOREVER)},
        "--replace-at-once",
        groups={"g": {**TOGETHER, "members": ["m", "other"]}},
    )

    with swaplab.streaming("m") as cut, swaplab.streaming("other") as kept:
        swaplab.reload(
            {"m": sim("--say", "new"), "other": sim(*FOREVER)}, groups={"g": {**TOGETHER, "members": ["m", "other"]}}
        )

        assert swaplab.chat("m").said == "new"
        assert b"upstream-died" in drained(cut)
        assert still_streams(kept)


def drained(response) -> bytes:
    """All that comes before the connection breaks."""
    lines = b""
    while line := response.readline():
        lines += line
    return lines


def test_a_removed_model_ends_with_its_last_stream_and_is_unknown_from_then_on(serve):
    swaplab = serve({"m": sim(*FOREVER), "other": sim("--say", "other")})

    with swaplab.streaming("m") as response:
        pid = swaplab.wait_for("m", serving=1)["pid"]
        assert swaplab.reload({"other": sim("--say", "other")}) == "removed m; routing changed"

        assert swaplab.chat("m").status == 404
        assert set(swaplab.models()) == {"other"}
        assert [model["id"] for model in swaplab.ask("GET", "/v1/models").json()["data"]] == ["other"]
        assert still_streams(response)
        assert pid in swaplab.living()
    wait_until(lambda: pid not in swaplab.living(), "its engine to be gone")
    assert swaplab.chat("other").said == "other"


def test_whoever_waits_for_a_removed_model_is_told(serve):
    swaplab = serve({"m": sim("--never-ready"), "other": sim()})

    with swaplab.waiting("m") as answer:
        swaplab.reload({"other": sim()})
        refusal = answer()

    assert (refusal.status, refusal.error["code"]) == (503, "model-unloaded")
    assert "m was removed from the configuration" in refusal.error["message"]


def test_a_renamed_model_on_the_same_fixed_port_waits_for_the_port(serve):
    swaplab = serve({"old": sim(*FOREVER)})
    port = swaplab.ports[5]
    swaplab.reload({"old": on_port(port, *FOREVER)})

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("old") as response:
            swaplab.wait_for("old", serving=1)
            swaplab.reload({"new": on_port(port, "--say", "new")})
            asked = clients.submit(swaplab.chat, "new")
            swaplab.wait_for("new", waiting=1)
            assert still_streams(response)
        assert asked.result().said == "new"


def test_two_models_that_exchange_their_fixed_ports_wait_for_each_other(serve):
    together = {"all": {**TOGETHER, "members": ["a", "b"]}}
    swaplab = serve({"a": sim(), "b": sim()}, groups=together)
    one, two = swaplab.ports[5:7]
    swaplab.reload({"a": on_port(one, "--say", "a"), "b": on_port(two, *FOREVER)}, groups=together)
    assert swaplab.chat("a").said == "a"

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("b") as response:
            swaplab.wait_for("b", serving=1)
            swaplab.reload({"a": on_port(two, "--say", "a"), "b": on_port(one, "--say", "b")}, groups=together)
            asked = clients.submit(swaplab.chat, "a")
            swaplab.wait_for("a", waiting=1)
            assert still_streams(response)
        assert asked.result().said == "a"
    assert swaplab.chat("b").said == "b"
    assert (swaplab.model("a")["base_url"][-5:], swaplab.model("b")["base_url"][-5:]) == (str(two), str(one))


def test_a_model_that_is_inserted_before_the_others_leaves_them_their_ports(serve):
    models = {"m": sim(*FOREVER), "z": sim("--say", "z")}
    together = {"all": {**TOGETHER, "members": list(models)}}
    swaplab = serve(models, groups=together)

    with swaplab.streaming("m") as response:
        before = swaplab.wait_for("m", serving=1)
        swaplab.chat("z")
        now = {"a": sim("--say", "a"), **models}
        said = swaplab.reload(now, groups={"all": {**TOGETHER, "members": list(now)}})

        assert said == "added a; routing changed"
        assert swaplab.chat("a").said == "a"
        assert still_streams(response)
        assert swaplab.model("m")["pid"] == before["pid"]
    assert len({record["base_url"] for record in swaplab.models().values()}) == 3
    assert swaplab.starts() == ["m", "z", "a"]


def test_what_only_concerns_serving_is_followed_without_a_restart(serve):
    plain = sim("--tokens", "8")
    swaplab = serve({"m": plain})
    swaplab.chat("m")
    pid = swaplab.model("m")["pid"]

    said = swaplab.reload(
        {
            "m": {
                **plain,
                "aliases": ["also"],
                "name": "M",
                "useModelName": "theirs",
                "filters": {"setParams": {"max_tokens": 3}},
                "concurrencyLimit": 3,
                "ttl": 1,
                "unloadTimeout": 2,
            }
        }
    )

    assert said == "adjusted m"
    assert swaplab.chat("also").json()["usage"]["completion_tokens"] == 3
    assert json.loads(swaplab.sim_requests("m")[-1]["body"])["model"] == "theirs"
    assert swaplab.model("m")["pid"] == pid
    swaplab.wait_for("m", state="stopped")
    assert swaplab.starts() == ["m"]
    swaplab.wait_for_log("m: stopping, idle for 1 s")


def test_a_shorter_grace_is_that_of_the_engine_that_runs(serve):
    swaplab = serve({"m": {**sim("--ignore-term"), "unloadTimeout": 3600}})
    swaplab.chat("m")

    assert swaplab.reload({"m": {**sim("--ignore-term"), "unloadTimeout": 1}}) == "adjusted m"

    assert swaplab.ask("POST", "/api/models/unload/m").status == 200


def test_a_ttl_that_comes_while_a_model_idles_counts_from_then(serve):
    swaplab = serve({"m": sim()})
    swaplab.chat("m")

    swaplab.reload({"m": {**sim(), "ttl": 1}})

    swaplab.wait_for("m", state="stopped")


def test_groups_become_a_matrix_while_a_stream_runs(serve):
    models = {"a": sim(*FOREVER), "b": sim("--say", "b"), "c": sim("--say", "c")}
    swaplab = serve(models)

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("a") as response:
            pid = swaplab.wait_for("a", serving=1)["pid"]
            waiting = clients.submit(swaplab.chat, "b")
            swaplab.wait_for("b", waiting=1)
            matrix = {"use": "matrix", "settings": {"matrix": {"sets": {"pair": "a & b", "lone": "c"}}}}
            assert swaplab.reload(models, routing={"router": matrix}) == "routing changed"

            assert waiting.result().said == "b", "now they may run together"
            third = clients.submit(swaplab.chat, "c")
            swaplab.wait_for("c", waiting=1)
            assert still_streams(response)
            assert swaplab.model("a")["pid"] == pid
        assert third.result().said == "c"
    assert swaplab.starts() == ["a", "b", "c"]


def test_keys_limits_and_names_are_those_of_the_new_file_at_once(serve):
    swaplab = serve({"m": sim("--say", "m")}, profiles={"p": {"pins": {"x": "m"}}})
    swaplab.ask("PUT", "/api/profiles/active", json_body={"name": "p"})
    swaplab.reload(
        {"m": sim("--say", "m")},
        profiles={"p": {"pins": {"y": "m"}}},
        selectors={"s": {"strategy": "pin", "targets": ["m"]}},
    )

    assert swaplab.chat("y").said == "m", "the profile is still active"
    assert swaplab.chat("x").status == 404
    assert swaplab.chat("s").said == "m"

    swaplab.reload({"m": sim("--say", "m")}, apiKeys=["sk"])
    assert swaplab.chat("m").status == 401
