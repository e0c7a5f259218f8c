"""Which model was where, and why: a ring of phase changes, from which the pages draw the swap timeline."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from attrs import define, field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import Phase
from swaplab_core.engine.effects import SleepUpstream, StopUpstream
from swaplab_core.runtime.dispatcher import Dispatcher

LENGTH = 5000


@frozen
class PhaseChange:
    """A model entered a phase at a moment (unix seconds). `because` is said of stopping and falling asleep."""

    at: float
    model: ModelId
    phase: Phase
    because: str = ""


@define(eq=False)
class Timeline:
    """Keeps the newest changes; told of each model whose phase has changed, right after the engine's step."""

    now: Callable[[], float] = time.time
    _changes: deque[PhaseChange] = field(factory=lambda: deque(maxlen=LENGTH), init=False)

    def note(self, dispatcher: Dispatcher, model: ModelId) -> None:
        """Remember the phase that a model is in now."""
        slot = dispatcher.engine.slots.get(model)
        phase = slot.phase if slot else Phase.STOPPED
        self._changes.append(PhaseChange(self.now(), model, phase, self._reason(dispatcher, model)))

    def since(self, moment: float) -> Sequence[PhaseChange]:
        """The changes after a moment, oldest first, and before them the last of each model before it."""
        changes = list(self._changes)
        earlier = {change.model: change for change in changes if change.at <= moment}
        return [*sorted(earlier.values(), key=lambda change: change.at), *(c for c in changes if c.at > moment)]

    @staticmethod
    def _reason(dispatcher: Dispatcher, model: ModelId) -> str:
        for effect in dispatcher.tape.latest_effects:
            if isinstance(effect, StopUpstream | SleepUpstream) and effect.model == model:
                return effect.because
        return ""
