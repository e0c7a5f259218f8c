"""Groups and the matrix at work in the engine, named after upstream's router tests. The policies alone: `test_groups`,
`test_matrix`.
"""

from __future__ import annotations

from engines import group, grouped, matrix

from swaplab_core.engine.effects import Grant, StartUpstream, StopUpstream
from swaplab_core.engine.facts import Released, Requested, UpstreamExited, UpstreamReady
from swaplab_core.testing.script import bring_up, script


def test_group_swap_stops_previous():
    engine = grouped("a b", group("chat", "a b"))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(1, "b", 2)]),
    )


def test_group_non_swap_group_no_stop():
    engine = grouped("a b", group("chat", "a b", swap=False))
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "b"), [StartUpstream("b", 2)]),
        (Requested(2, "a"), [Grant(2, "a", 1)]),
        (UpstreamReady("b", 2), [Grant(1, "b", 2)]),
    )


def test_group_cross_group_exclusive():
    engine = grouped("a b x", group("small", "a b", swap=False), group("big", "x"))
    bring_up(engine, "a", "b")

    script(
        engine,
        (Requested(1, "x"), [StopUpstream("a", 1), StopUpstream("b", 2)]),
        (UpstreamExited("a", 1), []),
        (UpstreamExited("b", 2), [StartUpstream("x", 3)]),
    )


def test_group_cross_group_non_exclusive_parallel():
    left, right = group("left", "a", exclusive=False), group("right", "x", exclusive=False)

    script(
        grouped("a x", left, right),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "x"), [StartUpstream("x", 2)]),
        (UpstreamReady("x", 2), [Grant(2, "x", 2)]),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
    )


def test_group_same_group_swap_serialises():
    script(
        grouped("a b", group("chat", "a b")),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), []),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_group_persistent_not_evicted():
    engine = grouped("p x", group("forever", "p", exclusive=False, persistent=True))
    bring_up(engine, "p")

    script(engine, (Requested(1, "x"), [StartUpstream("x", 2)]), (Requested(2, "p"), [Grant(2, "p", 1)]))


def test_group_persistent_but_exclusive_evicts_the_others_when_it_loads():
    engine = grouped("p x", group("forever", "p", persistent=True))
    bring_up(engine, "x")

    script(engine, (Requested(1, "p"), [StopUpstream("x", 1)]))


def test_group_non_exclusive_does_not_unload_exclusive():
    engine = grouped("x a", group("calm", "a", exclusive=False))
    bring_up(engine, "x")

    script(
        engine,
        (Requested(1, "a"), [StartUpstream("a", 2)]),
        (UpstreamReady("a", 2), [Grant(1, "a", 2)]),
        (Requested(2, "x"), []),
        (Released(1), [StopUpstream("a", 2)]),
        (UpstreamExited("a", 2), [Grant(2, "x", 1)]),
    )


def test_matrix_swap_evicts_conflicting():
    engine = matrix("a b c", "a & b", "c")
    bring_up(engine, "a", "b")

    script(
        engine,
        (Requested(1, "c"), [StopUpstream("a", 1), StopUpstream("b", 2)]),
        (UpstreamExited("b", 2), []),
        (UpstreamExited("a", 1), [StartUpstream("c", 3)]),
    )


def test_matrix_coexist_in_set():
    engine = matrix("a b", "a & b")
    bring_up(engine, "a")

    script(engine, (Requested(1, "b"), [StartUpstream("b", 2)]), (Requested(2, "a"), [Grant(2, "a", 1)]))


def test_matrix_coexisting_set_parallel():
    script(
        matrix("a b", "a & b"),
        (Requested(1, "a"), [StartUpstream("a", 1)]),
        (Requested(2, "b"), [StartUpstream("b", 2)]),
        (UpstreamReady("b", 2), [Grant(2, "b", 2)]),
        (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
    )


def test_matrix_incompatible_queues():
    engine = matrix("a b", "a | b")
    bring_up(engine, "a")

    script(
        engine,
        (Requested(1, "a"), [Grant(1, "a", 1)]),
        (Requested(2, "b"), []),
        (Released(1), [StopUpstream("a", 1)]),
        (UpstreamExited("a", 1), [StartUpstream("b", 2)]),
    )


def test_matrix_tie_break_definition_order():
    engine = matrix("a b t", "a & b", "t & b", "t & a")
    bring_up(engine, "a", "b")

    script(engine, (Requested(1, "t"), [StopUpstream("a", 1)]))


def test_matrix_evict_costs_preferred():
    engine = matrix("a b t", "a & b", "t & b", "t & a", costs={"a": 3})
    bring_up(engine, "a", "b")

    script(engine, (Requested(1, "t"), [StopUpstream("b", 2)]))


def test_matrix_a_model_in_no_set_runs_alone():
    engine = matrix("a b x", "a & b")
    bring_up(engine, "a", "b")

    script(engine, (Requested(1, "x"), [StopUpstream("a", 1), StopUpstream("b", 2)]))


def test_a_stop_says_for_whom_and_why_and_what_it_costs():
    engine = matrix("a b", "a | b", costs={"a": 3})
    bring_up(engine, "a")

    (stop,) = engine.step(Requested(1, "b"))

    assert stop.because == "makes room for b: not in {b}, the cheapest combination for 'b' (set 's1', cost 3)"
    assert stop.cost == 3
