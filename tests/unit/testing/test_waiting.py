from __future__ import annotations

import asyncio

import pytest

from swaplab_core.testing.waiting import wait_until, wait_until_async


def test_waiting_returns_the_first_true_answer():
    answers = iter([None, "", "here"])
    assert wait_until(lambda: next(answers), "an answer") == "here"


def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match=r"waited 0\.05 s in vain: the moon"):
        wait_until(lambda: None, "the moon", deadline_seconds=0.05)


def test_async_waiting_lets_others_work():
    async def main() -> bool:
        event = asyncio.Event()
        asyncio.get_running_loop().call_soon(event.set)
        return await wait_until_async(event.is_set, "the event")

    assert asyncio.run(main())


def test_async_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match="the moon"):
        asyncio.run(wait_until_async(lambda: None, "the moon", deadline_seconds=0.05))
