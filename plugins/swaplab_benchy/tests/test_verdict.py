"""Better, same, worse, or nobody can tell."""

from __future__ import annotations

import random

import pytest

from swaplab_benchy.results import Point, Result, Samples
from swaplab_benchy.verdict import Verdict, compare, overall, regresses
from swaplab_core.domain.errors import InvalidRequest


def result(pp=1000.0, tg=100.0, *, runs=5, noise=0.01, seed=0, depths=(0,)):
    chance = random.Random(seed)

    def samples(speed):
        return Samples(tuple(chance.gauss(speed, speed * noise) for _ in range(runs)))

    return Result(
        "0.4.0",
        None,
        {
            Point(depth, 512, 32): {"pp_throughput": samples(pp / (1 + depth)), "tg_throughput": samples(tg)}
            for depth in depths
        },
    )


def verdicts(a, b, margin=0.05):
    return {c.metric: c.verdict for c in compare(a, b, margin=margin)}


def test_ten_percent_slower_is_worse():
    assert verdicts(result(seed=1), result(tg=90, seed=2))["tg_throughput"] is Verdict.WORSE


def test_ten_percent_faster_is_better():
    found = compare(result(seed=1), result(pp=1100, tg=110, seed=2), margin=0.05)
    assert overall(found) is Verdict.BETTER
    assert found[0].change == pytest.approx(0.1, abs=0.03)
    assert found[0].superiority > 0.9


def test_equal_runs_are_the_same():
    assert verdicts(result(seed=1), result(seed=2)) == {"pp_throughput": Verdict.SAME, "tg_throughput": Verdict.SAME}


def test_few_runs_tell_nothing_however_large_the_difference():
    found = compare(result(runs=4), result(tg=10, runs=4, seed=2), margin=0.05)
    assert overall(found) is Verdict.INCONCLUSIVE
    assert "4 runs are too few" in found[1].reason


def test_wild_runs_are_inconclusive():
    found = compare(result(noise=0.3, seed=3), result(noise=0.3, seed=4), margin=0.02)
    assert Verdict.INCONCLUSIVE in {c.verdict for c in found}


def test_a_certain_difference_of_half_a_percent_is_nobodys_concern():
    assert (
        verdicts(result(noise=0.0001, seed=1), result(tg=99.5, noise=0.0001, seed=2))["tg_throughput"] is Verdict.SAME
    )


def test_points_of_different_speed_are_judged_together():
    a, b = result(seed=1, depths=(0, 3, 7)), result(pp=950, seed=2, depths=(0, 3, 7))
    pp = compare(a, b, margin=0.02)[0]
    assert (pp.verdict, len(pp.points)) == (Verdict.WORSE, 3)


def test_only_common_points_are_compared():
    with pytest.raises(InvalidRequest, match="no test in common"):
        compare(result(depths=(0,)), result(depths=(4,)), margin=0.05)


def test_a_request_that_failed_is_no_speed():
    broken = Result("", None, {Point(0, 512, 32): {"tg_throughput": Samples((0.0, 0.0, 0.0, 0.0, 0.0))}})
    with pytest.raises(InvalidRequest, match="no test in common"):
        compare(broken, result(), margin=0.05)


def test_a_gate_lets_small_losses_through():
    found = compare(result(seed=1), result(tg=93, seed=2), margin=0.05)
    assert regresses(found, 0.05)
    assert not regresses(found, 0.10)


def test_of_a_hundred_equal_pairs_at_most_five_are_called_different():
    called = [overall(compare(result(seed=2 * n), result(seed=2 * n + 1), margin=0.05)) for n in range(100)]
    assert sum(verdict in {Verdict.WORSE, Verdict.BETTER} for verdict in called) <= 5


def test_of_a_hundred_pairs_of_100_and_90_at_least_ninety_five_are_called_worse():
    called = [overall(compare(result(seed=2 * n), result(tg=90, seed=2 * n + 1), margin=0.05)) for n in range(100)]
    assert sum(verdict is Verdict.WORSE for verdict in called) >= 95
