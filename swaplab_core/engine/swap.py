"""The swap engine: one pure function from (state, fact) to effects.

No clock, no I/O, no logging, no asyncio. `step` absorbs one fact about the world, then plans from scratch. The planner
is level-triggered: there is a single decision path whatever woke it, so no event is lost that came at a wrong moment.

Planning has three passes, and their order matters:

1. retire   what the configuration no longer wants, as soon as its last stream has ended
2. grant    whoever waits for a model that may serve now, so that requests for a warm model are collated
3. room     for those still waiting, in the order of the queue:
            (a) all or nothing: never stop an idle rival while another rival is still busy
            (b) never start a model that would leave someone ahead in the queue with more to evict

Patience bounds the collation: a request is passed by at most `patience` later requests for models that are in its way.
Who is out of patience stands before all others, by arrival. So nobody waits for ever, however busy other models are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Self, assert_never

from attrs import define, evolve, field

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine.effects import (
    Effect,
    Grant,
    RefusalCode,
    Refuse,
    SetTimer,
    SleepUpstream,
    StartUpstream,
    StopUpstream,
    WakeUpstream,
)
from swaplab_core.engine.facts import (
    Fact,
    Reconfigured,
    Released,
    Requested,
    TimerFired,
    UnloadRequested,
    UpstreamAsleep,
    UpstreamExited,
    UpstreamFound,
    UpstreamReady,
)
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.phases import GOING_DOWN, LIVE, TRANSITIONS, Phase
from swaplab_core.engine.places import last_place, places, rank
from swaplab_core.engine.policy import Eviction, Policy, Residency, models_of
from swaplab_core.engine.slot import Fate, Slot, Waiting

DEFAULT_PATIENCE = 8


@define
class SwapEngine:
    """All that decides when a model starts, stops and serves. `step` is the only door; nobody touches the fields.

    `patience` is how many later requests for rival models may be served before a waiting one. `queued` holds every slot
    with waiting tickets (and, until the next step, some without), `retiring` every slot whose fate is not to stay,
    `moved` the models whose phase has changed since the shell last emptied it. `places` is what `positions` has counted
    since the last step.
    """

    policy: Policy
    slots: dict[ModelId, Slot]
    patience: int = DEFAULT_PATIENCE
    tickets: dict[TicketId, Slot] = field(factory=dict)
    ticks: int = 0
    starts: int = 0
    queued: dict[ModelId, Slot] = field(factory=dict)
    retiring: dict[ModelId, Slot] = field(factory=dict)
    live: frozenset[ModelId] = frozenset()
    moved: list[ModelId] = field(factory=list)
    places: Mapping[TicketId, int] | None = field(default=None, eq=False, repr=False)

    @classmethod
    def build(cls, policy: Policy, models: Mapping[ModelId, Limits], patience: int = DEFAULT_PATIENCE) -> Self:
        """Make an engine in which every model is stopped."""
        return cls(policy, {model: Slot(model, limits) for model, limits in models.items()}, patience)

    def step(self, fact: Fact) -> tuple[Effect, ...]:
        """Absorb one fact and answer everything that may be done now, in order. Total and deterministic."""
        if not self.queued and not self.retiring:  # most of the time: then there is nothing to plan for these two
            if isinstance(fact, Released):
                return self._release(fact.ticket)
            if isinstance(fact, Requested) and (granted := self.serve_at_once(fact)):
                return (granted,)
        self.places = None
        return (*self._absorb(fact), *self._plan())

    def serve_at_once(self, fact: Requested) -> Grant | None:
        """The whole step for a request that is granted by itself, with nobody else having a say in it.

        None: it must be told to `step`, and nothing has happened.
        """
        slot = self.slots.get(fact.model)
        if (
            slot is None
            or slot.phase is not Phase.READY
            or self.queued
            or self.retiring
            or len(slot.serving) >= slot.limits.concurrency
            or slot.evictions(self.policy, self.live)
        ):
            return None
        self._tick()  # of its arrival
        return self._serve(slot, fact.ticket)

    def positions(self) -> Mapping[TicketId, int]:
        """Place in the queue of every waiting ticket, counted from 1."""
        if self.places is None:  # asked by everybody who waits, once a second each: counted once between two steps
            self.places = places(self.queued.values(), self.patience)
        return self.places

    def last_place(self, model: ModelId) -> int:
        """Place in the queue of the ticket that has just come, and waits, for `model`."""
        return last_place(self.slots[model], self.queued.values(), self.patience)

    def waiting_count(self) -> int:
        """How many tickets wait."""
        return sum(len(slot.waiting) for slot in self.queued.values())

    def copy(self) -> SwapEngine:
        """An engine in the same state that can be stepped without touching this one."""
        slots = {model: slot.copy() for model, slot in self.slots.items()}
        return evolve(
            self,
            slots=slots,
            tickets={ticket: slots[slot.model] for ticket, slot in self.tickets.items()},
            queued={model: slots[model] for model in self.queued},
            retiring={model: slots[model] for model in self.retiring},
            moved=[],
        )

    # absorb: record the fact

    def _absorb(self, fact: Fact) -> Iterator[Effect]:
        match fact:
            case Requested(ticket, model):
                yield from self._enqueue(ticket, model)
            case Released(ticket):
                yield from self._release(ticket)
            case UpstreamReady(model, incarnation):
                yield from self._become_ready(model, incarnation)
            case UpstreamAsleep(model, incarnation):
                self._fall_asleep(model, incarnation)
            case UpstreamExited(model, incarnation, reason):
                yield from self._exit(model, incarnation, reason)
            case UpstreamFound(model, incarnation):
                yield from self._adopt(model, incarnation)
            case UnloadRequested(models):
                yield from self._unload(models)
            case TimerFired(model, generation):
                yield from self._expire(model, generation)
            case Reconfigured():
                yield from self._reconfigure(fact)
            case _:
                assert_never(fact)

    def _enqueue(self, ticket: TicketId, model: ModelId) -> Iterator[Effect]:
        slot = self.slots.get(model)
        if slot is None or slot.fate is Fate.REMOVE:
            yield Refuse(ticket, RefusalCode.UNKNOWN_MODEL, f"no model named {model!r} is configured")
        elif slot.claimed >= slot.limits.concurrency:
            yield Refuse(
                ticket,
                RefusalCode.TOO_MANY_REQUESTS,
                f"{model} has {slot.claimed} requests running or waiting, its limit is {slot.limits.concurrency}",
            )
        else:
            slot.waiting[ticket] = Waiting(ticket, self._tick(), slot.passed)
            self.tickets[ticket] = self.queued[model] = slot

    def _release(self, ticket: TicketId) -> tuple[Effect, ...]:
        slot = self.tickets.pop(ticket, None)
        if slot is None:
            return ()  # refused, or its upstream has died under it
        slot.waiting.pop(ticket, None)
        slot.serving.discard(ticket)
        return () if slot.serving else self._arm(slot)

    def _become_ready(self, model: ModelId, incarnation: Incarnation) -> Iterator[Effect]:
        slot = self._current(model, incarnation)
        if slot is not None:
            self._move(slot, UpstreamReady)
            slot.generation = self._tick()
            yield from self._arm(slot)

    def _fall_asleep(self, model: ModelId, incarnation: Incarnation) -> None:
        slot = self._current(model, incarnation)
        if slot is not None:
            self._move(slot, UpstreamAsleep)

    def _exit(self, model: ModelId, incarnation: Incarnation, reason: str) -> Iterator[Effect]:
        slot = self._current(model, incarnation)
        if slot is None:
            return
        failed = slot.phase is Phase.STARTING  # who waits for a wake that fails gets a fresh start instead
        self._move(slot, UpstreamExited)
        for ticket in slot.serving:
            del self.tickets[ticket]
        slot.serving.clear()
        if failed:
            yield from self._refuse_waiting(slot, RefusalCode.START_FAILED, reason or f"{model} failed to start")

    def _adopt(self, model: ModelId, incarnation: Incarnation) -> Iterator[Effect]:
        slot = self.slots[model]
        self._move(slot, UpstreamFound)
        slot.incarnation = incarnation
        self.starts = max(self.starts, incarnation)
        slot.generation = self._tick()
        yield from self._arm(slot)

    def _unload(self, models: Iterable[ModelId]) -> Iterator[Effect]:
        for model in sorted(models):
            slot = self.slots.get(model)
            if slot is not None:
                yield from self._refuse_waiting(slot, RefusalCode.UNLOADED, f"{model} was unloaded")
                yield from self._stop(slot, "unloaded on request")

    def _expire(self, model: ModelId, generation: int) -> Iterator[Effect]:
        slot = self.slots.get(model)
        if slot is not None and slot.is_idle and slot.generation == generation and not slot.waiting:
            yield from self._stop(slot, f"idle for {slot.limits.idle_seconds:g} s")

    def _reconfigure(self, fact: Reconfigured) -> Iterator[Effect]:
        self.policy = fact.policy
        self.patience = self.patience if fact.patience is None else fact.patience
        for model, limits in fact.models.items():
            slot = self.slots.setdefault(model, Slot(model, limits))
            if slot.limits != limits:
                slot.limits = limits
                slot.generation = self._tick()
                yield from self._arm(slot)
            if slot.fate is Fate.REMOVE or (model in fact.changed and slot.phase is not Phase.STOPPED):
                slot.fate = Fate.RESTART
                self.retiring[model] = slot
        for slot in self.slots.values():
            slot.forget_policy()
            if slot.model not in fact.models:
                slot.fate = Fate.REMOVE
                self.retiring[slot.model] = slot
                reason = f"{slot.model} was removed from the configuration"
                yield from self._refuse_waiting(slot, RefusalCode.UNLOADED, reason)
        self._recount()
        for slot in list(self.retiring.values()) if fact.at_once else ():
            yield from self._stop(slot, "its configuration has changed, and is to be followed at once")

    # plan: decide everything that may happen now

    def _plan(self) -> Iterator[Effect]:
        if self.retiring:
            yield from self._retire()
        if self.queued:
            queue = self._queue()
            granted = tuple(self._grant_all(queue))
            if granted:
                yield from granted
                queue = self._queue()  # heads have changed, and patience may have run out
            yield from self._make_room_for_all(queue)
            self.queued = {slot.model: slot for slot in queue}

    def _queue(self) -> list[Slot]:
        """Models that somebody waits for, in the order of their heads."""
        return sorted((slot for slot in self.queued.values() if slot.waiting), key=self._head_rank)

    def _retire(self) -> Iterator[Effect]:
        for slot in list(self.retiring.values()):
            if slot.phase is Phase.STOPPED:
                del self.retiring[slot.model]
                if slot.fate is Fate.REMOVE:
                    del self.slots[slot.model]
                slot.fate = Fate.STAY
            elif not slot.serving:
                yield from self._stop(slot, "its configuration has changed")

    def _grant_all(self, queue: list[Slot]) -> Iterator[Effect]:
        for slot in queue:
            if slot.phase is not Phase.READY or slot.fate is not Fate.STAY or self._evictions(slot):
                continue
            while slot.waiting:
                overtaken = self._delayed_by(slot, queue)
                if any(other.passed - other.head.mark >= self.patience for other in overtaken):
                    break
                for other in overtaken:
                    other.passed += 1
                ticket, _ = slot.waiting.popitem(last=False)
                yield self._serve(slot, ticket)

    def _delayed_by(self, slot: Slot, queue: list[Slot]) -> list[Slot]:
        """Who waits longer than the head of `slot`, and is kept waiting by it."""
        arrival = slot.head.arrival
        return [other for other in queue if other.waiting and other.head.arrival < arrival and self._keeps(slot, other)]

    def _keeps(self, slot: Slot, other: Slot) -> bool:
        """Whether `slot` is in the way of `other`, or stood before it by priority and kept it from coming up."""
        return other.is_blocked_by(slot.model, self.policy, self.live) or (
            slot.limits.priority > other.limits.priority and self._burdens(other, [slot])
        )

    def _make_room_for_all(self, queue: list[Slot]) -> Iterator[Effect]:
        for place, slot in enumerate(queue):
            if slot.fate is Fate.STAY:
                yield from self._make_room(slot, queue[:place])

    def _make_room(self, slot: Slot, ahead: list[Slot]) -> Iterator[Effect]:
        evictions = self._evictions(slot)
        if evictions:
            rivals = [(self.slots[eviction.model], eviction) for eviction in evictions]
            if all(rival.is_going or rival.may_go for rival, _ in rivals) and not self._burdens(slot, ahead):
                for rival, eviction in rivals:
                    yield from self._evict(rival, slot.model, eviction)
        elif slot.phase in {Phase.STOPPED, Phase.ASLEEP} and not self._is_draining() and not self._burdens(slot, ahead):
            yield self._bring_up(slot)

    def _burdens(self, slot: Slot, ahead: list[Slot]) -> bool:
        """Whether somebody ahead would have more to evict with `slot` up.

        What a policy answers may depend on everything that is live, so it is asked; rivals only save the question.
        """
        if any(slot.model in other.rivals(self.policy) for other in ahead):
            return True
        live = (self.live - models_of(self._evictions(slot))) | {slot.model}
        return any(
            models_of(self.policy.evictions(other.model, live - {other.model}))
            - (models_of(self._evictions(other)) - {slot.model})
            for other in ahead
        )

    def _is_draining(self) -> bool:
        """A removed model that still runs is unknown to the policy: starting beside it could exhaust the machine."""
        return any(slot.fate is Fate.REMOVE for slot in self.retiring.values())

    def _evictions(self, slot: Slot) -> tuple[Eviction, ...]:
        return slot.evictions(self.policy, self.live)

    # small verbs

    def _serve(self, slot: Slot, ticket: TicketId) -> Grant:
        self.tickets[ticket] = slot
        slot.serving.add(ticket)
        slot.generation = self._tick()
        return Grant(ticket, slot.model, slot.incarnation)

    def _tick(self) -> int:
        """A new number, for an arrival or an idle span. A model that is added again must not meet its old timers."""
        self.ticks += 1
        return self.ticks

    def _head_rank(self, slot: Slot) -> tuple[bool, int, int]:
        return rank(slot, slot.head, self.patience)

    def _bring_up(self, slot: Slot) -> Effect:
        if slot.phase is Phase.ASLEEP:
            self._move(slot, WakeUpstream)
            return WakeUpstream(slot.model, slot.incarnation)
        self.starts += 1
        slot.incarnation = Incarnation(self.starts)
        self._move(slot, StartUpstream)
        return StartUpstream(slot.model, slot.incarnation)

    def _evict(self, slot: Slot, target: ModelId, eviction: Eviction) -> Iterator[Effect]:
        because = f"makes room for {target}: {eviction.reason}"
        if slot.phase in GOING_DOWN:
            return
        if slot.phase is Phase.READY and slot.limits.evict_to is Residency.ASLEEP:
            self._move(slot, SleepUpstream)
            yield SleepUpstream(slot.model, slot.incarnation, because, eviction.cost)
        else:
            yield from self._stop(slot, because, eviction.cost)

    def _stop(self, slot: Slot, because: str, cost: int = 0) -> Iterator[Effect]:
        if slot.phase not in {Phase.STOPPED, Phase.STOPPING}:
            self._move(slot, StopUpstream)
            yield StopUpstream(slot.model, slot.incarnation, because, cost)

    def _arm(self, slot: Slot) -> tuple[Effect, ...]:
        if slot.is_idle and slot.fate is Fate.STAY and slot.limits.idle_seconds > 0:
            return (SetTimer(slot.model, slot.generation, slot.limits.idle_seconds),)
        return ()

    def _refuse_waiting(self, slot: Slot, code: RefusalCode, reason: str) -> Iterator[Effect]:
        refused, slot.waiting = slot.waiting, OrderedDict()
        for ticket in refused:
            del self.tickets[ticket]
            yield Refuse(ticket, code, reason)

    def _current(self, model: ModelId, incarnation: Incarnation) -> Slot | None:
        """The slot, if the fact is about the upstream that runs now and not an earlier one."""
        slot = self.slots.get(model)
        return (
            slot if slot is not None and slot.incarnation == incarnation and slot.phase is not Phase.STOPPED else None
        )

    def _move(self, slot: Slot, cause: type) -> None:
        before, slot.phase = slot.phase, TRANSITIONS[slot.phase, cause]
        self.moved.append(slot.model)
        if (before in LIVE) != (slot.phase in LIVE):
            self._recount()

    def _recount(self) -> None:
        """What the policy is asked about: the live models that the configuration knows."""
        self.live = frozenset(
            slot.model for slot in self.slots.values() if slot.phase in LIVE and slot.fate is not Fate.REMOVE
        )
