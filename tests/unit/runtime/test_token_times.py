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


@pytest.mark.parametrize("before", [0, 1, 3, MAX_GAPS - 2, 3 * MAX_GAPS])
def test_tokens_at_many_moments_are_as_many_single_ones(before):
    moments = [float(before) + 0.5 * number * number for number in range(1, 9)]
    together, alone = TokenTimes(), TokenTimes()
    for times in (together, alone):
        for number in range(before):
            times.add(1, float(number))
    together.add_each(moments)
    for moment in moments:
        alone.add(1, moment)
    for times in (together, alone):
        times.add(2, 1e6)
    assert together.first_ms(0.0) == alone.first_ms(0.0)
    assert together.mean_ms() == alone.mean_ms()
    assert together.p95_ms() == alone.p95_ms()
