"""Is B better or worse than A, the same, or can nobody tell? Statistics over two results. Pure; needs numpy and scipy.

Both are asked at the points they have in common. At each point all values are divided by that point's pooled median, so
that points of different speed can be looked at together; then the Mann-Whitney test says how likely the difference is
by chance, and a stratified bootstrap how large it may be. Prompt and generation speed are judged each on their own, so
the level is halved (Bonferroni): of runs that are equal at most `level` are called different.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from swaplab_benchy.results import SPEEDS, Point, Result, Samples

FEWEST_RUNS = 5
LEVEL = 0.03
"""Lower than the five percent that are promised: values of one run resemble each other more than chance has it."""

NOISE_FLOOR = 0.01
"""A difference below one percent is nobody's concern, however certain it is."""

RESAMPLES = 2000
_SEED = 20261127


class Verdict(enum.Enum):
    """What is said of B."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@frozen
class PointComparison:
    """One point: how much larger B's median is than A's (0.1: ten percent)."""

    point: Point
    a: Samples
    b: Samples
    change: float


@frozen
class Comparison:
    """One metric over all common points.

    `change` is the geometric mean of the points' changes, `low` and `high` its 95 % interval, `p` the chance of a
    difference like this between equal runs. `superiority` is the effect size: how often a value of B beats one of A
    (0.5: never a difference).
    """

    metric: str
    verdict: Verdict
    change: float
    low: float
    high: float
    p: float
    superiority: float
    points: tuple[PointComparison, ...]
    reason: str


def compare(a: Result, b: Result, *, margin: float, level: float = LEVEL) -> tuple[Comparison, ...]:
    """Compare the speeds of two results. `margin` (0.05: five percent) is what still counts as the same.

    Answers () when they have no point in common.
    """
    pairs = {metric: (_positive(a, metric), _positive(b, metric)) for metric in SPEEDS}
    return tuple(
        _metric(metric, of_a, of_b, margin, level / len(SPEEDS))
        for metric, (of_a, of_b) in pairs.items()
        if of_a.keys() & of_b.keys()
    )


def overall(found: Iterable[Verdict]) -> Verdict:
    """One word for all: worse wins over better, and both over not knowing."""
    verdicts = set(found)
    for verdict in (Verdict.WORSE, Verdict.INCONCLUSIVE, Verdict.BETTER):
        if verdict in verdicts:
            return verdict
    return Verdict.SAME


def regresses(found: Iterable[tuple[Verdict, float]], most: float) -> bool:
    """Whether one is worse, its change by more than `most` (0.05: five percent)."""
    return any(verdict is Verdict.WORSE and -change > most for verdict, change in found)


def _positive(result: Result, metric: str) -> dict[Point, Samples]:
    """The points that were really measured: a speed of nothing per second is a request that failed."""
    return {point: s for point, s in result.samples(metric).items() if all(value > 0 for value in s.values)}


def _metric(
    metric: str, a: Mapping[Point, Samples], b: Mapping[Point, Samples], margin: float, level: float
) -> Comparison:
    common = sorted(a.keys() & b.keys())
    points = tuple(PointComparison(p, a[p], b[p], b[p].middle / a[p].middle - 1) for p in common)
    scaled = [_scaled(a[p].values, b[p].values) for p in common]
    p_value, superiority = _mann_whitney(scaled)
    low, high = _interval(scaled)
    change = math.exp(sum(math.log1p(point.change) for point in points) / len(points)) - 1
    fewest = min(min(len(point.a.values), len(point.b.values)) for point in points)
    undecided = Comparison(metric, Verdict.INCONCLUSIVE, change, low, high, p_value, superiority, points, "")
    verdict, reason = _judge(undecided, fewest, margin, level)
    return evolve(undecided, verdict=verdict, reason=reason)


def _judge(found: Comparison, fewest: int, margin: float, level: float) -> tuple[Verdict, str]:
    span = f"between {found.low:+.1%} and {found.high:+.1%}"
    if fewest < FEWEST_RUNS:
        return Verdict.INCONCLUSIVE, f"{fewest} runs are too few: a verdict needs {FEWEST_RUNS} of each"
    if found.p < level and abs(found.change) >= NOISE_FLOOR:
        verdict = Verdict.BETTER if found.change > 0 else Verdict.WORSE
        return verdict, f"{found.change:+.1%}, and a difference like this is chance in {found.p:.2%} of cases"
    if -margin <= found.low and found.high <= margin:
        return Verdict.SAME, f"{span}, within ±{margin:.0%}"
    return Verdict.INCONCLUSIVE, f"{span}: more runs would tell"


def _scaled(a: Sequence[float], b: Sequence[float]) -> tuple[list[float], list[float]]:
    import numpy as np  # noqa: PLC0415 - heavy, and only a comparison needs it

    middle = float(np.median([*a, *b])) or 1.0
    return [value / middle for value in a], [value / middle for value in b]


def _mann_whitney(scaled: Sequence[tuple[list[float], list[float]]]) -> tuple[float, float]:
    """The two-sided p, and how often a value of B is above one of A."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415 - heavy, and only a comparison needs it

    a = [value for values, _ in scaled for value in values]
    b = [value for _, values in scaled for value in values]
    found = mannwhitneyu(b, a, alternative="two-sided")
    return float(found.pvalue), float(found.statistic) / (len(a) * len(b))


def _interval(scaled: Sequence[tuple[list[float], list[float]]]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the change, values drawn again within each point."""
    import numpy as np  # noqa: PLC0415 - heavy, and only a comparison needs it

    chance = np.random.default_rng(_SEED)
    total = np.zeros(RESAMPLES)
    for a, b in scaled:
        total += _log_medians(np, chance, b) - _log_medians(np, chance, a)
    low, high = np.quantile(total / len(scaled), [0.025, 0.975])
    return math.exp(float(low)) - 1, math.exp(float(high)) - 1


def _log_medians(np: Any, chance: Any, values: Sequence[float]) -> Any:
    drawn = chance.choice(values, size=(RESAMPLES, len(values)))
    return np.log(np.median(drawn, axis=1))
