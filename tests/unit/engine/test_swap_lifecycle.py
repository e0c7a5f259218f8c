"""The life of a model in the engine: unload, idle time, incarnations, adoption and sleep."""

from __future__ import annotations

import itertools

import pytest
from engines import group, grouped, one_at_a_time, side_by_side, table

from swaplab_core.engine import Limits, Phase
from swaplab_core.engine.effects import (
    Grant,
    RefusalCode,
    Refuse,
    SetTimer,
    SleepUpstream,
    StartUpstream,
    StopUpstream,
    WakeUpstream,
)
from swaplab_core.engine.facts import (
    Reconfigured,
    Released,
    Requested,
    TimerFired,
    UnloadRequested,
    UpstreamAsleep,
    UpstreamExited,
    UpstreamFound,
    UpstreamReady,
)
from swaplab_core.engine.policy import Residency
from swaplab_core.testing.script import bring_up, script

BRIEF = Limits(idle_seconds=5)
SLEEPY = Limits(evict_to=Residency.ASLEEP)


def unload(models: str) -> UnloadRequested:
    return UnloadRequested(frozenset(models.split()))


def unloaded(ticket: int, model: str) -> Refuse:
    return Refuse(ticket, RefusalCode.UNLOADED, f"{model} was unloaded")


# unload


def test_on_unload_releases_active_waiters():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (unload("a"), [unloaded(1, "a"), unloaded(2, "a"), StopUpstream("a", 1)]),
        (UpstreamReady("a", 1), []),
        (UpstreamExited("a", 1), []),
    )


def test_on_unload_drops_queued_requests_and_nobody_elses():
    engine = one_at_a_time("a b c")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "c"), []),
        (unload("b"), [unloaded(2, "b")]),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("c", 2)]),
    )


def test_unload_all_stops_busy_and_idle_models_in_one_step():
    engine = side_by_side("a b c")
    bring_up(engine, "a", "b")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (unload("a b c"), [StopUpstream("a", 1), StopUpstream("b", 2)]),
        (UpstreamExited("a", 1), []),
        (Released(1), []),
        (UpstreamExited("b", 2), []),
    )


def test_unload_of_what_does_not_run_or_is_unknown_or_is_stopping_does_nothing():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(engine, (unload("b x"), []), (unload("a"), [StopUpstream("a", 1)]), (unload("a"), []))


def test_unload_lets_the_next_in_the_queue_have_the_room():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (unload("a"), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


# idle time


def test_ttl_stops_after_idle_which_begins_with_the_last_release():
    script(
        one_at_a_time("a", a=BRIEF),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (UpstreamReady("a", 1), [SetTimer("a", 3, 5), Grant(1, "a", 1), Grant(2, "a", 1)]),
        (Released(1), []),
        (Released(2), [SetTimer("a", 5, 5)]),
        (TimerFired("a", 5), [StopUpstream("a", 1)]),
    )


def test_ttl_starts_at_ready_when_the_client_left_during_the_load():
    script(
        one_at_a_time("a", a=BRIEF),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Released(1), []),
        (UpstreamReady("a", 1), [SetTimer("a", 2, 5)]),
        (TimerFired("a", 2), [StopUpstream("a", 1)]),
    )


def test_ttl_resets_on_request_and_a_stale_timer_is_harmless():
    engine = one_at_a_time("a", a=BRIEF)
    bring_up(engine, "a")
    old = engine.slots["a"].generation

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (TimerFired("a", old), []),
        (Released(1), [SetTimer("a", old + 2, 5)]),
        (TimerFired("a", old), []),
        (TimerFired("a", old + 2), [StopUpstream("a", 1)]),
        (TimerFired("a", old + 2), []),
    )


def test_ttl_zero_disables():
    script(
        one_at_a_time("a", a=Limits(idle_seconds=0)),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
        (Released(1), []),
    )


def test_a_timer_of_an_earlier_start_does_not_stop_the_next_one():
    engine = one_at_a_time("a", a=BRIEF)
    bring_up(engine, "a")
    old = engine.slots["a"].generation

    script(
        engine,
        (UpstreamExited("a", 1, "crash"), []),
        (Requested(1, "a"), [StartUpstream("a", 2)]),
        (TimerFired("a", old), []),
        (Released(1), []),
        (UpstreamReady("a", 2), [SetTimer("a", old + 2, 5)]),
        (TimerFired("a", old), []),
    )


def test_a_timer_from_before_a_model_was_removed_does_not_stop_it_when_it_is_back():
    engine = one_at_a_time("a b", a=BRIEF)
    bring_up(engine, "a")
    old = engine.slots["a"].generation

    script(
        engine,
        (Reconfigured(table("b"), engine.policy), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), []),
        (Reconfigured(table("a b", a=BRIEF), engine.policy), []),
    )
    bring_up(engine, "a")

    assert engine.slots["a"].generation > old
    script(engine, (TimerFired("a", old), []))


def test_a_timer_that_runs_out_while_somebody_waits_for_the_model_stops_nothing_and_is_set_again():
    engine = grouped("a x", group("calm", "x", exclusive=False), a=BRIEF)
    bring_up(engine, "a", "x")
    idle = engine.slots["a"].generation

    script(
        engine,
        (Requested(1, "x"), [Grant(1, "x", 2)]),
        (Requested(2, "a"), []),
        (TimerFired("a", idle), []),
        (Released(2), [SetTimer("a", idle, 5)]),
        (TimerFired("a", idle), [StopUpstream("a", 1)]),
    )


# incarnations


@pytest.mark.parametrize("late", [UpstreamReady("a", 1), UpstreamAsleep("a", 1), UpstreamExited("a", 1, "late")])
def test_a_late_report_of_an_earlier_incarnation_is_ignored(late):
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(
        engine,
        (unload("a"), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), []),
        (late, []),
        (Requested(1, "a"), [StartUpstream("a", 2)]),
        (late, []),
        (UpstreamReady("a", 2), [Grant(1, "a", 2)]),
        (late, []),
    )


@pytest.mark.parametrize("late", [UpstreamReady("a", 1), UpstreamAsleep("a", 1)])
def test_a_late_result_while_stopping_changes_nothing_only_the_exit_does(late):
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [StopUpstream("a", 1)]),
        (late, []),
        (Requested(2, "a"), []),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_incarnations_are_never_used_twice_whatever_the_model():
    script(
        side_by_side("a b"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), [StartUpstream("b", 2)]),
        (UpstreamExited("a", 1, "boom"), [Refuse(1, RefusalCode.START_FAILED, "boom")]),
        (Requested(3, "a"), [StartUpstream("a", 3)]),
    )


def test_run_stop_cycles_use_a_new_incarnation_each():
    cycles = (
        (
            (Requested(n, "a"), [StartUpstream("a", n)]),
            (UpstreamReady("a", n), [Grant(n, "a", n)]),
            (Released(n), []),
            (unload("a"), [StopUpstream("a", n)]),
            (UpstreamExited("a", n), []),
        )
        for n in (1, 2, 3)
    )
    script(one_at_a_time("a"), *itertools.chain.from_iterable(cycles))


def test_reports_about_models_that_nobody_knows_are_ignored():
    script(
        one_at_a_time("a"),
        (UpstreamReady("x", 1), []),
        (UpstreamExited("x", 1), []),
        (UpstreamAsleep("x", 1), []),
        (TimerFired("x", 0), []),
    )


# found


def test_a_found_upstream_serves_at_once_and_its_idle_time_runs():
    script(
        one_at_a_time("a", a=BRIEF),
        (UpstreamFound("a", 7), [SetTimer("a", 1, 5)]),
        (Requested(1, "a"), [Grant(1, "a", 7)]),
        (Released(1), [SetTimer("a", 3, 5)]),
    )


def test_after_a_found_upstream_new_starts_count_on_from_it():
    script(
        one_at_a_time("a b"),
        (UpstreamFound("a", 7), []),
        (Requested(1, "b"), [StopUpstream("a", 7)]),
        (UpstreamExited("a", 7), [StartUpstream("b", 8)]),
    )


# sleep


def asleep(engine):
    """a is asleep and b is up, idle."""
    bring_up(engine, "a")
    script(
        engine,
        (Requested(90, "b"), [SleepUpstream("a", 1)]),
        (UpstreamAsleep("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(90, "b", 2)]),
        (Released(90), []),
    )
    return engine


def test_a_model_that_can_sleep_is_put_to_sleep_and_gives_its_memory_back():
    engine = one_at_a_time("a b", a=SLEEPY)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [SleepUpstream("a", 1)]),
        (Requested(2, "b"), []),
        (UpstreamAsleep("a", 1), [StartUpstream("b", 2)]),
    )


def test_a_sleeper_is_woken_in_the_same_incarnation():
    script(
        asleep(one_at_a_time("a b", a=SLEEPY)),
        (Requested(1, "a"), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [WakeUpstream("a", 1)]),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
    )


def test_a_model_that_would_not_sleep_is_gone_and_the_rival_starts_all_the_same():
    engine = one_at_a_time("a b", a=SLEEPY)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [SleepUpstream("a", 1)]),
        (UpstreamExited("a", 1, "would not sleep"), [StartUpstream("b", 2)]),
    )


def test_who_waits_for_a_wake_that_fails_gets_a_fresh_start():
    script(
        asleep(one_at_a_time("a b", a=SLEEPY)),
        (Requested(1, "a"), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [WakeUpstream("a", 1)]),
        (UpstreamExited("a", 1, "no wake"), [StartUpstream("a", 3)]),
        (UpstreamExited("a", 3, "no start"), [Refuse(1, RefusalCode.START_FAILED, "no start")]),
    )


def test_a_sleeper_that_dies_is_started_on_demand():
    script(
        asleep(one_at_a_time("a b", a=SLEEPY)),
        (UpstreamExited("a", 1, "oom"), []),
        (Requested(1, "a"), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [StartUpstream("a", 3)]),
    )


def test_only_a_ready_model_is_put_to_sleep_a_load_that_nobody_wants_is_stopped():
    script(
        one_at_a_time("a b", a=SLEEPY),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Released(1), []),
        (Requested(2, "b"), [StopUpstream("a", 1)]),
    )


def test_a_request_for_a_model_that_falls_asleep_waits_until_it_sleeps_and_then_wakes_it():
    engine = one_at_a_time("a b", a=SLEEPY)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [SleepUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (Released(1), []),
        (UpstreamAsleep("a", 1), [WakeUpstream("a", 1)]),
        (UpstreamReady("a", 1), [Grant(2, "a", 1)]),
    )


def test_unload_stops_a_sleeper_and_what_falls_asleep_or_wakes():
    engine = asleep(one_at_a_time("a b", a=SLEEPY, b=SLEEPY))
    script(engine, (unload("a"), [StopUpstream("a", 1)]), (UpstreamExited("a", 1), []))

    script(
        engine,
        (Requested(1, "a"), [SleepUpstream("b", 2)]),
        (unload("b"), [StopUpstream("b", 2)]),
        (UpstreamAsleep("b", 2), []),
        (UpstreamExited("b", 2), [StartUpstream("a", 3)]),
    )

    waking = asleep(one_at_a_time("a b", a=SLEEPY))
    script(
        waking,
        (Requested(1, "a"), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [WakeUpstream("a", 1)]),
        (unload("a"), [unloaded(1, "a"), StopUpstream("a", 1)]),
    )


def test_an_idle_model_is_stopped_by_its_timer_even_when_it_could_sleep():
    engine = one_at_a_time("a", a=Limits(idle_seconds=5, evict_to=Residency.ASLEEP))
    bring_up(engine, "a")

    script(engine, (TimerFired("a", engine.slots["a"].generation), [StopUpstream("a", 1)]))
    assert engine.slots["a"].phase is Phase.STOPPING
