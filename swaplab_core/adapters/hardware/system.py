"""How busy the system is, as psutil tells: the port `SystemProbe`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from attrs import define, field

from swaplab_core.adapters.hardware.thread import SamplingThread
from swaplab_core.domain.performance import NetworkCounters, SystemSample

TIMEOUT_SECONDS = 10.0
FIRST_LOOK_SECONDS = 0.1
"""How long the first sample watches the cores; later ones tell of the time since the one before."""
LOOPBACK_NAMES = frozenset({"lo", "lo0"})

T = TypeVar("T")

_log = logging.getLogger(__name__)


@define(eq=False)
class PsutilProbe:
    """Looks on a thread of its own; psutil is imported with the first look."""

    _thread: SamplingThread = field(factory=lambda: SamplingThread("system sampling"), init=False)
    _has_looked: bool = field(default=False, init=False)

    async def sample(self) -> SystemSample | None:
        """One look; None when the system does not tell."""
        try:
            return await self._thread.call(self._look, TIMEOUT_SECONDS)
        except TimeoutError:
            return None

    def _look(self) -> SystemSample | None:
        import psutil  # noqa: PLC0415 - whoever measures nothing shall not pay for it

        cores = _told(lambda: psutil.cpu_percent(None if self._has_looked else FIRST_LOOK_SECONDS, percpu=True))
        memory = _told(psutil.virtual_memory)
        if cores is None or memory is None:
            return None
        self._has_looked = True
        swap = _told(psutil.swap_memory)
        network = _told(lambda: psutil.net_io_counters(pernic=True)) or {}
        return SystemSample(
            datetime.now(UTC),
            tuple(cores),
            memory.total,
            memory.total - memory.available,
            memory.free,
            swap.total if swap else None,
            swap.used if swap else None,
            _told(psutil.getloadavg),
            tuple(
                NetworkCounters(name, counters.bytes_recv, counters.bytes_sent)
                for name, counters in sorted(network.items())
                if name not in LOOPBACK_NAMES
            ),
        )


def _told(ask: Callable[[], T]) -> T | None:
    """What psutil answers; None where a container or an odd system does not let it read."""
    try:
        return ask()
    except (OSError, RuntimeError, ValueError) as error:
        _log.debug("the system does not tell: %s", error)
        return None
