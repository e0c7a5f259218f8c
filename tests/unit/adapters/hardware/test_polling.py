"""Asking a source again and again."""

from __future__ import annotations

import asyncio

from swaplab_core.adapters.hardware.polling import SourceFailed, poll
from swaplab_core.testing.fakes import ManualClock

EVERY = 5.0


def polled(*answers, seconds=100.0):
    """What was reported of these answers (None fails), when, and why it ended; None when it did not."""

    async def scenario():
        clock, left, reports = ManualClock(), list(answers), []

        async def read():
            answer = left.pop(0) if left else "more"
            if answer is None:
                raise SourceFailed(f"failed with {len(left)} left")
            return answer

        polling = asyncio.ensure_future(
            poll(clock, EVERY, read, lambda samples: reports.append((clock.now(), samples)))
        )
        await clock.advance(seconds)
        if polling.done():
            return reports, polling.result()
        polling.cancel()
        await asyncio.wait({polling})
        return reports, None

    return asyncio.run(scenario())


def test_the_first_look_is_at_once_and_the_others_follow_at_intervals():
    assert polled("a", "b", seconds=12) == ([(0, "a"), (5, "b"), (10, "more")], None)


def test_a_source_that_fails_at_once_is_none():
    assert polled(None) == ([], "failed with 0 left")


def test_two_failures_in_a_row_are_forgiven():
    assert polled("a", None, None, "b", seconds=15) == ([(0, "a"), (15, "b")], None)


def test_the_third_failure_in_a_row_ends_it():
    reports, reason = polled("a", None, "b", None, None, None)
    assert [samples for _, samples in reports] == ["a", "b"]
    assert reason == "failed with 0 left"
