"""What has been counted, as plain objects: histograms, one tally for each model, and how a model stands."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from attrs import define, field, frozen

from swaplab_core.engine.phases import Phase

FIRST_TOKEN_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
LOAD_BOUNDS = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
"""Seconds: from a tiny model in the page cache to one that is compiled first."""


@define
class Histogram:
    """Counts of values by upper bounds; the last count is of those above all bounds."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    total: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulated(self) -> list[int]:
        """How many values are up to each bound, and at last how many there are."""
        return list(accumulate(list(self.counts)))


@define
class Tally:
    """What has been counted for one model."""

    requests: Counter[int] = field(factory=Counter)
    tokens: Counter[str] = field(factory=Counter)
    first_token: Histogram = field(factory=lambda: Histogram(FIRST_TOKEN_BOUNDS))
    loads: Histogram = field(factory=lambda: Histogram(LOAD_BOUNDS))
    swaps: Histogram = field(factory=lambda: Histogram(LOAD_BOUNDS))
    restarts: int = 0
    failed_starts: int = 0
    pace: float | None = None


@frozen
class Standing:
    """How one model stands at the moment."""

    model: str
    phase: Phase
    serving: int
    waiting: int
