"""How much memory a model needs, where, how we know, and whether it is free. Pure; bytes."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from swaplab_core.domain.performance import GpuSample, MemoryKind, SystemSample

SYSTEM = "system"
GPU = "gpu"


class Basis(enum.Enum):
    """How we know what a model needs."""

    MEASURED = "measured"
    WEIGHTS = "weights"
    UNKNOWN = "unknown"


@frozen
class Footprint:
    """What a model holds or will hold, by where: `system` and `gpu`. `at` is when that was measured, unix seconds.

    `WEIGHTS` counts the files of its weights only: contexts and buffers come on top.
    """

    held: Mapping[str, int] = field(factory=dict)
    basis: Basis = Basis.UNKNOWN
    at: float = 0.0


@frozen
class Room:
    """The memory of one place: all of it, and what is free now."""

    total_bytes: int
    free_bytes: int


@frozen
class Fit:
    """What a model needs of one place, what is free there, and what others give back when they go for it."""

    where: str
    needs_bytes: int
    free_bytes: int
    freed_bytes: int
    total_bytes: int

    @property
    def is_enough(self) -> bool:
        """Whether it fits once the others are gone."""
        return self.needs_bytes <= self.free_bytes + self.freed_bytes


def rooms(system: SystemSample | None, gpus: Iterable[GpuSample]) -> Mapping[str, Room]:
    """The places there are. GPUs that compute in the system's memory have none of their own."""
    found: dict[str, Room] = {}
    if system is not None:
        found[SYSTEM] = Room(system.memory_total_bytes, system.memory_total_bytes - system.memory_used_bytes)
    own = [gpu for gpu in gpus if gpu.memory_kind is MemoryKind.DEDICATED and gpu.memory_total_bytes]
    if own:
        total = sum(gpu.memory_total_bytes or 0 for gpu in own)
        found[GPU] = Room(total, total - sum(gpu.memory_used_bytes or 0 for gpu in own))
    return found


def estimate(measured: Footprint | None, weights_bytes: int, places: Mapping[str, Room]) -> Footprint:
    """The best that is known: what earlier loads took, else the size of the weights, put where engines put them."""
    if measured is not None and measured.held:
        return measured
    if weights_bytes:
        return Footprint({GPU if GPU in places else SYSTEM: weights_bytes}, Basis.WEIGHTS)
    return Footprint()


def fits(need: Footprint, places: Mapping[str, Room], leaving: Sequence[Footprint] = ()) -> tuple[Fit, ...]:
    """Compare, place by place; nothing for places whose memory nobody tells."""
    return tuple(
        Fit(
            where,
            needs,
            places[where].free_bytes,
            sum(each.held.get(where, 0) for each in leaving),
            places[where].total_bytes,
        )
        for where, needs in need.held.items()
        if where in places
    )
