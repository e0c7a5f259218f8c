"""Which live models must go before another may start: the interface of groups and matrix."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import frozen

from swaplab_core.domain.ids import ModelId


class Residency(enum.IntEnum):
    """How far up a model is; an eviction says how far down it goes."""

    STOPPED = 0
    ASLEEP = 1
    READY = 2


@frozen
class Eviction:
    """One model that must go, with what that costs (1 unless configured) and why, for people."""

    model: ModelId
    cost: int = 1
    reason: str = ""


class Policy(Protocol):
    """A pure decision; it must not log, wait or remember.

    Rules every policy keeps (checked by the engine's rule-based machine and a property test):
    `evictions` names only members of `live` and never the target; an empty answer stays empty when `live` shrinks.
    """

    def evictions(self, target: ModelId, live: frozenset[ModelId]) -> Sequence[Eviction]:
        """Which members of `live` (the target not among them) must go so that `target` may run."""
        ...

    def rivals(self, target: ModelId) -> frozenset[ModelId]:
        """Models that `target` can never run beside: those m with a non-empty `evictions(target, {m})`."""
        ...


def models_of(evictions: Iterable[Eviction]) -> frozenset[ModelId]:
    """Only the names."""
    return frozenset(eviction.model for eviction in evictions)
