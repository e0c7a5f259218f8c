"""The engine's record of one model: its phase, who it serves and who waits for it."""

from __future__ import annotations

import enum
from collections import OrderedDict
from copy import copy

from attrs import define, field, frozen

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.phases import COMING_UP, GOING_DOWN, Phase
from swaplab_core.engine.policy import Eviction, Policy, models_of

NEVER_STARTED = Incarnation(0)


class Fate(enum.Enum):
    """What the configuration wants of a model: a changed one restarts, a missing one is removed, once idle."""

    STAY = "stay"
    RESTART = "restart"
    REMOVE = "remove"


@frozen
class Waiting:
    """A ticket in the queue. `mark` is the slot's `passed` on arrival, so that the difference is its own count."""

    ticket: TicketId
    arrival: int
    mark: int


@define
class Slot:
    """One model.

    `generation` names the present idle span, for timers. `passed` counts the later requests for rivals that were served
    before the head of `waiting`.
    """

    model: ModelId
    limits: Limits
    phase: Phase = Phase.STOPPED
    fate: Fate = Fate.STAY
    incarnation: Incarnation = NEVER_STARTED
    generation: int = 0
    passed: int = 0
    serving: set[TicketId] = field(factory=set)
    waiting: OrderedDict[TicketId, Waiting] = field(factory=OrderedDict)
    _rivals: frozenset[ModelId] | None = field(default=None, init=False, repr=False, eq=False)
    _asked: frozenset[ModelId] | None = field(default=None, init=False, repr=False, eq=False)
    _evictions: tuple[Eviction, ...] = field(default=(), init=False, repr=False, eq=False)
    _in_the_way: frozenset[ModelId] = field(default=frozenset(), init=False, repr=False, eq=False)

    @property
    def head(self) -> Waiting:
        """Who has waited longest; only while somebody waits."""
        return next(iter(self.waiting.values()))

    @property
    def claimed(self) -> int:
        """Requests that hold a place: serving and waiting."""
        return len(self.serving) + len(self.waiting)

    @property
    def is_idle(self) -> bool:
        """Ready, and nobody is served."""
        return self.phase is Phase.READY and not self.serving

    @property
    def may_go(self) -> bool:
        """Evicting it now hurts nobody: idle, or coming up for clients who have all left."""
        return self.is_idle or (self.phase in COMING_UP and not self.waiting)

    @property
    def is_going(self) -> bool:
        """On its way out already."""
        return self.phase in GOING_DOWN

    def rivals(self, policy: Policy) -> frozenset[ModelId]:
        """What this model can never run beside; asked once per configuration."""
        if self._rivals is None:
            self._rivals = policy.rivals(self.model)
        return self._rivals

    def evictions(self, policy: Policy, live: frozenset[ModelId]) -> tuple[Eviction, ...]:
        """Who must go for this model now; asked once per change of `live`, which is compared by identity."""
        if self._asked is not live:
            self._asked, self._evictions = live, tuple(policy.evictions(self.model, live - {self.model}))
            self._in_the_way = models_of(self._evictions)
        return self._evictions

    def is_blocked_by(self, model: ModelId, policy: Policy, live: frozenset[ModelId]) -> bool:
        """Whether `model` must go before this one may run."""
        self.evictions(policy, live)
        return model in self._in_the_way

    def forget_policy(self) -> None:
        """The policy has changed: ask again."""
        self._rivals, self._asked = None, None

    def copy(self) -> Slot:
        """A slot that can be changed without touching this one."""
        twin = copy(self)
        twin.serving, twin.waiting = set(self.serving), self.waiting.copy()
        return twin
