"""Times of tokens."""

from __future__ import annotations

import pytest

from swaplab_core.runtime.token_times import MAX_GAPS, TokenTimes


def test_without_tokens_nothing_is_known():
    times = TokenTimes()
    assert (times.first_ms(0.0), times.mean_ms(), times.p95_ms()) == (None, None, None)


def test_one_token_has_a_time_and_no_gap():
    times = TokenTimes()
    times.add(1, 2.5)
    assert (times.first_ms(2.0), times.mean_ms(), times.p95_ms()) == (500, None, None)


def test_gaps_between_tokens():
    times = TokenTimes()
    for now in (1.0, 1.1, 1.2, 2.2):
        times.add(1, now)
    assert times.mean_ms() == pytest.approx(400)
    assert times.p95_ms() == pytest.approx(910)


def test_tokens_that_come_together_have_no_gap_between_them():
    times = TokenTimes()
    times.add(3, 1.0)
    times.add(2, 1.4)
    assert times.mean_ms() == pytest.approx(100)
    assert times.p95_ms() == pytest.approx(340)


def test_a_long_stream_keeps_few_gaps_and_the_same_figures():
    times = TokenTimes()
    tokens = 20 * MAX_GAPS
    now = 0.0
    for number in range(tokens):
        now += 0.1 if number % 10 == 9 else 0.01
        times.add(1, now)
    assert times.mean_ms() == pytest.approx(19, rel=0.01)
    assert times.p95_ms() == pytest.approx(100)
    assert len(times._gaps) <= MAX_GAPS
