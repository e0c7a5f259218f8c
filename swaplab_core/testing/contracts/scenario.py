"""How a contract runs its asynchronous tests: each in a new event loop and a new world."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Generic, TypeVar

World = TypeVar("World")
PATIENCE_SECONDS = 60.0
"""A scenario that takes longer hangs."""


class Contract(ABC, Generic[World]):
    """Base of the suites. `loop_factory` makes the event loop; None means asyncio's own."""

    loop_factory: ClassVar[Callable[[], asyncio.AbstractEventLoop] | None] = None

    @abstractmethod
    def world(self) -> AbstractAsyncContextManager[World]:
        """Make the thing under test with its surroundings, and clean up afterwards."""

    def run(self, scenario: Callable[[World], Awaitable[None]]) -> None:
        """Run one scenario in a world of its own."""

        async def main() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS), self.world() as world:
                await scenario(world)

        with asyncio.Runner(loop_factory=type(self).loop_factory) as runner:
            runner.run(main())
