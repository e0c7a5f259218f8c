"""What the machine is, found out once and remembered."""

from __future__ import annotations

import asyncio

from attrs import define, field

from swaplab_core.domain.hardware import HardwareSnapshot
from swaplab_core.ports import HardwareProbe

LIMIT_SECONDS = 10.0


@define(eq=False)
class HardwareInventory:
    """The first who asks waits for the look, everybody else gets what it found. A look that failed is no last word."""

    probe: HardwareProbe
    limit_seconds: float = LIMIT_SECONDS
    _known: HardwareSnapshot | None = field(default=None, init=False)
    _looking: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def snapshot(self) -> HardwareSnapshot | None:
        """The snapshot; None when the machine did not tell in time."""
        if self._known is None:
            async with self._looking:
                if self._known is None:
                    self._known = await self._look()
        return self._known

    async def _look(self) -> HardwareSnapshot | None:
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await self.probe.detect()
        except TimeoutError:
            return None
