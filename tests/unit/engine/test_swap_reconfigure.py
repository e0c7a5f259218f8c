"""A new configuration while models run: unchanged ones never notice, changed and removed ones drain."""

from __future__ import annotations

from engines import group, grouped, names, one_at_a_time, side_by_side, table

from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine.effects import Grant, RefusalCode, Refuse, SetTimer, SleepUpstream, StartUpstream, StopUpstream
from swaplab_core.engine.facts import Reconfigured, Released, Requested, UpstreamAsleep, UpstreamExited, UpstreamReady
from swaplab_core.engine.groups import group_policy
from swaplab_core.engine.policy import Residency
from swaplab_core.testing.script import bring_up, script


def reconfigured(engine: SwapEngine, models: str, changed: str = "", **limits: Limits) -> Reconfigured:
    """These are the models from now on; the policy stays."""
    return Reconfigured(table(models, **limits), engine.policy, frozenset(names(changed)))


def removed(ticket: int, model: str) -> Refuse:
    return Refuse(ticket, RefusalCode.UNLOADED, f"{model} was removed from the configuration")


def test_an_unchanged_model_never_notices():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (reconfigured(engine, "a b"), []),
        (Requested(3, "a"), [Grant(3, "a", 1)]),
        (Released(1), []),
        (Released(3), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_a_changed_idle_model_is_stopped_and_started_anew_on_demand():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(
        engine,
        (reconfigured(engine, "a", changed="a"), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), []),
        (Requested(1, "a"), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(1, "a", 2)]),
    )


def test_a_changed_busy_model_drains_restarts_and_then_serves_who_came_meanwhile():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (reconfigured(engine, "a", changed="a"), []),
        (Requested(2, "a"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(2, "a", 2)]),
    )


def test_a_changed_model_that_still_loads_starts_over():
    script(
        engine := one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (reconfigured(engine, "a", changed="a"), [StopUpstream("a", 1)]),
        (UpstreamReady("a", 1), []),
        (UpstreamExited("a", 1), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(1, "a", 2)]),
    )


def test_a_changed_model_that_is_down_is_simply_started_as_it_is_now():
    script(
        engine := one_at_a_time("a"),
        (reconfigured(engine, "a", changed="a"), []),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
    )


def test_a_changed_sleeper_is_stopped_it_would_wake_up_as_it_was():
    engine = one_at_a_time("a b", a=Limits(evict_to=Residency.ASLEEP))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [SleepUpstream("a", 1)]),
        (UpstreamAsleep("a", 1), [StartUpstream("b", 2)]),
        (reconfigured(engine, "a b", changed="a"), [StopUpstream("a", 1)]),
    )


def test_a_removed_model_drains_and_its_queue_is_refused():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (reconfigured(engine, "a"), [removed(2, "b")]),
        (reconfigured(engine, "b"), []),
        (Requested(3, "a"), [Refuse(3, RefusalCode.UNKNOWN_MODEL, "no model named 'a' is configured")]),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), []),
    )
    assert list(engine.slots) == ["b"]


def test_nothing_starts_beside_a_removed_model_until_it_is_gone():
    engine = side_by_side("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (reconfigured(engine, "b"), []),
        (Requested(2, "b"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_a_warm_model_serves_on_while_a_removed_one_drains():
    engine = side_by_side("a b")
    bring_up(engine, "a", "b")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (reconfigured(engine, "b"), []),
        (Requested(2, "b"), [Grant(2, "b", 2)]),
    )


def test_a_model_that_is_added_again_while_it_drains_serves_only_after_a_restart():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (reconfigured(engine, "b"), []),
        (reconfigured(engine, "a b"), []),
        (Requested(2, "a"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(2, "a", 2)]),
    )


def test_a_new_model_is_served():
    script(
        engine := one_at_a_time("a"),
        (Requested(1, "b"), [Refuse(1, RefusalCode.UNKNOWN_MODEL, "no model named 'b' is configured")]),
        (reconfigured(engine, "a b"), []),
        (Requested(2, "b"), [StartUpstream("b", 1)]),
    )


def test_new_limits_hold_at_once_and_the_idle_time_begins_again():
    engine = one_at_a_time("a")
    bring_up(engine, "a")
    span = engine.ticks

    script(
        engine,
        (reconfigured(engine, "a", a=Limits(concurrency=1, idle_seconds=7)), [SetTimer("a", span + 1, 7)]),
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (
            Requested(2, "a"),
            [Refuse(2, RefusalCode.TOO_MANY_REQUESTS, "a has 1 requests running or waiting, its limit is 1")],
        ),
    )


def test_a_new_policy_is_asked_at_once():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")
    together = group_policy([group("pair", "a b", swap=False)], names("a b"))

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Reconfigured(table("a b"), together), [StartUpstream("b", 2)]),
    )


def test_models_that_may_no_longer_run_together_finish_what_they_serve_and_then_one_goes():
    engine = grouped("a b", group("pair", "a b", swap=False))
    bring_up(engine, "a", "b")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), [Grant(2, "b", 2)]),
        (Reconfigured(table("a b"), group_policy((), names("a b"))), []),
        (Requested(3, "a"), []),
        (Released(1), []),
        (Released(2), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [Grant(3, "a", 1)]),
    )
