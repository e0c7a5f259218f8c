"""Asking a source again and again, for those that do not tell by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from swaplab_core.domain.performance import GpuSample
from swaplab_core.ports import Clock

FAILURES_FORGIVEN = 2
"""So many in a row, once it has worked: a tool may be slow while a driver is busy."""


class SourceFailed(Exception):
    """A source does not tell; says why, for the log."""


async def poll(
    clock: Clock,
    every_seconds: float,
    read: Callable[[], Awaitable[Sequence[GpuSample]]],
    report: Callable[[Sequence[GpuSample]], None],
) -> str:
    """Report what `read` answers, until it fails; answers why it did. `read` raises SourceFailed."""
    failures = FAILURES_FORGIVEN
    while True:
        try:
            report(await read())
            failures = 0
        except SourceFailed as error:
            failures += 1
            if failures > FAILURES_FORGIVEN:
                return str(error)
        await clock.sleep(every_seconds)
