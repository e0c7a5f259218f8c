"""The running event loop's time: the port `Clock`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define, field

from swaplab_core.ports import Timer


@define(eq=False)
class LoopClock:
    """Monotonic seconds of the event loop that runs at the first question, so `now` agrees with its timers."""

    _time: Callable[[], float] | None = field(default=None, init=False)

    def now(self) -> float:
        """Seconds since an arbitrary point."""
        if self._time is None:
            self._time = asyncio.get_running_loop().time  # asking for the loop is a system call
        return self._time()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`, on the event loop."""
        return asyncio.get_running_loop().call_later(seconds, call)
