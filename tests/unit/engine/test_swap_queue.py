"""Who is served when not everybody can be: order, collation, patience, priority and the place in the queue."""

from __future__ import annotations

from engines import group, grouped, matrix, one_at_a_time
from policies import Rivals

from swaplab_core.engine import DEFAULT_PATIENCE, Limits, SwapEngine
from swaplab_core.engine.effects import Grant, StartUpstream, StopUpstream
from swaplab_core.engine.facts import Released, Requested, UpstreamExited, UpstreamReady
from swaplab_core.testing.script import bring_up, script

URGENT = Limits(priority=1)


def rivals(*pairs: str) -> SwapEngine:
    """Four models; `ab` means that a cannot start while b lives."""
    return SwapEngine.build(Rivals(frozenset(tuple(pair) for pair in pairs)), dict.fromkeys("abcd", Limits()))


def test_no_swap_while_serving():
    engine = one_at_a_time("a b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2)]),
    )


def test_queue_on_eviction_collision():
    script(
        one_at_a_time("a b"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), []),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
        (Released(1), [StopUpstream("a", 1)]),
    )


def test_disjoint_swaps_run_in_parallel():
    left, right = group("left", "a b", exclusive=False), group("right", "x y", exclusive=False)
    engine = grouped("a b x y", left, right)
    bring_up(engine, "a", "x")

    script(
        engine,
        (Requested(1, "b"), [StopUpstream("a", 1)]),
        (Requested(2, "y"), [StopUpstream("x", 2)]),
        (UpstreamExited("x", 2), [StartUpstream("y", 3)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 4)]),
        (UpstreamReady("b", 4), [Grant(1, "b", 4)]),
        (UpstreamReady("y", 3), [Grant(2, "y", 3)]),
    )


def test_overlapping_evict_sets_stop_the_common_rival_once_and_each_waits_for_all_of_its_own():
    engine = rivals("ac", "ad", "bd")
    bring_up(engine, "c", "d")

    script(
        engine,
        (Requested(1, "a"), [StopUpstream("c", 1), StopUpstream("d", 2)]),
        (Requested(2, "b"), []),
        (UpstreamExited("d", 2), [StartUpstream("b", 3)]),
        (UpstreamExited("c", 1), [StartUpstream("a", 4)]),
    )


def test_all_or_nothing_an_idle_rival_stays_while_another_is_busy():
    engine = rivals("ac", "ad")
    bring_up(engine, "c", "d")

    script(
        engine,
        (Requested(1, "c"), [Grant(1, "c", 1)]),
        (Requested(2, "a"), []),
        (Requested(3, "d"), [Grant(3, "d", 2)]),
        (Released(1), []),
        (Released(3), [StopUpstream("c", 1), StopUpstream("d", 2)]),
    )


def test_nothing_is_started_that_somebody_ahead_would_have_to_evict():
    engine = rivals("ac", "ab")
    bring_up(engine, "c")

    script(
        engine,
        (Requested(1, "c"), [Grant(1, "c", 1)]),
        (Requested(2, "a"), []),
        (Requested(3, "b"), []),
        (Requested(4, "d"), [StartUpstream("d", 2)]),
    )


def test_nothing_is_started_that_gives_somebody_ahead_more_to_evict_beside_what_runs():
    """b may run with each of a, c and d, but not with two of them: no pair says so, only the matrix as a whole."""
    engine = matrix("a b c d", "a & c & d", "b & d", "a & b", "b & c", costs={"d": 2})
    bring_up(engine, "a", "c", "d")

    script(
        engine,
        (Requested(1, "b"), [StopUpstream("a", 1), StopUpstream("c", 2)]),
        (UpstreamExited("a", 1), []),
        (Requested(2, "a"), []),
        (UpstreamExited("c", 2), [StartUpstream("b", 4)]),
    )


def test_room_is_made_beside_a_load_when_both_may_run_once_the_idle_one_is_gone():
    engine = matrix("a b c", "a & b", "b & c")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [StartUpstream("b", 2)]),
        (Requested(2, "c"), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("c", 3)]),
    )


def test_queue_drain_promotes_multiple():
    engine = grouped("v a b", group("pair", "a b", swap=False))
    bring_up(engine, "v")

    script(
        engine,
        (Requested(1, "v"), [Grant(1, "v", 1)]),
        (Requested(2, "a"), []),
        (Requested(3, "b"), []),
        (Released(1), [StopUpstream("v", 1)]),
        (UpstreamExited("v", 1), [StartUpstream("a", 2), StartUpstream("b", 3)]),
    )


def test_queue_collation_serves_abcabc_as_aabbcc():
    script(
        one_at_a_time("a b c"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "c"), []),
        (Requested(4, "a"), []),
        (Requested(5, "b"), []),
        (Requested(6, "c"), []),
        (UpstreamReady("a", 1), [Grant(1, "a", 1), Grant(4, "a", 1)]),
        (Released(1), []),
        (Released(4), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2), Grant(5, "b", 2)]),
        (Released(2), []),
        (Released(5), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [StartUpstream("c", 3)]),
        (UpstreamReady("c", 3), [Grant(3, "c", 3), Grant(6, "c", 3)]),
    )


# patience


def test_patience_bounds_how_many_pass_and_then_nobody_does():
    engine = one_at_a_time("a b", patience=2)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "a"), [Grant(3, "a", 1)]),
        (Requested(4, "a"), [Grant(4, "a", 1)]),
        (Requested(5, "a"), []),
        (Released(1), []),
        (Released(3), []),
        (Released(4), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2)]),
    )


def test_without_patience_the_queue_is_strict():
    engine = one_at_a_time("a b", patience=0)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "a"), []),
        (Released(1), [StopUpstream("a", 1)]),
    )


def test_the_default_patience_is_eight():
    engine = one_at_a_time("a b", a=Limits(concurrency=100))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(0, "a"), [Grant(0, "a", 1)]),
        (Requested(1, "b"), []),
        *((Requested(ticket, "a"), [Grant(ticket, "a", 1)]) for ticket in range(2, 10)),
        (Requested(10, "a"), []),
    )
    assert DEFAULT_PATIENCE == 8


def test_who_is_served_for_a_model_in_nobodys_way_uses_up_no_patience():
    engine = grouped("a b x", group("free", "x", exclusive=False, persistent=True), patience=1)
    bring_up(engine, "a", "x")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "x"), [Grant(3, "x", 2)]),
        (Requested(4, "x"), [Grant(4, "x", 2)]),
        (Requested(5, "a"), [Grant(5, "a", 1)]),
        (Requested(6, "a"), []),
    )


def test_the_patience_of_a_request_starts_when_it_comes():
    engine = one_at_a_time("a b", patience=2)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "a"), [Grant(3, "a", 1)]),
        (Requested(4, "a"), [Grant(4, "a", 1)]),
        (Released(2), []),
        (Requested(5, "b"), []),
        (Requested(6, "a"), [Grant(6, "a", 1)]),
        (Requested(7, "a"), [Grant(7, "a", 1)]),
        (Requested(8, "a"), []),
    )


# priority


def test_priority_queue_order():
    engine = one_at_a_time("a b c", c=URGENT)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "c"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("c", 2)]),
        (UpstreamReady("c", 2), [Grant(3, "c", 2)]),
        (Released(3), [StopUpstream("c", 2)]),
        (UpstreamExited("c", 2), [StartUpstream("b", 3)]),
    )


def test_out_of_patience_the_earlier_request_goes_before_the_urgent_one():
    """Otherwise both would wait for ever: the urgent model up and forbidden to pass, the other one behind it."""
    engine = one_at_a_time("a b c", patience=1, c=URGENT)
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Requested(3, "c"), []),
        (Requested(4, "a"), [Grant(4, "a", 1)]),
        (Released(1), []),
        (Released(4), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2)]),
        (Released(2), [StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), [StartUpstream("c", 3)]),
    )


def test_urgent_requests_that_take_turns_pass_a_waiting_one_no_more_often_than_patience_allows():
    """b and c keep each other waiting, and so keep away a, which would not even disturb them."""
    calm = group("calm", "a", exclusive=False)
    engine = grouped("a b c", calm, patience=1, b=URGENT, c=URGENT)
    bring_up(engine, "b")

    script(
        engine,
        (Requested(1, "b"), [Grant(1, "b", 1)]),
        (Requested(2, "c"), []),
        (Requested(3, "a"), []),
        (Requested(4, "b"), [Grant(4, "b", 1)]),
        (Requested(5, "b"), []),
        (Released(1), []),
        (Released(4), [StopUpstream("b", 1)]),
        (UpstreamExited("b", 1), [StartUpstream("c", 2)]),
        (UpstreamReady("c", 2), [Grant(2, "c", 2), StartUpstream("a", 3)]),
    )


# positions


def test_positions_count_the_waiting_from_one_and_move_up():
    engine = one_at_a_time("a b c")
    bring_up(engine, "a")
    script(engine, (Requested(1, "a"), [Grant(1, "a", 1)]), (Requested(2, "b"), []), (Requested(3, "c"), []))
    assert engine.positions() == {2: 1, 3: 2}

    script(engine, (Requested(4, "b"), []))
    assert engine.positions() == {2: 1, 3: 2, 4: 3}

    script(engine, (Released(2), []))
    assert engine.positions() == {3: 1, 4: 2}


def test_positions_put_the_urgent_first_until_patience_runs_out():
    engine = one_at_a_time("a b c", patience=1, c=URGENT)
    bring_up(engine, "a")
    script(engine, (Requested(1, "a"), [Grant(1, "a", 1)]), (Requested(2, "b"), []), (Requested(3, "c"), []))
    assert engine.positions() == {3: 1, 2: 2}

    script(engine, (Requested(4, "a"), [Grant(4, "a", 1)]))
    assert engine.positions() == {2: 1, 3: 2}


def test_positions_are_empty_when_everybody_is_served():
    engine = one_at_a_time("a")
    script(engine, (Requested(1, "a"), [StartUpstream("a", 1)]))
    assert engine.positions() == {1: 1}

    script(engine, (UpstreamReady("a", 1), [Grant(1, "a", 1)]))
    assert engine.positions() == {}
