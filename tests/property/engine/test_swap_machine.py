"""The engine against a small world: whatever happens in whatever order, every promise holds.

Each assertion of `worlds.World` is a promise; `scripts/mutants.py` shows that each one can fail.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from policies import MODELS, models, policies
from worlds import PATIENCE, World

from swaplab_core.domain.ids import Incarnation
from swaplab_core.engine import Limits, Phase, SwapEngine, plan
from swaplab_core.engine import facts as f
from swaplab_core.engine.policy import Residency

limits = st.builds(
    Limits,
    concurrency=st.integers(1, 4),
    idle_seconds=st.sampled_from([5.0, 0.0, 7.0]),
    priority=st.sampled_from([0, 0, 0, 1]),
    evict_to=st.sampled_from([Residency.STOPPED, Residency.STOPPED, Residency.ASLEEP]),
)
traffic = st.lists(
    st.tuples(st.just("ask"), models) | st.tuples(st.sampled_from(["move", "end"]), st.integers(0, 3)), max_size=8
)


class SwapMachine(RuleBasedStateMachine):
    world: World | None = None

    @initialize(policy=policies, table=st.fixed_dictionaries(dict.fromkeys(MODELS, limits)), found=st.none() | models)
    def boot(self, policy, table, found):
        self.world = World(SwapEngine.build(policy, table, PATIENCE), policy, table)
        if found:
            self.world.find(found)

    def those(self, *phases):
        return sorted(m for m, phase in self.world.phases.items() if phase in phases)

    @rule(model=models)
    def request(self, model):
        self.world.request(model)

    @rule(model=models, times=st.integers(2, 5))
    def request_and_finish_again_and_again(self, model, times):
        """Steady traffic for a warm model: what starves others without the patience bound."""
        for _ in range(times):
            ticket = self.world.request(model)
            if ticket in self.world.serving:
                self.world.finishes(ticket)

    @precondition(lambda self: self.those(Phase.STARTING, Phase.WAKING))
    @rule(data=st.data(), good=st.sampled_from([True, True, False]))
    def start_ends(self, data, good):
        model = data.draw(st.sampled_from(self.those(Phase.STARTING, Phase.WAKING)))
        if good:
            self.world.comes_up(model)
        else:
            self.world.fails_to_come_up(model)

    @precondition(lambda self: self.those(Phase.FALLING_ASLEEP))
    @rule(data=st.data(), good=st.booleans())
    def sleep_ends(self, data, good):
        model = data.draw(st.sampled_from(self.those(Phase.FALLING_ASLEEP)))
        if good:
            self.world.falls_asleep(model)
        else:
            self.world.exits(model)

    @precondition(lambda self: self.those(Phase.STOPPING))
    @rule(data=st.data(), late=st.sampled_from([None, f.UpstreamReady, f.UpstreamAsleep]))
    def stop_ends(self, data, late):
        model = data.draw(st.sampled_from(self.those(Phase.STOPPING)))
        if late:
            self.world.late(late(model, self.world.incarnations[model]))
        self.world.exits(model)

    @precondition(lambda self: self.those(Phase.READY, Phase.ASLEEP))
    @rule(data=st.data())
    def crash(self, data):
        self.world.exits(data.draw(st.sampled_from(self.those(Phase.READY, Phase.ASLEEP))))

    @precondition(lambda self: self.world.incarnations)
    @rule(data=st.data(), kind=st.sampled_from([f.UpstreamReady, f.UpstreamExited, f.UpstreamAsleep]))
    def an_earlier_incarnation_reports(self, data, kind):
        model = data.draw(st.sampled_from(sorted(self.world.incarnations)))
        self.world.late(kind(model, Incarnation(self.world.incarnations[model] - 1)))

    @precondition(lambda self: self.world.serving)
    @rule(data=st.data())
    def finish(self, data):
        self.world.finishes(data.draw(st.sampled_from(sorted(self.world.serving))))

    @precondition(lambda self: self.world.waiting())
    @rule(data=st.data())
    def leave_the_queue(self, data):
        self.world.leaves(data.draw(st.sampled_from(self.world.waiting())))

    @rule(which=st.frozensets(models, min_size=1))
    def unload(self, which):
        self.world.unload(which)

    @precondition(lambda self: self.world.timers)
    @rule(data=st.data())
    def timer(self, data):
        self.world.fire(*data.draw(st.sampled_from(sorted(self.world.timers))))

    @rule(policy=policies, table=st.dictionaries(models, limits, min_size=1), changed=st.frozensets(models))
    def reconfigure(self, policy, table, changed):
        self.world.reconfigure(table, policy, changed & set(table))

    @rule(policy=policies)
    def reconfigure_nothing_but_the_policy(self, policy):
        self.world.reconfigure(dict(self.world.limits), policy, frozenset())

    @rule(model=models)
    def what_is_planned_is_what_happens(self, model):
        before = (repr(self.world.engine.slots), self.world.engine.positions())
        planned = plan(self.world.engine, model)
        assert (repr(self.world.engine.slots), self.world.engine.positions()) == before, "planning changed the engine"
        self.world.done.clear()
        self.world.moving = self.world.under_way()
        ticket = self.world.request(model)
        position = self.world.engine.positions().get(ticket, 0)
        assert not position or self.world.engine.last_place(model) == position
        self.world.drain(until=ticket)
        assert self.world.answers.get(ticket) == ("refused" if planned.refusal else "granted")
        assert position == planned.position
        assert sorted(self.world.done) == sorted(
            [f"+{m}" for m in planned.starts] + [f"-{v.model}" for v in planned.evictions]
        )

    @rule(model=models, traffic=traffic)
    def steady_traffic_starves_nobody(self, model, traffic):
        self.world.moving = self.world.under_way()
        self.world.serve_under(traffic, self.world.request(model))

    def teardown(self):
        if self.world:
            self.world.moving = self.world.under_way()
            self.world.drain()
            assert not self.world.waiting(), "someone waits for ever"


TestSwapMachine = SwapMachine.TestCase
