"""A tape of the engine: what it was told and answered lately, kept at the cost of one small object for each fact."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from swaplab_core.engine import SwapEngine
from swaplab_core.engine.effects import Effect
from swaplab_core.engine.facts import Fact
from swaplab_core.engine.recording import Recording, Step, capture

LENGTH = 1000
"""At least so many facts are kept, and at most twice as many."""


@define(eq=False)
class Tape:
    """Two reels: when the newer one is full it becomes the older one. A copy of the engine stands at the start of each,
    for facts alone tell nothing without the state that they met.
    """

    _engine: SwapEngine
    length: int = LENGTH
    _start: SwapEngine = field(init=False)
    _middle: SwapEngine = field(init=False)
    _older: list[Step] = field(factory=list, init=False)
    _newer: list[Step] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._start = self._middle = self._engine.copy()

    def told(self, fact: Fact, now: float) -> Step:
        """Keep a fact that the engine is about to hear; its effects are set when they are known."""
        if len(self._newer) == self.length:
            self._start, self._older = self._middle, self._newer
            self._middle, self._newer = self._engine.copy(), []
        step = Step(now, fact)
        self._newer.append(step)
        return step

    def untold(self) -> None:
        """The newest fact was not told after all."""
        self._newer.pop()

    @property
    def latest_effects(self) -> Sequence[Effect]:
        """What the engine answered to the newest fact."""
        return (self._newer[-1].effects or ()) if self._newer else ()

    def recording(self) -> Recording:
        """What is on it now."""
        return Recording(capture(self._start), (*self._older, *self._newer))
