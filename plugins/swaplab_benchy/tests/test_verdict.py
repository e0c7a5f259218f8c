"""Better, same, worse, or nobody can tell."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from swaplab_benchy.results import Point, Result, Samples
from swaplab_benchy.score_verdict import compare_scores
from swaplab_benchy.scores import Score
from swaplab_benchy.verdict import Verdict, compare, overall, regresses


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


def word(a, b, margin=0.05):
    return overall(each.verdict for each in compare(a, b, margin=margin))


def verdicts(a, b, margin=0.05):
    return {c.metric: c.verdict for c in compare(a, b, margin=margin)}


def test_ten_percent_slower_is_worse():
    assert verdicts(result(seed=1), result(tg=90, seed=2))["tg_throughput"] is Verdict.WORSE


def test_ten_percent_faster_is_better():
    found = compare(result(seed=1), result(pp=1100, tg=110, seed=2), margin=0.05)
    assert overall(each.verdict for each in found) is Verdict.BETTER
    assert found[0].change == pytest.approx(0.1, abs=0.03)
    assert found[0].superiority > 0.9


def test_equal_runs_are_the_same():
    assert verdicts(result(seed=1), result(seed=2)) == {"pp_throughput": Verdict.SAME, "tg_throughput": Verdict.SAME}


def test_few_runs_tell_nothing_however_large_the_difference():
    found = compare(result(runs=4), result(tg=10, runs=4, seed=2), margin=0.05)
    assert overall(each.verdict for each in found) is Verdict.INCONCLUSIVE
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
    assert compare(result(depths=(0,)), result(depths=(4,)), margin=0.05) == ()


def test_a_request_that_failed_is_no_speed():
    broken = Result("", None, {Point(0, 512, 32): {"tg_throughput": Samples((0.0, 0.0, 0.0, 0.0, 0.0))}})
    assert compare(broken, result(), margin=0.05) == ()


def test_a_gate_lets_small_losses_through():
    found = compare(result(seed=1), result(tg=93, seed=2), margin=0.05)
    judged = [(each.verdict, each.change) for each in found]
    assert regresses(judged, 0.05)
    assert not regresses(judged, 0.10)


def test_of_a_hundred_equal_pairs_at_most_five_are_called_different():
    called = [word(result(seed=2 * n), result(seed=2 * n + 1)) for n in range(100)]
    assert sum(verdict in {Verdict.WORSE, Verdict.BETTER} for verdict in called) <= 5


def test_of_a_hundred_pairs_of_100_and_90_at_least_ninety_five_are_called_worse():
    called = [word(result(seed=2 * n), result(tg=90, seed=2 * n + 1)) for n in range(100)]
    assert sum(verdict is Verdict.WORSE for verdict in called) >= 95


def answered(value, error):
    return Result("x", None, {}, (Score("gsm8k", "gsm8k", "exact_match", value, error),))


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ((0.5, 0.02), (0.4, 0.02), Verdict.WORSE),
        ((0.5, 0.02), (0.6, 0.02), Verdict.BETTER),
        ((0.5, 0.01), (0.51, 0.01), Verdict.SAME),
        ((0.5, 0.1), (0.4, 0.1), Verdict.INCONCLUSIVE),
        ((0.5, None), (0.1, None), Verdict.INCONCLUSIVE),
    ],
)
def test_scores_are_compared_by_their_standard_errors(a, b, verdict):
    [found] = compare_scores(answered(*a), answered(*b), margin=0.05)
    assert found.verdict is verdict


def test_scores_of_different_suites_are_not_compared():
    assert compare_scores(answered(0.5, 0.1), Result("x", None, {}), margin=0.05) == ()


MEASURED = json.loads((Path(__file__).parent / "fixtures" / "measured.json").read_text())


def drawn(chance, speed, runs):
    """A run of so many of the values that were really measured."""
    pool = MEASURED[speed]
    chosen = chance.sample(range(min(map(len, pool.values()))), runs)
    metrics = {name: Samples(tuple(values[at] for at in chosen)) for name, values in pool.items()}
    return Result("0.4.0", None, {Point(0, 64, 64): metrics})


@pytest.mark.parametrize("runs", [5, 10])
def test_of_measured_runs_those_at_90_are_called_worse_and_those_at_100_are_not_called_different(runs):
    chance = random.Random(20261128)
    slower = [word(drawn(chance, "hundred", runs), drawn(chance, "ninety", runs)) for _ in range(100)]
    equal = [word(drawn(chance, "hundred", runs), drawn(chance, "again", runs)) for _ in range(100)]
    assert slower.count(Verdict.WORSE) >= 95
    assert sum(each in {Verdict.WORSE, Verdict.BETTER} for each in equal) <= 5
