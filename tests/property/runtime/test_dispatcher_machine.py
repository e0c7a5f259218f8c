"""The shell against the engine: the dispatcher performs exactly what the engine wants, and no lease is lost or hangs.

Clients come and leave at every moment, upstreams come up, fail and die, time passes in leaps. Upstreams and clock are
fakes in one event loop, so nothing waits for anything real.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable

from attrs import define, evolve, field
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from policies import MODELS, models, policies

from swaplab_core.domain.errors import ShuttingDown, StartFailed, SwaplabError, TooManyRequests, UnknownModel, Unloaded
from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine import Limits, Phase, SwapEngine
from swaplab_core.engine import effects as e
from swaplab_core.engine import facts as f
from swaplab_core.engine.policy import Residency
from swaplab_core.engine.recording import replay
from swaplab_core.runtime.dispatcher import Dispatcher, Lease
from swaplab_core.runtime.tape import Tape
from swaplab_core.testing.fakes import ManualClock

PATIENCE = 3
DRAIN_SECONDS = 3.0
AT_REST = {Phase.READY, Phase.ASLEEP}
REFUSED = {
    e.RefusalCode.UNKNOWN_MODEL: UnknownModel,
    e.RefusalCode.TOO_MANY_REQUESTS: TooManyRequests,
    e.RefusalCode.START_FAILED: StartFailed,
    e.RefusalCode.UNLOADED: Unloaded,
}


@define
class Recorded(SwapEngine):
    """An engine that remembers all it was told and all it wanted."""

    facts: list[f.Fact] = field(factory=list)
    effects: list[e.Effect] = field(factory=list)
    listen: Callable[[f.Fact, tuple[e.Effect, ...]], None] = lambda fact, effects: None

    def step(self, fact: f.Fact) -> tuple[e.Effect, ...]:
        effects = SwapEngine.step(self, fact)
        self.facts.append(fact)
        self.effects += effects
        self.listen(fact, effects)
        return effects


def without_ticket(effect: e.Effect) -> e.Effect:
    """Upstreams are asked for an address when somebody is granted one, and do not know whom."""
    return evolve(effect, ticket=TicketId(0)) if isinstance(effect, e.Grant) else effect


@define(eq=False)
class FakeUpstreams:
    """Upstreams that wait to be told how a start or a stop ends. Those of `hasty` models end it inside the call."""

    tell: Callable[[f.Fact], None]
    hasty: dict[ModelId, bool]  # whether the start succeeds
    phases: dict[ModelId, Phase] = field(factory=dict)
    incarnations: dict[ModelId, Incarnation] = field(factory=dict)
    exits: dict[ModelId, asyncio.Event] = field(factory=dict)
    performed: list[e.Effect] = field(factory=list)

    def start(self, model: ModelId, incarnation: Incarnation) -> None:
        assert model not in self.phases
        self.incarnations[model], self.exits[model] = incarnation, asyncio.Event()
        self._begin(model, Phase.STARTING, e.StartUpstream)
        if model in self.hasty:
            self.ends(model, good=self.hasty[model])

    def stop(self, model: ModelId) -> None:
        self._begin(model, Phase.STOPPING, e.StopUpstream)
        if model in self.hasty:
            self.ends(model, good=True)

    def sleep(self, model: ModelId) -> None:
        self._begin(model, Phase.FALLING_ASLEEP, e.SleepUpstream)

    def wake(self, model: ModelId) -> None:
        self._begin(model, Phase.WAKING, e.WakeUpstream)

    def base_url(self, model: ModelId) -> str:
        assert self.phases[model] is Phase.READY, "granted what is not ready"
        self.performed.append(without_ticket(e.Grant(TicketId(0), model, self.incarnations[model])))
        return f"http://{model}:{self.incarnations[model]}"

    async def gone(self, models: Iterable[ModelId]) -> None:
        for exited in [self.exits[model] for model in models if model in self.phases]:
            await exited.wait()

    def running(self) -> dict[ModelId, Incarnation]:
        return {model: self.incarnations[model] for model in self.phases}

    def in_transit(self) -> list[ModelId]:
        return [model for model, phase in self.phases.items() if phase not in AT_REST]

    def ends(self, model: ModelId, *, good: bool) -> None:
        """What is under way ends: well, or with the upstream gone."""
        phase, incarnation = self.phases[model], self.incarnations[model]
        if phase is Phase.STOPPING or not good:
            self.exit(model)
        elif phase is Phase.FALLING_ASLEEP:
            self.phases[model] = Phase.ASLEEP
            self.tell(f.UpstreamAsleep(model, incarnation))
        else:
            self.phases[model] = Phase.READY
            self.tell(f.UpstreamReady(model, incarnation))

    def exit(self, model: ModelId) -> None:
        del self.phases[model]
        self.exits[model].set()
        self.tell(f.UpstreamExited(model, self.incarnations[model], "gone"))

    def _begin(self, model: ModelId, phase: Phase, effect: type) -> None:
        self.phases.pop(model, None)
        self.phases[model] = phase
        self.performed.append(effect(model, self.incarnations[model]))


@define(eq=False)
class Client:
    """Asks for a lease and holds it until it is told to end, is refused, or is cancelled wherever it may be."""

    model: ModelId
    end: asyncio.Event = field(factory=asyncio.Event)
    lease: Lease | None = None
    refusal: type[SwaplabError] | None = None
    task: asyncio.Task[None] = field(init=False)

    async def live(self, dispatcher: Dispatcher) -> None:
        try:
            async with dispatcher.lease(self.model) as self.lease:
                await self.end.wait()
        except SwaplabError as error:
            self.refusal = type(error)

    @property
    def is_waiting(self) -> bool:
        return not self.task.done() and self.lease is None

    @property
    def is_streaming(self) -> bool:
        return not self.task.done() and self.lease is not None


@define(eq=False)
class Shell:
    """A dispatcher between a recorded engine and fake upstreams, and its clients."""

    engine: Recorded
    hasty: dict[ModelId, bool]
    clock: ManualClock = field(factory=ManualClock)
    dispatcher: Dispatcher = field(init=False)
    upstreams: FakeUpstreams = field(init=False)
    clients: list[Client] = field(factory=list)
    unloads: list[asyncio.Task[None]] = field(factory=list)
    timers: Counter[tuple[float, ModelId, int]] = field(factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.engine, self.clock)
        self.dispatcher.tape = Tape(self.engine, length=5)
        self.dispatcher.upstreams = self.upstreams = FakeUpstreams(self.dispatcher.tell, self.hasty)
        self.engine.listen = self.note_timers

    def note_timers(self, fact: f.Fact, effects: tuple[e.Effect, ...]) -> None:
        now = self.clock.now()
        if isinstance(fact, f.TimerFired):
            timer = (now, fact.model, fact.generation)
            assert self.timers[timer], "a timer fired that was not set for this moment"
            self.timers[timer] -= 1
        self.timers.update((now + it.seconds, it.model, it.generation) for it in effects if isinstance(it, e.SetTimer))

    def ask(self, model: ModelId) -> Client:
        client = Client(model)
        client.task = asyncio.get_running_loop().create_task(client.live(self.dispatcher))
        self.clients.append(client)
        return client

    async def unload(self, which: Iterable[ModelId]) -> None:
        before = self.upstreams.running().items()
        await self.dispatcher.unload(which)
        left = before & self.upstreams.running().items()
        assert not [model for model, _ in left if model in which], "unloaded, and still there"

    def waiting(self) -> list[Client]:
        return [client for client in self.clients if client.is_waiting]

    def streaming(self) -> list[Client]:
        return [client for client in self.clients if client.is_streaming]

    def check(self) -> None:
        """Engine, upstreams and clients tell the same story."""
        wanted = [effect for effect in self.engine.effects if not isinstance(effect, e.Refuse | e.SetTimer)]
        assert self.upstreams.performed == [without_ticket(effect) for effect in wanted], "performed something else"
        assert all(due > self.clock.now() for due, _, _ in self.timers.elements()), "a timer is lost"
        self._check_answers()
        self._check_places()

    def _check_answers(self) -> None:
        asked = {fact.ticket: fact.model for fact in self.engine.facts if isinstance(fact, f.Requested)}
        granted = {effect.ticket: effect for effect in self.engine.effects if isinstance(effect, e.Grant)}
        refused = [effect for effect in self.engine.effects if isinstance(effect, e.Refuse)]
        for lease in (client.lease for client in self.clients if client.lease):
            assert granted[lease.ticket] == e.Grant(lease.ticket, lease.model, lease.incarnation)
            assert lease.base_url == f"http://{lease.model}:{lease.incarnation}"
        heard = Counter((client.model, client.refusal) for client in self.clients if client.refusal in REFUSED.values())
        meant = Counter((asked[refusal.ticket], REFUSED[refusal.code]) for refusal in refused)
        assert heard <= meant, "refused by nobody"

    def _check_places(self) -> None:
        for model, slot in self.engine.slots.items():
            waiting = [client for client in self.waiting() if client.model == model]
            leases = [client.lease for client in self.streaming() if client.model == model]
            running = self.upstreams.running().get(model)
            assert slot.phase is self.upstreams.phases.get(model, Phase.STOPPED)
            assert slot.serving == {lease.ticket for lease in leases if lease.incarnation == running}
            assert len(slot.waiting) == len(waiting), "the engine does not know who waits"
        assert len(self.dispatcher._grants) == len(self.waiting()) + len(self.streaming())

    async def come_to_rest(self) -> None:
        """End all that is under way, and all streams, until nothing moves."""
        for _ in range(1000):
            await self.clock.settle()
            self.check()
            if self.upstreams.in_transit():
                self.upstreams.ends(self.upstreams.in_transit()[0], good=True)
            elif self.streaming():
                self.streaming()[0].end.set()
            else:
                return
        raise AssertionError("the shell never comes to rest")

    async def finish(self, *, closing: bool) -> None:
        """Nobody is left over, whether all come to their end or the shell is closed around them."""
        if closing:
            await self._close()
        else:
            await self.come_to_rest()
        assert not self.waiting() + self.streaming(), "a lease hangs"
        assert not self.engine.tickets, "a ticket leaked"
        assert all(unload.done() for unload in self.unloads), "an unload hangs"
        await asyncio.gather(*self.unloads)
        self.check_tape()

    def check_tape(self) -> None:
        """From the middle of it all, a fresh engine goes on exactly as this one did."""
        recording = self.dispatcher.tape.recording()
        assert [step.fact for step in recording.steps] == self.engine.facts[-len(recording.steps) :]
        assert len(self.engine.facts) <= 10 or 5 < len(recording.steps) <= 10
        assert list(replay(recording)) == []

    async def _close(self) -> None:
        close = asyncio.get_running_loop().create_task(self.dispatcher.close(DRAIN_SECONDS, asyncio.Event()))
        await asyncio.sleep(0)
        for model in self.upstreams.in_transit()[:1]:  # its clients do not know yet that they are refused
            self.upstreams.ends(model, good=True)
        await self.clock.settle()
        assert not self.waiting(), "somebody waits for a shell that closes"
        late = self.ask(MODELS[0])
        await self.clock.advance(DRAIN_SECONDS + 1)
        assert late.refusal is ShuttingDown
        await self.come_to_rest()
        await close
        assert not self.upstreams.phases, "something runs on behind a closed shell"

    async def abandon(self) -> None:
        tasks = [client.task for client in self.clients] + self.unloads
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


limits = st.builds(
    Limits,
    concurrency=st.integers(1, 4),
    idle_seconds=st.sampled_from([0.0, 5.0, 7.0]),
    priority=st.sampled_from([0, 0, 1]),
    evict_to=st.sampled_from([Residency.STOPPED, Residency.STOPPED, Residency.ASLEEP]),
)


class DispatcherMachine(RuleBasedStateMachine):
    shell: Shell | None = None

    @initialize(
        policy=policies,
        table=st.fixed_dictionaries(dict.fromkeys(MODELS, limits)),
        hasty=st.dictionaries(models, st.booleans()),
        closing=st.booleans(),
    )
    def boot(self, policy, table, hasty, closing):
        self.closing = closing
        self.loop = asyncio.new_event_loop()
        self.shell = Shell(Recorded.build(policy, table, PATIENCE), hasty)

    def run(self, work: Coroutine[None, None, None]) -> None:
        self.loop.run_until_complete(work)

    def settle(self) -> None:
        self.run(self.shell.clock.settle())
        self.shell.check()

    @rule(wanted=st.lists(models, min_size=1, max_size=4))
    def ask(self, wanted):
        async def ask() -> None:
            for model in wanted:
                self.shell.ask(model)

        self.run(ask())
        self.settle()

    @rule(model=models, turns=st.integers(0, 8))
    def ask_and_leave_after_some_turns_of_the_loop(self, model, turns):
        async def ask_and_leave() -> None:
            client = self.shell.ask(model)
            for _ in range(turns):
                await asyncio.sleep(0)
            client.task.cancel()

        self.run(ask_and_leave())
        self.settle()

    @precondition(lambda self: self.shell.waiting() or self.shell.streaming())
    @rule(data=st.data())
    def leave(self, data):
        client = data.draw(st.sampled_from(self.shell.waiting() + self.shell.streaming()))
        client.task.cancel()
        self.settle()

    @precondition(lambda self: self.shell.waiting() and self.shell.upstreams.in_transit())
    @rule(data=st.data())
    def leave_in_the_moment_of_an_answer(self, data):
        model = data.draw(st.sampled_from(self.shell.upstreams.in_transit()))
        client = data.draw(st.sampled_from(self.shell.waiting()))

        async def both() -> None:
            self.shell.upstreams.ends(model, good=True)
            client.task.cancel()

        self.run(both())
        self.settle()

    @precondition(lambda self: self.shell.streaming())
    @rule(data=st.data())
    def finish(self, data):
        data.draw(st.sampled_from(self.shell.streaming())).end.set()
        self.settle()

    @precondition(lambda self: self.shell.upstreams.in_transit())
    @rule(data=st.data(), good=st.sampled_from([True, True, False]))
    def start_or_stop_ends(self, data, good):
        self.shell.upstreams.ends(data.draw(st.sampled_from(self.shell.upstreams.in_transit())), good=good)
        self.settle()

    @precondition(lambda self: self.shell.upstreams.phases)
    @rule(data=st.data())
    def crash(self, data):
        self.shell.upstreams.exit(data.draw(st.sampled_from(sorted(self.shell.upstreams.phases))))
        self.settle()

    @rule(which=st.frozensets(models, min_size=1))
    def unload(self, which):
        self.shell.unloads.append(self.loop.create_task(self.shell.unload(which)))
        self.settle()

    @rule(seconds=st.sampled_from([1.0, 4.0, 5.0, 8.0]))
    def time_passes(self, seconds):
        self.run(self.shell.clock.advance(seconds))
        self.settle()

    @rule(policy=policies, table=st.dictionaries(models, limits, min_size=1), changed=st.frozensets(models))
    def reconfigure(self, policy, table, changed):
        self.shell.dispatcher.tell(f.Reconfigured(table, policy, changed & set(table)))
        self.settle()

    def teardown(self):
        if self.shell:
            try:
                self.run(self.shell.finish(closing=self.closing))
            finally:
                self.run(self.shell.abandon())
                self.loop.close()


TestDispatcherMachine = DispatcherMachine.TestCase
