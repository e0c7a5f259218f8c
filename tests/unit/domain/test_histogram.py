"""Histograms and percentiles."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.domain.histogram import FEWEST_BINS, MOST_BINS, Histogram, histogram, percentile

speeds = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=200).map(sorted)


def test_no_values_make_no_histogram():
    assert histogram([]) is None


def test_values_that_are_alike_make_one_bin_of_no_width():
    assert histogram([5.0] * 3) == Histogram((3,), 5.0, 5.0, 0.0, 5.0, 5.0, 5.0)


def test_the_last_bin_holds_the_largest_value():
    found = histogram([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert found == Histogram((1, 1, 1, 1, 2), 0.0, 5.0, 1.0, 2.5, 4.75, 4.95)


@pytest.mark.parametrize(("count", "bins"), [(2, 5), (16, 5), (17, 6), (1024, 11), (2**19, 20), (2**20, 20)])
def test_more_values_make_more_bins_within_bounds(count, bins):
    found = histogram(range(count))
    assert found is not None
    assert len(found.bins) == bins


@given(speeds)
def test_every_value_is_in_one_bin(ordered):
    found = histogram(ordered)
    assert found is not None
    assert sum(found.bins) == len(ordered)
    assert len(found.bins) == 1 or FEWEST_BINS <= len(found.bins) <= MOST_BINS
    assert ordered[0] <= found.p50 <= found.p95 <= found.p99 <= ordered[-1] * (1 + 1e-12)


@given(speeds)
def test_the_middle_is_the_median(ordered):
    assert percentile(ordered, 0.5) == pytest.approx(statistics.median(ordered))
