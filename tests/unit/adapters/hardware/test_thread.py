"""The thread for calls that block."""

from __future__ import annotations

import asyncio
import threading

import pytest

from swaplab_core.adapters.hardware.thread import SamplingThread
from swaplab_core.testing.waiting import wait_until, wait_until_async

PATIENT = 60.0


def test_calls_are_made_one_after_the_other_on_one_thread_that_is_not_the_loops():
    async def scenario():
        thread = SamplingThread("test")
        return [await thread.call(threading.current_thread, PATIENT) for _ in range(3)]

    first, *others = asyncio.run(scenario())
    assert first is not threading.current_thread()
    assert first.daemon
    assert all(other is first for other in others)


def test_no_thread_begins_before_the_first_call():
    before = threading.active_count()
    SamplingThread("test")
    assert threading.active_count() == before


def test_the_loop_runs_on_while_a_call_blocks():
    async def scenario():
        thread, gate = SamplingThread("test"), threading.Event()
        asyncio.get_running_loop().call_soon(gate.set)
        return await thread.call(lambda: gate.wait(PATIENT), PATIENT)

    assert asyncio.run(scenario()) is True


def test_a_call_that_hangs_is_given_up_and_the_next_one_refused_until_it_is_back():
    async def scenario():
        thread, gate = SamplingThread("test"), threading.Event()
        with pytest.raises(TimeoutError):
            await thread.call(gate.wait, 0.02)
        with pytest.raises(TimeoutError, match="still hangs"):
            await thread.call(lambda: 1, PATIENT)
        gate.set()
        while True:
            try:
                return await thread.call(lambda: 2, PATIENT)
            except TimeoutError:
                await asyncio.sleep(0.01)

    assert asyncio.run(scenario()) == 2


def test_a_call_that_raises_answers_none_is_shown_and_the_next_one_works(monkeypatch):
    shown = []
    monkeypatch.setattr(threading, "excepthook", shown.append)

    def mistake():
        raise RuntimeError("a mistake")

    async def scenario():
        thread = SamplingThread("test")
        return [await thread.call(work, PATIENT) for work in (mistake, lambda: 3, mistake, lambda: 4)]

    assert asyncio.run(scenario()) == [None, 3, None, 4]
    wait_until(lambda: len(shown) == 2, "both mistakes to be shown")
    assert {str(each.exc_value) for each in shown} == {"a mistake"}


def test_a_cancelled_caller_leaves_the_thread_usable():
    async def scenario():
        thread, gate, begun = SamplingThread("test"), threading.Event(), threading.Event()

        def work():
            begun.set()
            gate.wait(PATIENT)

        caller = asyncio.ensure_future(thread.call(work, PATIENT))
        await wait_until_async(begun.is_set, "the call to begin")
        caller.cancel()
        await asyncio.wait({caller})
        gate.set()
        while True:
            try:
                return await thread.call(lambda: 5, PATIENT)
            except TimeoutError:
                await asyncio.sleep(0.01)

    assert asyncio.run(scenario()) == 5
