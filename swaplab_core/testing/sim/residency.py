"""Whether the simulated engine is awake, and the memory it holds."""

from __future__ import annotations

import asyncio

from attrs import define, field

from swaplab_core.testing.sim.options import SimOptions

PARTS = frozenset({"weights", "kv_cache"})
MIB = 1024 * 1024


@define
class Residency:
    """Sleep as vLLM knows it: level 0 is awake, 1 has moved the weights away, 2 has dropped them.

    Waking may be done in parts; it is awake when all parts are back.
    """

    options: SimOptions
    level: int = 0
    has_forgotten: bool = False
    _missing: frozenset[str] = frozenset()
    _memory: bytes = field(default=b"", repr=False)

    @property
    def is_asleep(self) -> bool:
        """Is any part of the model away?"""
        return bool(self._missing)

    @property
    def footprint_mib(self) -> int:
        """What it claims to use now."""
        return 0 if self.is_asleep else self.options.footprint_mib

    @property
    def allocated_mib(self) -> int:
        """What it really holds."""
        return len(self._memory) // MIB

    def allocate(self) -> None:
        """Take the declared memory, if we are to take it at all."""
        if self.options.allocate:
            self._memory = b"\x01" * (self.options.footprint_mib * MIB)  # not zeros: those would cost no memory

    async def fall_asleep(self, level: int) -> bool:
        """Take the configured time; answer whether it worked."""
        await asyncio.sleep(self.options.sleep_seconds)
        if self.options.sleep_fails:
            return False
        self.level = level
        self._missing = PARTS if level > 0 else frozenset()
        self._memory = b""
        return True

    async def wake(self, parts: frozenset[str]) -> bool:
        """Bring back these parts, all when none are named; answer whether it worked."""
        await asyncio.sleep(self.options.wake_seconds)
        if self.options.wake_fails:
            return False
        self._missing -= parts or PARTS
        self.has_forgotten = self.options.forgets_in_sleep
        if not self._missing:
            self.level = 0
            self.allocate()
        return True
