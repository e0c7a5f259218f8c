"""`plan` foretells: each verdict, with what goes, what comes, who is waited for, and why."""

from __future__ import annotations

from engines import group, grouped, matrix, one_at_a_time, side_by_side

from swaplab_core.engine import Limits, SwapEngine, SwapPlan, Verdict, plan
from swaplab_core.engine.effects import Grant, RefusalCode, SleepUpstream, StartUpstream, StopUpstream
from swaplab_core.engine.facts import Requested, UnloadRequested, UpstreamAsleep, UpstreamReady
from swaplab_core.engine.plan import PlannedEviction
from swaplab_core.engine.policy import Residency
from swaplab_core.testing.script import bring_up, script

ALONE = "models without a group run one at a time"


def stops(model: str, target: str, why: str = ALONE, cost: int = 1) -> PlannedEviction:
    return PlannedEviction(model, Residency.STOPPED, cost, f"makes room for {target}: {why}")


def busy(engine: SwapEngine, *models: str) -> SwapEngine:
    """All of these are up, and serve tickets 1, 2, …"""
    bring_up(engine, *models)
    for ticket, model in enumerate(models, start=1):
        script(engine, (Requested(ticket, model), [Grant(ticket, model, ticket)]))
    return engine


def test_a_warm_model_is_served_now():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    assert plan(engine, "a") == SwapPlan("a", Verdict.SERVED_NOW)


def test_a_cold_model_is_started():
    assert plan(one_at_a_time("a"), "a") == SwapPlan("a", Verdict.AFTER_SWAP, position=1, starts=("a",))


def test_an_idle_rival_is_evicted_and_the_plan_says_why():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    expected = SwapPlan("b", Verdict.AFTER_SWAP, position=1, evictions=(stops("a", "b"),), starts=("b",))
    assert plan(engine, "b") == expected


def test_a_busy_rival_is_waited_for():
    expected = SwapPlan("b", Verdict.AFTER_SWAP, 1, (stops("a", "b"),), ("b",), waits_for=("a",))

    assert plan(busy(one_at_a_time("a b"), "a"), "b") == expected


def test_a_load_that_is_under_way_is_joined():
    script(engine := one_at_a_time("a"), (Requested(1, "a"), [StartUpstream("a", 1)]))

    assert plan(engine, "a") == SwapPlan("a", Verdict.AFTER_WAIT, position=2)


def test_behind_others_in_the_queue_their_swaps_are_part_of_the_plan():
    script(engine := busy(one_at_a_time("a b c"), "a"), (Requested(2, "b"), []))

    assert plan(engine, "c") == SwapPlan(
        "c", Verdict.AFTER_SWAP, 2, (stops("a", "b"), stops("b", "c")), ("b", "c"), waits_for=("a", "b")
    )


def test_out_of_patience_a_warm_model_must_wait_for_the_one_it_would_pass():
    script(engine := busy(one_at_a_time("a b", patience=0), "a"), (Requested(2, "b"), []))

    assert plan(engine, "a") == SwapPlan(
        "a", Verdict.AFTER_SWAP, 2, (stops("a", "b"), stops("b", "a")), ("b", "a"), waits_for=("a", "b")
    )


def test_a_sleeper_to_be_is_put_to_sleep_and_waking_counts_as_a_start():
    engine = one_at_a_time("a b", a=Limits(evict_to=Residency.ASLEEP))
    bring_up(engine, "a")
    (eviction,) = plan(engine, "b").evictions
    assert eviction.to is Residency.ASLEEP

    script(
        engine,
        (Requested(1, "b"), [SleepUpstream("a", 1)]),
        (UpstreamAsleep("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(1, "b", 2)]),
    )
    assert plan(engine, "a") == SwapPlan("a", Verdict.AFTER_SWAP, 1, (stops("b", "a"),), ("a",), waits_for=("b",))


def test_a_model_that_stops_is_waited_for_and_started_again():
    engine = one_at_a_time("a")
    bring_up(engine, "a")
    script(engine, (UnloadRequested(frozenset("a")), [StopUpstream("a", 1)]))

    assert plan(engine, "a") == SwapPlan("a", Verdict.AFTER_SWAP, position=1, starts=("a",))


def test_the_matrix_gives_reasons_and_costs():
    engine = matrix("a b t", "a & b", "t & b", costs={"a": 3})
    bring_up(engine, "a", "b")
    why = "not in {b, t}, the cheapest combination for 't' (set 's2', cost 3)"

    assert plan(engine, "t").evictions == (stops("a", "t", why, cost=3),)


def test_a_model_beside_others_evicts_nobody():
    engine = busy(side_by_side("a b"), "a")

    assert plan(engine, "b") == SwapPlan("b", Verdict.AFTER_SWAP, position=1, starts=("b",))


def test_an_unrelated_busy_model_is_not_waited_for():
    engine = busy(grouped("a b x", group("free", "x", exclusive=False, persistent=True)), "x")
    bring_up(engine, "a")

    assert plan(engine, "b") == SwapPlan("b", Verdict.AFTER_SWAP, 1, (stops("a", "b"),), ("b",))


def test_an_unknown_model_is_refused():
    assert plan(one_at_a_time("a"), "x") == SwapPlan(
        "x",
        Verdict.REFUSED,
        refusal=RefusalCode.UNKNOWN_MODEL,
        reason="no model named 'x' is configured",
    )


def test_a_model_at_its_limit_is_refused():
    engine = busy(one_at_a_time("a", a=Limits(concurrency=1)), "a")

    assert plan(engine, "a") == SwapPlan(
        "a",
        Verdict.REFUSED,
        refusal=RefusalCode.TOO_MANY_REQUESTS,
        reason="a has 1 requests running or waiting, its limit is 1",
    )


def test_planning_leaves_the_engine_as_it_was():
    script(engine := busy(one_at_a_time("a b c"), "a"), (Requested(2, "b"), []))
    before = repr(engine)

    plan(engine, "c")

    assert repr(engine) == before


def test_a_plan_behind_an_endless_queue_says_that_it_is_incomplete():
    models = [f"m{number}" for number in range(150)]
    engine = busy(one_at_a_time(" ".join(models), patience=0), "m0")
    for ticket, model in enumerate(models[1:], start=2):
        engine.step(Requested(ticket, model))

    foretold = plan(engine, "m0")

    assert not foretold.complete
    assert foretold.position == 150
    assert foretold.starts[:2] == ("m1", "m2")
