"""Is B cleverer than A? The scores of the suites that both have answered, compared by their standard errors. Pure."""

from __future__ import annotations

import math
from statistics import NormalDist

from attrs import frozen

from swaplab_benchy.results import Result
from swaplab_benchy.scores import Score
from swaplab_benchy.verdict import LEVEL, Verdict


@frozen
class ScoreComparison:
    """One task: both scores as fractions, the difference, and the chance of one like it between equal models."""

    task: str
    a: float
    b: float
    change: float
    p: float | None
    verdict: Verdict
    reason: str


def compare_scores(a: Result, b: Result, *, margin: float, level: float = LEVEL) -> tuple[ScoreComparison, ...]:
    """Compare the tasks that both have. `margin` (0.05: five points of a hundred) still counts as the same.

    Each task is judged on its own, so the level is divided by their number (Bonferroni).
    """
    of_a, of_b = _by_task(a), _by_task(b)
    common = sorted(of_a.keys() & of_b.keys())
    return tuple(_task(of_a[key], of_b[key], margin, level / len(common)) for key in common)


def _by_task(result: Result) -> dict[tuple[str, str, str], Score]:
    return {(s.suite, s.task, s.metric): s for s in result.scores if s.value is not None}


def _task(a: Score, b: Score, margin: float, level: float) -> ScoreComparison:
    before, after = a.value or 0.0, b.value or 0.0
    change = after - before
    spread = math.hypot(a.error or 0.0, b.error or 0.0)
    p = None if not spread else 2 * (1 - NormalDist().cdf(abs(change) / spread))
    verdict, reason = _judge(change, spread, p, margin, level)
    return ScoreComparison(a.task or a.suite, before, after, change, p, verdict, reason)


def _judge(change: float, spread: float, p: float | None, margin: float, level: float) -> tuple[Verdict, str]:
    if p is None:
        return Verdict.INCONCLUSIVE, "the suite tells no standard error"
    if p < level:
        verdict = Verdict.BETTER if change > 0 else Verdict.WORSE
        return verdict, f"{change:+.1%}, and a difference like this is chance in {p:.2%} of cases"
    reach = NormalDist().inv_cdf(0.975) * spread
    if max(abs(change - reach), abs(change + reach)) <= margin:
        return Verdict.SAME, f"within ±{margin:.0%}"
    return Verdict.INCONCLUSIVE, f"between {change - reach:+.1%} and {change + reach:+.1%}: more questions would tell"
