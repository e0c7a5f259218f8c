"""The clocks keep the contract: the event loop's and the manual one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.testing.contracts import ClockContract
from swaplab_core.testing.contracts.clock import ClockWorld
from swaplab_core.testing.fakes import ManualClock


@define
class RealTime:
    clock: LoopClock = field(factory=LoopClock)

    async def let_pass(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@define
class VirtualTime:
    clock: ManualClock = field(factory=ManualClock)

    async def let_pass(self, seconds: float) -> None:
        await self.clock.advance(seconds)


class TestLoopClock(ClockContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ClockWorld]:
        yield RealTime()


class TestLoopClockOnUvloop(TestLoopClock):
    loop_factory = uvloop.new_event_loop


class TestManualClock(ClockContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ClockWorld]:
        yield VirtualTime()


class TestManualClockOnUvloop(TestManualClock):
    loop_factory = uvloop.new_event_loop
