"""A small world for the engine to run: it obeys effects, feeds facts and asserts every promise the engine makes."""

from __future__ import annotations

from typing import Literal

from attrs import define, field

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine import Limits, Phase, SwapEngine
from swaplab_core.engine import effects as e
from swaplab_core.engine import facts as f
from swaplab_core.engine.policy import Policy, Residency, models_of

PATIENCE = 3

Traffic = tuple[Literal["ask"], ModelId] | tuple[Literal["move", "end"], int]
"""A client asks for a model; or one start or stop, or one request, ends: so many places younger than the oldest."""
ENOUGH_ROUNDS = 400
"""Of steady traffic, to answer everybody: several times what was ever seen to be needed."""

# where the world has a running upstream, by the engine's name for it
RUNNING = {
    Phase.STARTING,
    Phase.READY,
    Phase.FALLING_ASLEEP,
    Phase.ASLEEP,
    Phase.WAKING,
    Phase.STOPPING,
}
IN_TRANSIT = RUNNING - {Phase.READY, Phase.ASLEEP}
HOLDS_MEMORY = RUNNING - {Phase.ASLEEP}


@define
class World:
    """What is really running, who really asked, and what everybody was really told."""

    engine: SwapEngine
    policy: Policy
    limits: dict[ModelId, Limits]
    phases: dict[ModelId, Phase] = field(factory=dict)
    incarnations: dict[ModelId, Incarnation] = field(factory=dict)
    asked: dict[TicketId, ModelId] = field(factory=dict)
    answers: dict[TicketId, str] = field(factory=dict)
    serving: dict[TicketId, ModelId] = field(factory=dict)
    timers: dict[tuple[ModelId, int], bool] = field(factory=dict)  # whether it counts still
    passed: dict[TicketId, int] = field(factory=dict)
    doomed: set[ModelId] = field(factory=set)  # removed from the configuration, or changed, and not yet gone
    removed: set[ModelId] = field(factory=set)
    done: list[str] = field(factory=list)  # starts and evictions, for comparing with a plan
    moving: list[ModelId] = field(factory=list)  # models in transit, in the order it began; kept while draining
    tickets: int = 0

    # feeding facts

    def request(self, model: ModelId) -> TicketId:
        self.tickets += 1
        ticket = TicketId(self.tickets)
        claimed = sum(m == model for m in self.serving.values()) + sum(self.asked[t] == model for t in self.waiting())
        known = model in self.limits
        self.asked[ticket] = model
        self.passed[ticket] = 0
        self.feed(f.Requested(ticket, model))
        limit = self.limits[model].concurrency if known else 0
        assert (claimed >= limit) == (self.answers.get(ticket) == "refused"), "the concurrency limit is not kept"
        return ticket

    def comes_up(self, model: ModelId) -> None:
        self.phases[model] = Phase.READY
        self.feed(f.UpstreamReady(model, self.incarnations[model]))

    def fails_to_come_up(self, model: ModelId) -> None:
        hopeful = [t for t in self.waiting() if self.asked[t] == model]
        was_asleep = self.phases[model] is Phase.WAKING
        self._gone(model)
        self.feed(f.UpstreamExited(model, self.incarnations[model], "boom"))
        if was_asleep:
            assert not any(t in self.answers for t in hopeful), "a failed wake was answered, not followed by a start"
        else:
            assert all(self.answers.get(t) == "refused" for t in hopeful), "a failed start left someone waiting"

    def falls_asleep(self, model: ModelId) -> None:
        self.phases[model] = Phase.ASLEEP
        self.feed(f.UpstreamAsleep(model, self.incarnations[model]))

    def exits(self, model: ModelId) -> None:
        """A finished stop, or a crash of something that was up."""
        hopeful = [t for t in self.waiting() if self.asked[t] == model]
        self._gone(model)
        self.feed(f.UpstreamExited(model, self.incarnations[model], "gone"))
        assert not any(self.answers.get(t) == "refused" for t in hopeful), "a crash or a finished stop refused somebody"

    def late(self, fact: f.Fact) -> None:
        """A result that comes too late, of this incarnation while stopping or of an earlier one: nothing may change."""
        before = dict(self.phases)
        self.feed(fact)
        assert self.phases == before, "a late result changed something"

    def finishes(self, ticket: TicketId) -> None:
        del self.serving[ticket]
        self.feed(f.Released(ticket))

    def leaves(self, ticket: TicketId) -> None:
        self.answers[ticket] = "left"
        self.feed(f.Released(ticket))

    def unload(self, models: frozenset[ModelId]) -> None:
        self.feed(f.UnloadRequested(models))
        left = {m for m in models if self.phases.get(m, Phase.STOPPING) is not Phase.STOPPING}
        assert not left, "unload left something running"
        assert not any(self.asked[t] in models for t in self.waiting()), "unload left someone waiting"

    def fire(self, model: ModelId, generation: int) -> None:
        stale = not self.timers.pop((model, generation))
        before = dict(self.phases)
        self.feed(f.TimerFired(model, generation))
        assert not stale or self.phases == before, "a stale timer stopped a model"

    def reconfigure(self, limits: dict[ModelId, Limits], policy: Policy, changed: frozenset[ModelId]) -> None:
        before = self.limits
        gone = set(before) - set(limits)
        back = self.removed & set(limits)
        self.limits, self.policy = limits, policy
        self.removed = (self.removed | (gone & set(self.phases))) - back
        self.doomed |= (changed | gone | back) & set(self.phases)
        for model, limit in limits.items():
            if before.get(model) != limit:
                self._stop_timers(model)
        waiting_for_gone = [t for t in self.waiting() if self.asked[t] in gone]
        self.feed(f.Reconfigured(limits, policy, changed))
        assert all(self.answers.get(t) == "refused" for t in waiting_for_gone), "someone waits for a removed model"

    def find(self, model: ModelId) -> None:
        self.incarnations[model] = Incarnation(100 + self.engine.starts)
        self.phases[model] = Phase.READY
        self.feed(f.UpstreamFound(model, self.incarnations[model]))

    def _stop_timers(self, model: ModelId) -> None:
        """What is set for this idle time counts no more."""
        self.timers.update((timer, False) for timer in self.timers if timer[0] == model)

    def _gone(self, model: ModelId) -> None:
        del self.phases[model]
        self._stop_timers(model)
        self.doomed.discard(model)
        self.removed.discard(model)
        self.serving = {t: m for t, m in self.serving.items() if m != model}

    # obeying effects

    def feed(self, fact: f.Fact) -> None:
        for effect in self.engine.step(fact):
            self._obey(effect, fact)
        self.agree()

    def _obey(self, effect: e.Effect, fact: f.Fact) -> None:
        match effect:
            case e.StartUpstream(model, incarnation):
                self._may_come_up(model)
                assert incarnation > self.incarnations.get(model, 0), "an incarnation was used twice"
                assert model not in self.phases, "started twice"
                self.incarnations[model] = incarnation
                self._begin(model, Phase.STARTING)
            case e.WakeUpstream(model, incarnation):
                self._may_come_up(model)
                assert self.phases[model] is Phase.ASLEEP
                assert incarnation == self.incarnations[model]
                self._begin(model, Phase.WAKING)
            case e.SleepUpstream(model, incarnation):
                self._may_go(model, incarnation, fact)
                assert self.phases[model] is Phase.READY, "put to sleep what was not ready"
                assert self.limits[model].evict_to is Residency.ASLEEP, "put to sleep what cannot sleep"
                self._begin(model, Phase.FALLING_ASLEEP)
                self.done.append(f"-{model}")
            case e.StopUpstream(model, incarnation):
                assert self.phases.get(model, Phase.STOPPING) is not Phase.STOPPING, "stopped what was not running"
                self._may_go(model, incarnation, fact)
                self._begin(model, Phase.STOPPING)
                self.done.append(f"-{model}")
            case e.Grant(ticket, model, incarnation):
                self._may_serve(ticket, model, incarnation)
            case e.Refuse(ticket, _):
                assert ticket not in self.answers, "answered twice"
                self.answers[ticket] = "refused"
            case e.SetTimer(model, generation, seconds):
                assert seconds == self.limits[model].idle_seconds > 0
                self._stop_timers(model)
                self.timers[model, generation] = True

    def _begin(self, model: ModelId, phase: Phase) -> None:
        self.phases[model] = phase
        self._stop_timers(model)
        self.moving = [*(m for m in self.moving if m != model), model]

    def _may_come_up(self, model: ModelId) -> None:
        assert not self._evictions(model), "rivals alive together"
        assert not self.removed & self.holders(), "started beside a model that the configuration no longer knows"
        assert any(self.asked[t] == model for t in self.waiting()), "started for nobody"
        self.done.append(f"+{model}")

    def _may_go(self, model: ModelId, incarnation: Incarnation, fact: f.Fact) -> None:
        assert incarnation == self.incarnations[model], "stopped another incarnation"
        if isinstance(fact, f.UnloadRequested):
            return
        assert model not in self.serving.values(), "stopped a busy model"
        wanted = any(self.asked[t] == model for t in self.waiting())
        coming = self.phases[model] in {Phase.STARTING, Phase.WAKING}
        assert not (wanted and coming) or model in self.doomed, "stopped a start that someone waits for"

    def _may_serve(self, ticket: TicketId, model: ModelId, incarnation: Incarnation) -> None:
        assert self.phases.get(model) is Phase.READY, "granted a dead upstream"
        assert incarnation == self.incarnations[model], "granted another incarnation"
        assert model not in self.doomed, "granted an upstream of an old configuration"
        assert self.asked[ticket] == model
        assert ticket not in self.answers, "answered twice"
        assert not self._evictions(model), "served beside a rival"
        self.answers[ticket] = "granted"
        self.serving[ticket] = model
        self._stop_timers(model)
        for other in self.waiting():
            if other > ticket:
                continue
            assert self.asked[other] != model, "same-model order broken"
            if model in self._evictions(self.asked[other]):
                self.passed[other] += 1
                assert self.passed[other] <= PATIENCE, "starved"

    # looking

    def waiting(self) -> list[TicketId]:
        return [t for t in self.asked if t not in self.answers]

    def holders(self) -> frozenset[ModelId]:
        """Models that hold memory."""
        return frozenset(m for m, p in self.phases.items() if p in HOLDS_MEMORY)

    def memory(self) -> frozenset[ModelId]:
        """Those of them that the policy knows."""
        return self.holders() & set(self.limits)

    def agree(self) -> None:
        """World and engine tell the same story, and an idle model always has its timer."""
        for model, slot in self.engine.slots.items():
            assert slot.phase is self.phases.get(model, Phase.STOPPED), "world and engine disagree"
            assert slot.serving == {t for t, m in self.serving.items() if m == model}
            assert set(slot.waiting) == {t for t in self.waiting() if self.asked[t] == model}
            if slot.is_idle and not slot.waiting and model in self.limits and slot.limits.idle_seconds > 0:
                armed = any(counts for timer, counts in self.timers.items() if timer[0] == model)
                assert armed or model in self.doomed, "an idle model would never be unloaded"
        assert set(self.phases) <= set(self.engine.slots)
        assert sorted(self.engine.positions()) == sorted(self.waiting())
        assert set(self.engine.tickets) == set(self.waiting()) | set(self.serving), "a ticket leaked"
        self._is_eager()

    def _is_eager(self) -> None:
        """Whatever may be brought up now, and gives nobody who waits more to evict, has been brought up."""
        if self.removed & self.holders():
            return
        wanted = {self.asked[t] for t in self.waiting()}
        for model in {m for m in wanted if self.phases.get(m, Phase.ASLEEP) is Phase.ASLEEP} - self.doomed:
            others = wanted - {model}
            burdened = any(self._evictions(o, model) - (self._evictions(o) - {model}) for o in others)
            assert self._evictions(model) or burdened, "someone waits for no reason"

    def drain(self, until: TicketId | None = None) -> None:
        """End all that is under way in the order it began, and requests, until nothing moves or `until` is answered."""
        for _ in range(2000):
            if until in self.answers or not (self.complete_one() or self.end_one()):
                return
        raise AssertionError("the engine never comes to rest")

    def under_way(self) -> list[ModelId]:
        return [m for m in self.engine.slots if self.phases.get(m) in IN_TRANSIT]

    def serve_under(self, traffic: list[Traffic], ticket: TicketId) -> None:
        """Clients never stop asking, all that starts succeeds, and nothing lasts for ever: then `ticket` is answered.

        Between two rounds of `traffic` the oldest start or stop ends, or the oldest request: so everything ends.
        """
        for _ in range(ENOUGH_ROUNDS):
            for what in (*traffic, ("move", 0), *traffic, ("end", 0)):
                if ticket in self.answers:
                    return
                match what:
                    case ("ask", model):
                        self.request(model)
                    case ("move", place) if self.moving:
                        self.complete_one(place % len(self.moving))
                    case ("end", place) if self.serving:
                        self.finishes(sorted(self.serving)[place % len(self.serving)])
        raise AssertionError("steady traffic starves somebody")

    def complete_one(self, place: int = 0) -> bool:
        """The start, stop or sleep that has lasted longest ends, or the one that is `place` places younger."""
        if not self.moving:
            return False
        model = self.moving.pop(place)
        match self.phases[model]:
            case Phase.STOPPING:
                self.exits(model)
            case Phase.FALLING_ASLEEP:
                self.falls_asleep(model)
            case _:
                self.comes_up(model)
        return True

    def end_one(self) -> bool:
        """The oldest request for a model in somebody's way ends, or simply the oldest."""
        in_the_way = {m for t in self.waiting() for m in self._evictions(self.asked[t])}
        blocking = [t for t, m in self.serving.items() if m in in_the_way]
        if self.serving:
            self.finishes(min(blocking or self.serving))
        return bool(self.moving or self.serving)

    def _evictions(self, model: ModelId, *more: ModelId) -> frozenset[ModelId]:
        """Who must go for `model`, if these `more` were up too."""
        return models_of(self.policy.evictions(model, self.memory().union(more) - {model}))
