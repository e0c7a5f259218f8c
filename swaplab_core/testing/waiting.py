"""Wait for a condition with a deadline: what a test does instead of sleeping for a guessed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 60.0
PAUSE_SECONDS = 0.01
LONG_PAUSE_SECONDS = 0.05
"""Asking costs the one who is asked, so who has waited for long asks less often."""


def wait_until(condition: Callable[[], T | None], what: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> T:
    """Ask again and again until the answer is true, and return it.

    Raises AssertionError that says `what` was awaited when the deadline passes.
    """
    begin = time.monotonic()
    while not (answer := condition()):
        waited = time.monotonic() - begin
        if waited > deadline_seconds:
            raise AssertionError(_too_late(what, deadline_seconds))
        time.sleep(min(max(PAUSE_SECONDS, waited / 10), LONG_PAUSE_SECONDS))
    return answer


async def wait_until_async(
    condition: Callable[[], T | None], what: str, *, deadline_seconds: float = DEADLINE_SECONDS
) -> T:
    """`wait_until` that lets the event loop run between two questions."""
    end = time.monotonic() + deadline_seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(_too_late(what, deadline_seconds))
        await asyncio.sleep(PAUSE_SECONDS)
    return answer


def _too_late(what: str, deadline_seconds: float) -> str:
    return f"waited {deadline_seconds:g} s in vain: {what}"
