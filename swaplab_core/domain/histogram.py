"""Histograms of measured values. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

FEWEST_BINS, MOST_BINS = 5, 20


@frozen
class Histogram:
    """How often values fall into each of some bins of equal width; the last bin holds `maximum` too.

    `bin_size` is 0 when all values are alike; then there is one bin. `p50`, `p95`, `p99` are percentiles.
    """

    bins: tuple[int, ...]
    minimum: float
    maximum: float
    bin_size: float
    p50: float
    p95: float
    p99: float


def histogram(ordered: Sequence[float]) -> Histogram | None:
    """Count ascending values; None when there are none."""
    if not ordered:
        return None
    minimum, maximum = ordered[0], ordered[-1]
    bins, bin_size = _bins(ordered, minimum, maximum)
    p50, p95, p99 = (percentile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Histogram(bins, minimum, maximum, bin_size, p50, p95, p99)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the ascending values lie; between two of them, interpolated."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _bins(ordered: Sequence[float], minimum: float, maximum: float) -> tuple[tuple[int, ...], float]:
    count = min(max(math.ceil(math.log2(len(ordered))) + 1, FEWEST_BINS), MOST_BINS)
    bin_size = (maximum - minimum) / count
    if bin_size <= 0:  # alike, or so close that a float cannot tell the bins apart
        return (len(ordered),), 0.0
    bins = [0] * count
    for value in ordered:
        bins[min(int((value - minimum) / bin_size), count - 1)] += 1
    return tuple(bins), bin_size
