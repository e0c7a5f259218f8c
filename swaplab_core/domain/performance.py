"""How busy the machine is: samples of the system and of its GPUs. Bytes, percent of 100, degrees Celsius, watts.

None means that nobody could tell. What the machine *is* stands in `hardware.py`.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime

from attrs import evolve, frozen

_SHARES_MEMORY = re.compile(r"\b(GB10|N1X|Thor|Orin|Xavier|Tegra|Jetson)\b", re.IGNORECASE)
"""NVIDIA's chips whose GPU has no memory of its own. A name is asked for, because a card of any kind may fail to tell
its memory for a while, and must not be given the system's."""


class MemoryKind(enum.Enum):
    """Whose memory a GPU computes in."""

    DEDICATED = "dedicated"
    UNIFIED = "unified"
    SHARED_SYSTEM = "shared_system"
    UNKNOWN = "unknown"


@frozen
class NetworkCounters:
    """Bytes through one interface since the machine came up."""

    name: str
    received_bytes: int
    sent_bytes: int


@frozen
class SystemSample:
    """One look at the system; `core_percent` has one number for each logical core.

    `memory_used_bytes` is what programs could not get any more, so without caches; `memory_free_bytes` is what nobody
    uses at all.
    """

    taken_at: datetime
    core_percent: tuple[float, ...]
    memory_total_bytes: int
    memory_used_bytes: int
    memory_free_bytes: int
    swap_total_bytes: int | None
    swap_used_bytes: int | None
    load_averages: tuple[float, float, float] | None
    network: tuple[NetworkCounters, ...]


@frozen
class GpuSample:
    """One look at one GPU. `id` is its number at its source, `uuid` "" when it has none."""

    taken_at: datetime
    id: int
    name: str
    uuid: str = ""
    temperature_celsius: float | None = None
    memory_temperature_celsius: float | None = None
    busy_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    fan_percent: float | None = None
    power_watts: float | None = None
    memory_kind: MemoryKind = MemoryKind.DEDICATED

    @property
    def memory_percent(self) -> float | None:
        """How full its memory is."""
        if self.memory_used_bytes is None or not self.memory_total_bytes:
            return None
        return 100 * self.memory_used_bytes / self.memory_total_bytes


@frozen
class ProcessSample:
    """One look at everything that a running model has started on this machine.

    `memory_bytes` is what it holds of the system's memory, mapped files of weights included.
    """

    taken_at: datetime
    model: str
    memory_bytes: int


def has_unified_memory(name: str, told_bytes: int | None) -> bool:
    """Whether a GPU of this name, which told so much memory, computes in the system's."""
    return not told_bytes and bool(_SHARES_MEMORY.search(name))


def with_system_memory(gpu: GpuSample, system: SystemSample | None) -> GpuSample:
    """Fill in the memory of a GPU that shares the system's: its drivers answer "N/A"."""
    if not has_unified_memory(gpu.name, gpu.memory_total_bytes):
        return gpu
    if system is None:
        return evolve(gpu, memory_kind=MemoryKind.UNIFIED, memory_used_bytes=None, memory_total_bytes=None)
    return evolve(
        gpu,
        memory_kind=MemoryKind.UNIFIED,
        memory_used_bytes=system.memory_used_bytes,
        memory_total_bytes=system.memory_total_bytes,
    )
