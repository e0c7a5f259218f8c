"""Spillover in any world: the written algorithm, no stopping target, and no place that is never given back."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from swaplab_core.config.schema import Config, ModelConfig, Peer, Selector, SelectorSettings
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Names
from swaplab_core.routing.selectors import NoTarget, Selectors

LOCAL = ("a", "b", "c")
REMOTE = ("lab/m", "lab/n")
CONFIG = Config(
    models={name: ModelConfig(id=name) for name in LOCAL},
    peers={"lab": Peer(proxy="http://peer.example", models=("m", "n"))},
)
UP = {Phase.READY, Phase.STARTING, Phase.WAKING}
GOING = {Phase.STOPPING, Phase.FALLING_ASLEEP}


class SpilloverMachine(RuleBasedStateMachine):
    """Requests come and go while the phases of the models change as they like."""

    @initialize(chosen=st.lists(st.sampled_from(LOCAL + REMOTE), min_size=1, unique=True), limit=st.integers(1, 3))
    def configure(self, chosen, limit):
        self.targets, self.limit = chosen, limit
        self.phases = dict.fromkeys(LOCAL, Phase.STOPPED)
        selector = Selector(strategy="spillover", targets=tuple(chosen), settings=SelectorSettings(limit))
        self.selectors = Selectors({"any": selector}, Names.of(CONFIG), self.phases.__getitem__)
        self.running = []

    @rule(model=st.sampled_from(LOCAL), phase=st.sampled_from(Phase))
    def change(self, model, phase):
        self.phases[model] = phase

    @rule()
    def ask(self):
        active, cold = self.classify()
        request = contextlib.ExitStack()
        if not active and not cold:
            with pytest.raises(NoTarget):
                request.enter_context(self.selectors.choose("any"))
            return
        target = request.enter_context(self.selectors.choose("any"))
        assert self.phases.get(target) not in GOING
        assert target in self.allowed(active, cold)
        self.running.append((target, request))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data):
        _, request = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        request.close()

    @rule()
    def end_all(self):
        while self.running:
            self.running.pop()[1].close()

    @invariant()
    def what_is_counted_is_what_runs(self):
        assert +self.counted() == +self.reserved()

    def reserved(self):
        return Counter(target for target, _ in self.running)

    def counted(self):
        return self.selectors._reserved.get("any", Counter())

    def classify(self):
        """The targets that are in use, and those that could be, by the words of the specification."""
        reserved = self.reserved()
        active = [t for t in self.targets if self.phases.get(t) in UP or (reserved[t] and not self.is_going(t))]
        return active, [t for t in self.targets if t not in active and not self.is_going(t)]

    def is_going(self, target):
        return self.phases.get(target) in GOING

    def allowed(self, active, cold):
        """Every target that may be chosen now; among equals each may have its turn."""
        reserved = self.reserved()
        fewest = min((reserved[target] for target in active), default=0)
        least = [target for target in active if reserved[target] == fewest]
        if not active:
            return cold[:1]
        return least if fewest < self.limit or not cold else cold[:1]

    def teardown(self):
        if hasattr(self, "running"):
            self.end_all()
            assert not +self.counted()


TestSpillover = SpilloverMachine.TestCase
