"""The running event loop's time: the port `Clock`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import frozen

from swaplab_core.ports import Timer


@frozen
class LoopClock:
    """Monotonic seconds of the event loop that runs, so `now` agrees with its timers."""

    def now(self) -> float:
        """Seconds since an arbitrary point."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`, on the event loop."""
        return asyncio.get_running_loop().call_later(seconds, call)
