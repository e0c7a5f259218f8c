"""When a moment's wait is worth it: only while what comes, comes faster than the moment takes."""

from __future__ import annotations

from itertools import count

from swaplab_core.adapters.relay.pace import MOMENT_SECONDS, MOST_BYTES, Pace


def look(pace: Pace, reads: int, size: int = 200) -> int:
    """How many of so many reads are followed by a wait."""
    waits, unasked = 0, pace.unasked
    for _ in range(reads):
        if unasked:
            unasked -= 1
        else:
            waits += pace.is_hasty(size)
            unasked = pace.unasked
    return waits


def waits(seconds_between: float, reads: int, size: int = 200) -> int:
    """The same of a stream at this pace; the clock is looked at once for 16 reads."""
    ticks = count(1)
    return look(Pace(now=lambda: 1000 + next(ticks) * 16 * seconds_between), reads, size)


def test_a_stream_at_the_speed_of_any_engine_never_waits():
    assert waits(MOMENT_SECONDS, 10_000) == 0


def test_a_stream_that_comes_faster_is_gathered():
    assert waits(MOMENT_SECONDS / 10, 10_000) > 7_000


def test_what_comes_in_large_pieces_is_gathered_already():
    assert waits(MOMENT_SECONDS / 10, 10_000, MOST_BYTES) == 0


def test_a_stream_that_slows_down_waits_for_one_round_more_at_most():
    times = iter([1000.0, 1000.001, 1001.0, 1002.0, 1003.0])
    pace = Pace(now=lambda: next(times))
    assert [look(pace, 16) for _ in range(20)] == [0, 0, *[16] * 16, 0, 0]
