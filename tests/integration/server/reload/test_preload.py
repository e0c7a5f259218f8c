"""Preload: in order, while the daemon already answers, and past a model that fails."""

from __future__ import annotations

from running_swaplab import sim

from swaplab_core.testing.waiting import wait_until


def preloading(*names: str) -> dict[str, object]:
    return {"on_startup": {"preload": list(names)}}


def together(*members: str) -> dict[str, object]:
    return {"all": {"swap": False, "members": list(members)}}


def test_models_are_loaded_one_after_the_other_past_one_that_fails_while_the_daemon_answers(serve):
    names = ("c", "bad", "a", "b")
    models = {name: sim("--load-seconds", "0.4", "--say", name) for name in names} | {"bad": sim("--die-at-start")}
    models["b"] = {**models["b"], "aliases": ["alias of b"]}
    swaplab = serve(models, hooks=preloading("c", "bad", "a", "alias of b"), groups=together(*names))

    assert swaplab.ask("GET", "/health").status == 200
    assert swaplab.model("b")["state"] == "stopped", "not yet"
    assert swaplab.chat("a").said == "a", "and does not stand in the way of requests"

    swaplab.wait_for("b", state="ready")
    order = swaplab.starts()
    assert order[0] == "c"
    assert order.index("bad") < order.index("b")
    assert sorted(order) == ["a", "b", "bad", "c"]
    swaplab.wait_for_log("preload of bad failed: bad ended by itself, exit code 1")
    assert {record["state"] for name, record in swaplab.models().items() if name != "bad"} == {"ready"}


def test_what_a_reload_adds_or_changes_is_preloaded_and_the_rest_is_left_alone(serve):
    swaplab = serve({"a": sim(), "b": sim()}, groups=together("a", "b"))

    models = {"a": sim(), "b": sim("--say", "new"), "c": sim()}
    swaplab.chat("b")
    swaplab.reload(models, hooks=preloading("a", "b", "c"), groups=together("a", "b", "c"))

    swaplab.wait_for("c", state="ready")
    assert swaplab.starts() == ["b", "b", "c"], "a did not change, and nobody asked for it"


def test_a_preload_under_way_does_not_hold_up_the_end_of_the_daemon(serve):
    swaplab = serve({"a": sim("--never-ready"), "b": sim()}, hooks=preloading("a", "b"))
    swaplab.wait_for("a", state="starting")

    wait_until(lambda: "a: started" in swaplab.log(), "the engine to run")
    # the fixture now asks it to end, and fails if it takes long or anything is left
