"""Who is served next, and how long a model that must go may take: priority, patience, idle time, grace."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from running_swaplab import sim

FOREVER = ("--tokens", "1000000", "--tokens-per-second", "20")


def fifo(**settings: object) -> dict[str, object]:
    return {"scheduler": {"use": "fifo", "settings": {"fifo": settings}}}


def test_a_higher_priority_is_served_first_and_equals_in_order_of_arrival(serve):
    models = {"busy": sim(*FOREVER)} | {name: sim("--say", name) for name in ("low", "first", "second", "high")}
    swaplab = serve(models, routing=fifo(priority={"low": -1, "high": 7}))

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("busy"):
            asked = []
            for name in ("low", "first", "second", "high"):
                asked.append(clients.submit(swaplab.chat, name))
                swaplab.wait_for(name, waiting=1)
        assert [answer.result().said for answer in asked] == ["low", "first", "second", "high"]

    assert swaplab.starts() == ["busy", "high", "first", "second", "low"]


def test_patience_bounds_how_many_pass_a_request_that_waits(serve):
    swaplab = serve({"busy": sim(*FOREVER), "other": sim("--say", "other")}, routing=fifo(patience=2))

    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("busy"):
            patient = clients.submit(swaplab.chat, "other")
            swaplab.wait_for("other", waiting=1)
            for _ in range(2):
                assert swaplab.chat("busy", max_tokens=1).status == 200, "a request for a loaded model may pass"
            third = clients.submit(swaplab.chat, "busy", max_tokens=1)
            swaplab.wait_for("busy", waiting=1)
        assert patient.result().said == "other"
        assert third.result().status == 200

    assert swaplab.starts() == ["busy", "other", "busy"]


def test_the_idle_time_counts_from_ready_also_if_nobody_is_there_any_more(serve):
    swaplab = serve({"slow": {**sim("--load-seconds", "1.3"), "ttl": 4}})

    with swaplab.waiting("slow"):
        swaplab.wait_for("slow", state="starting")
    swaplab.wait_for("slow", state="ready", serving=0, waiting=0)
    ready = time.monotonic()
    swaplab.wait_for("slow", state="stopped")

    assert time.monotonic() - ready > 0.5, "not at once"
    swaplab.wait_for_log("slow: stopping, idle for 4 s")


def test_an_evicted_model_that_will_not_go_is_killed_after_its_own_unload_timeout(serve):
    stubborn = {**sim("--ignore-term"), "unloadTimeout": 1}
    swaplab = serve({"stubborn": stubborn, "other": sim("--say", "other")}, healthCheckTimeout=3600)
    swaplab.chat("stubborn")
    pid = swaplab.model("stubborn")["pid"]

    assert swaplab.chat("other").said == "other"

    assert pid not in swaplab.living()
    swaplab.wait_for_log("stubborn: stopping, makes room for other")


def test_unloading_a_model_that_will_not_go_keeps_nobody_else_waiting(serve):
    stubborn = {**sim("--ignore-term"), "unloadTimeout": 2}
    models = {"stubborn": stubborn, "other": sim("--say", "other")}
    swaplab = serve(models, groups={"all": {"swap": False, "members": list(models)}})
    swaplab.chat("stubborn")

    with ThreadPoolExecutor() as clients:
        unloading = clients.submit(swaplab.ask, "POST", "/api/models/unload/stubborn")
        swaplab.wait_for("stubborn", state="stopping")

        assert swaplab.chat("other").said == "other", "a start and an answer"
        assert swaplab.model("stubborn")["state"] == "stopping"
        assert not unloading.done()
        assert unloading.result().status == 200

    assert swaplab.model("stubborn")["state"] == "stopped"
