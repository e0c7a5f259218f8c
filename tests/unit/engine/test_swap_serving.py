"""From a request to its grant or refusal, effect by effect. Names follow upstream's tests where they say the same."""

from __future__ import annotations

from engines import one_at_a_time, side_by_side

from swaplab_core.engine import Limits
from swaplab_core.engine.effects import Grant, RefusalCode, Refuse, StartUpstream, StopUpstream
from swaplab_core.engine.facts import Released, Requested, UnloadRequested, UpstreamExited, UpstreamReady
from swaplab_core.testing.script import bring_up, script

START_FAILED = RefusalCode.START_FAILED
TOO_MANY = RefusalCode.TOO_MANY_REQUESTS


def test_on_demand_start_then_serve():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
        (Released(1), []),
    )


def test_fast_path():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(engine, (Requested(1, "a"), [Grant(1, "a", 1)]), (Requested(2, "a"), [Grant(2, "a", 1)]))


def test_model_not_found():
    refusal = Refuse(1, RefusalCode.UNKNOWN_MODEL, "no model named 'x' is configured")

    script(one_at_a_time("a"), (Requested(1, "x"), [refusal]), (Released(1), []))


def test_join_in_flight_swap():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (Requested(3, "a"), []),
        (UpstreamReady("a", 1), [Grant(1, "a", 1), Grant(2, "a", 1), Grant(3, "a", 1)]),
    )


def test_swap_done_error_fails_all_waiters_and_the_next_request_tries_again():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (UpstreamExited("a", 1, "boom"), [Refuse(1, START_FAILED, "boom"), Refuse(2, START_FAILED, "boom")]),
        (Requested(3, "a"), [StartUpstream("a", 2)]),
    )


def test_a_start_that_fails_without_a_reason_still_gives_one():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (UpstreamExited("a", 1), [Refuse(1, START_FAILED, "a failed to start")]),
    )


def test_a_failed_start_gives_the_next_model_its_turn():
    script(
        one_at_a_time("a b"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), []),
        (UpstreamExited("a", 1, "boom"), [Refuse(1, START_FAILED, "boom"), StartUpstream("b", 2)]),
    )


def test_a_failed_start_that_nobody_waits_for_refuses_nobody():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Released(1), []),
        (UpstreamExited("a", 1, "boom"), []),
    )


def test_request_during_stop_waits_for_the_end_and_starts_anew():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(
        engine,
        (UnloadRequested(frozenset("a")), [StopUpstream("a", 1)]),
        (Requested(1, "a"), []),
        (UpstreamExited("a", 1), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(1, "a", 2)]),
    )


def test_a_crash_while_serving_ends_the_tickets_and_the_next_request_starts_the_model():
    engine = one_at_a_time("a")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (UpstreamExited("a", 1, "killed by signal 11"), []),
        (Released(1), []),
        (Requested(2, "a"), [StartUpstream("a", 2)]),
    )


def test_a_crash_refuses_nobody_who_waits_for_the_same_model():
    engine = one_at_a_time("a b", patience=0)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "a"), []),
        (UpstreamExited("a", 1, "crash"), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2)]),
        (Released(2), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [StartUpstream("a", 3)]),
        (UpstreamReady("a", 3), [Grant(3, "a", 3)]),
    )


# clients that leave


def test_on_cancel_queued_request():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Released(2), []),
        (Released(1), []),
    )


def test_on_cancel_swap_waiter_the_others_are_served():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (Released(1), []),
        (UpstreamReady("a", 1), [Grant(2, "a", 1)]),
    )


def test_on_cancel_not_present():
    script(
        one_at_a_time("a"),
        (Released(7), []),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Released(7), []),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
        (Released(1), []),
        (Released(1), []),
    )


def test_on_cancel_of_the_last_waiter_the_load_goes_on_until_somebody_else_needs_the_room():
    script(
        one_at_a_time("a b"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Released(1), []),
        (Requested(2, "b"), [StopUpstream("a", 1)]),
        (UpstreamReady("a", 1), []),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_requests_for_the_model_that_is_up_run_side_by_side_though_it_makes_way_for_others():
    """The fork held a lock of the group for each whole answer."""
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        *((Requested(ticket, "a"), [Grant(ticket, "a", 1)]) for ticket in range(1, 9)),
        *((Released(ticket), []) for ticket in range(1, 9)),
        (Requested(9, "b"), [StopUpstream("a", 1)]),
    )


# the concurrency limit


def test_concurrency_limit_rejects_over_limit_and_takes_a_place_given_back():
    engine = one_at_a_time("a", a=Limits(concurrency=1))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "a"), [Refuse(2, TOO_MANY, "a has 1 requests running or waiting, its limit is 1")]),
        (Released(1), []),
        (Requested(3, "a"), [Grant(3, "a", 1)]),
    )


def test_concurrency_limit_default_is_ten():
    script(
        one_at_a_time("a"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        *((Requested(ticket, "a"), []) for ticket in range(2, 11)),
        (Requested(11, "a"), [Refuse(11, TOO_MANY, "a has 10 requests running or waiting, its limit is 10")]),
    )


def test_concurrency_limit_counts_who_waits_for_the_load():
    script(
        one_at_a_time("a", a=Limits(concurrency=2)),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "a"), []),
        (Requested(3, "a"), [Refuse(3, TOO_MANY, "a has 2 requests running or waiting, its limit is 2")]),
    )


def test_concurrency_limit_queued_requests_reserve_their_places():
    engine = one_at_a_time("a b", b=Limits(concurrency=2))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "b"), []),
        (Requested(4, "b"), [Refuse(4, TOO_MANY, "b has 2 requests running or waiting, its limit is 2")]),
    )


def test_concurrency_limit_counts_waiting_and_serving_together():
    engine = one_at_a_time("a b", patience=0, a=Limits(concurrency=2))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "a"), []),
        (Requested(4, "a"), [Refuse(4, TOO_MANY, "a has 2 requests running or waiting, its limit is 2")]),
    )


def test_concurrency_limit_cancelled_queued_waiter_releases_reservation():
    engine = one_at_a_time("a b", b=Limits(concurrency=1))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Released(2), []),
        (Requested(3, "b"), []),
        (Requested(4, "b"), [Refuse(4, TOO_MANY, "b has 1 requests running or waiting, its limit is 1")]),
    )


def test_concurrency_limit_is_free_again_after_a_crash():
    engine = one_at_a_time("a", a=Limits(concurrency=1))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (UpstreamExited("a", 1, "crash"), []),
        (Requested(2, "a"), [StartUpstream("a", 2)]),
    )


def test_each_model_has_a_limit_of_its_own():
    engine = side_by_side("a b", a=Limits(concurrency=1), b=Limits(concurrency=1))
    bring_up(engine, "a", "b")

    script(engine, (Requested(1, "a"), [Grant(1, "a", 1)]), (Requested(2, "b"), [Grant(2, "b", 2)]))
