"""The swap plan: what granting a request would start, evict, wait for or refuse, and why; without side effects.

The plan runs the engine itself on a copy, in a world where every start succeeds, what is under way completes in the
order it began, and a running request ends only when nothing else moves. So the plan cannot drift from the engine: in
such a world, a request made right after planning does exactly what the plan says.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator

from attrs import define, field, frozen

from swaplab_core.domain.ids import ModelId, TicketId
from swaplab_core.engine.effects import (
    Effect,
    Grant,
    RefusalCode,
    Refuse,
    SleepUpstream,
    StartUpstream,
    StopUpstream,
    WakeUpstream,
)
from swaplab_core.engine.facts import Fact, Released, Requested, UpstreamAsleep, UpstreamExited, UpstreamReady
from swaplab_core.engine.phases import COMING_UP, Phase
from swaplab_core.engine.policy import Residency
from swaplab_core.engine.swap import SwapEngine

_OURS = TicketId(-1)
_LOOKAHEAD = 5_000
"""Facts times waiting models: a plan behind a very long queue ends early and says so, instead of taking seconds."""


class Verdict(enum.Enum):
    """What would become of the request."""

    SERVED_NOW = "served-now"
    AFTER_SWAP = "after-swap"
    AFTER_WAIT = "after-wait"
    REFUSED = "refused"


@frozen
class PlannedEviction:
    """One model that would go: how far down, what the policy says it costs, and why."""

    model: ModelId
    to: Residency
    cost: int
    reason: str


@frozen
class SwapPlan:
    """What would happen to a request for `model`, in order.

    `waits_for` are the busy models whose running requests must end first, `position` the place in the queue on arrival
    (0 when served or refused at once). A plan that is not `complete` has looked ahead as far as
    it may: the queue is longer.
    """

    model: ModelId
    verdict: Verdict
    position: int = 0
    evictions: tuple[PlannedEviction, ...] = ()
    starts: tuple[ModelId, ...] = ()
    waits_for: tuple[ModelId, ...] = ()
    refusal: RefusalCode | None = None
    reason: str = ""
    complete: bool = True


def plan(engine: SwapEngine, model: ModelId) -> SwapPlan:
    """Say what a request for `model` would do now. Leaves `engine` untouched; ends for every state."""
    return _Trial(engine.copy(), model).run()


@define
class _Trial:
    engine: SwapEngine
    model: ModelId
    facts: deque[Fact] = field(factory=deque)
    evictions: list[PlannedEviction] = field(factory=list)
    starts: list[ModelId] = field(factory=list)
    waits_for: list[ModelId] = field(factory=list)
    answer: Grant | Refuse | None = None
    work: int = 0

    def run(self) -> SwapPlan:
        under_way = list(_under_way(self.engine))
        self._step(Requested(_OURS, self.model))
        at_once = self.answer is not None
        position = 0 if at_once else self.engine.positions()[_OURS]
        self.facts.extendleft(reversed(under_way))
        while self.answer is None and self.work < _LOOKAHEAD and (self.facts or self._end_request_in_the_way()):
            self._step(self.facts.popleft())
        return self._plan(position=position, at_once=at_once)

    def _step(self, fact: Fact) -> None:
        self.work += 1 + len(self.engine.queued)
        for effect in self.engine.step(fact):
            self._note(effect)

    def _note(self, effect: Effect) -> None:
        match effect:
            case StartUpstream(model, incarnation) | WakeUpstream(model, incarnation):
                self.starts.append(model)
                self.facts.append(UpstreamReady(model, incarnation))
            case StopUpstream(model, incarnation, because, cost):
                self.evictions.append(PlannedEviction(model, Residency.STOPPED, cost, because))
                self.facts.append(UpstreamExited(model, incarnation))
            case SleepUpstream(model, incarnation, because, cost):
                self.evictions.append(PlannedEviction(model, Residency.ASLEEP, cost, because))
                self.facts.append(UpstreamAsleep(model, incarnation))
            case Grant() | Refuse() if effect.ticket == _OURS:
                self.answer = effect
            case _:
                pass  # timers run out after the request; answers to others change nothing for us

    def _end_request_in_the_way(self) -> bool:
        """Nothing moves by itself any more: the oldest request for a model in somebody's way ends."""
        serving = {ticket: slot.model for slot in self.engine.slots.values() for ticket in slot.serving}
        in_the_way = _in_the_way(self.engine)
        ticket = min((t for t, m in serving.items() if m in in_the_way), default=min(serving, default=None))
        if ticket is None:
            return False
        if serving[ticket] not in self.waits_for:
            self.waits_for.append(serving[ticket])
        self.facts.append(Released(ticket))
        return True

    def _plan(self, *, position: int, at_once: bool) -> SwapPlan:
        refused = self.answer if isinstance(self.answer, Refuse) else None
        return SwapPlan(
            self.model,
            _verdict(refused=refused is not None, at_once=at_once, swaps=bool(self.evictions or self.starts)),
            position,
            tuple(self.evictions),
            tuple(self.starts),
            tuple(self.waits_for),
            refused.code if refused else None,
            refused.reason if refused else "",
            complete=self.answer is not None,
        )


def _verdict(*, refused: bool, at_once: bool, swaps: bool) -> Verdict:
    if refused:
        return Verdict.REFUSED
    if at_once:
        return Verdict.SERVED_NOW
    return Verdict.AFTER_SWAP if swaps else Verdict.AFTER_WAIT


def _under_way(engine: SwapEngine) -> Iterator[Fact]:
    """How the starts and stops that are already running will end."""
    for slot in engine.slots.values():
        if slot.phase in COMING_UP:
            yield UpstreamReady(slot.model, slot.incarnation)
        elif slot.phase is Phase.STOPPING:
            yield UpstreamExited(slot.model, slot.incarnation)
        elif slot.phase is Phase.FALLING_ASLEEP:
            yield UpstreamAsleep(slot.model, slot.incarnation)


def _in_the_way(engine: SwapEngine) -> set[ModelId]:
    """Models that must go for somebody who waits."""
    waiting = [slot for slot in engine.queued.values() if slot.waiting]
    return {eviction.model for slot in waiting for eviction in slot.evictions(engine.policy, engine.live)}
