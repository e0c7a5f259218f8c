"""What each model has taken of the memory: learned while it runs, kept for the next load.

Two ways to learn: what its processes hold, and how much less is free than before it was started, when nobody else came
or went meanwhile. The second sees what is in containers and on GPUs; the greater one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field, frozen

from swaplab_core.domain.footprint import GPU, SYSTEM, Basis, Footprint, Room
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.performance import ProcessSample
from swaplab_core.engine import Phase

WORTH_SAVING = 0.05
"""A change by less than this share is not worth a write."""


@frozen
class _Before:
    """What was free when a model began to load."""

    places: Mapping[str, Room]
    is_alone: bool = True


@define(eq=False)
class MemoryBook:
    """`places` tells what is free now, `save` keeps what is known over a restart.

    Only models of this machine are measured: `told` and `changed` are called for those.
    """

    places: Callable[[], Mapping[str, Room]]
    save: Callable[[Mapping[ModelId, Footprint]], None]
    known: dict[ModelId, Footprint] = field(factory=dict)
    now: Callable[[], float] = time.time
    _before: dict[ModelId, _Before] = field(factory=dict, init=False)
    _ready: set[ModelId] = field(factory=set, init=False)
    _held: dict[ModelId, dict[str, int]] = field(factory=dict, init=False)

    def changed(self, model: ModelId, phase: Phase) -> None:
        """A model has entered a phase."""
        if phase in {Phase.STARTING, Phase.STOPPED, Phase.STOPPING}:
            self._before = {name: _Before(each.places, name == model) for name, each in self._before.items()}
        if phase is Phase.READY:
            self._ready.add(model)
            return
        self._ready.discard(model)
        self._held.pop(model, None)
        self._before.pop(model, None)
        if phase is Phase.STARTING:
            self._before[model] = _Before(self.places(), is_alone=not self._before)

    def told(self, samples: Sequence[ProcessSample]) -> None:
        """What the processes of running models hold now."""
        for sample in samples:
            model = ModelId(sample.model)
            if model in self._ready:
                self._learn(model, sample.memory_bytes)

    def held(self, model: ModelId) -> Mapping[str, int]:
        """What a ready model holds now, as far as it was measured."""
        return self._held.get(model, {})

    def _learn(self, model: ModelId, resident_bytes: int) -> None:
        taken = self._taken(model)
        most = self._held.setdefault(model, {})
        for where, size in {SYSTEM: resident_bytes, GPU: 0}.items():
            found = max(size, taken.get(where, 0), most.get(where, 0))
            if found:
                most[where] = found
        before = self.known.get(model)
        self.known[model] = Footprint(dict(most), Basis.MEASURED, self.now())
        if before is None or _differs(before.held, most):
            self.save(self.known)

    def _taken(self, model: ModelId) -> Mapping[str, int]:
        """How much less is free than before the load; told once, and only when nobody else can be the cause."""
        before = self._before.pop(model, None)
        if before is None or not before.is_alone:
            return {}
        now = self.places()
        return {w: room.free_bytes - now[w].free_bytes for w, room in before.places.items() if w in now}


def _differs(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    places = {*one, *other}
    return any(
        abs(one.get(where, 0) - other.get(where, 0)) > WORTH_SAVING * max(one.get(where, 0), 1) for where in places
    )
