"""Memory: what is free, what each model holds or will need, and whether a load would fit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from attrs import define, field, frozen

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.footprint import Fit, Footprint, Room, estimate, fits, rooms
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import LOCAL
from swaplab_core.engine import SwapPlan
from swaplab_core.runtime.memory import MemoryBook
from swaplab_core.runtime.performance import Latest

WEIGHTS_FRESH_SECONDS = 60.0


@frozen
class Verdict:
    """What a load needs, and place by place whether it is there. `places` is empty when nothing can be compared."""

    need: Footprint
    places: tuple[Fit, ...]

    @property
    def is_enough(self) -> bool | None:
        """Whether it fits; None when nobody knows."""
        return all(place.is_enough for place in self.places) if self.places else None


def places_of(latest: Callable[[datetime], Latest]) -> Mapping[str, Room]:
    """What is free now, by the newest samples."""
    seen = latest(datetime.now(UTC))
    return rooms(seen.system, seen.gpus)


@define(eq=False)
class Memory:
    """`spec` says how a model would be launched, `weigh` looks up the size of its weights (on the loop: it waits)."""

    book: MemoryBook
    spec: Callable[[ModelId], Awaitable[LaunchSpec]]
    weigh: Callable[[LaunchSpec], Awaitable[int]]
    now: Callable[[], float]
    _weights: dict[ModelId, tuple[float, int]] = field(factory=dict, init=False)

    def places(self) -> Mapping[str, Room]:
        """What is free now."""
        return self.book.places()

    async def needs(self, model: ModelId) -> Footprint:
        """What a load of this model will take, as far as anybody can tell."""
        measured = self.book.known.get(model)
        weights = 0 if measured is not None and measured.held else await self.weights(model)
        return estimate(measured, weights, self.places())

    async def weights(self, model: ModelId) -> int:
        """Bytes of the weights that its command names, 0 when none are found on this machine."""
        at, size = self._weights.get(model, (0.0, 0))
        if model in self._weights and self.now() - at < WEIGHTS_FRESH_SECONDS:
            return size
        size = await self._look(model)
        self._weights[model] = (self.now(), size)
        return size

    async def _look(self, model: ModelId) -> int:
        try:
            spec = await self.spec(model)
        except SwaplabError:
            return 0
        return await self.weigh(spec) if spec.node in {"", LOCAL} else 0

    async def verdict(self, plan: SwapPlan) -> Verdict:
        """Whether the model of a plan fits when the plan is carried out."""
        need = await self.needs(plan.model)
        leaving = [Footprint(self.book.held(gone.model)) for gone in plan.evictions]
        is_loaded = bool(self.book.held(plan.model))
        return Verdict(need, () if is_loaded else fits(need, self.places(), leaving))

    async def all(self, models: Sequence[ModelId]) -> Mapping[ModelId, Footprint]:
        """What each of these models needs."""
        needs = await asyncio.gather(*(self.needs(model) for model in models))
        return dict(zip(models, needs, strict=True))
