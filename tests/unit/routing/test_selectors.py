"""Selectors: which target a request gets, by what is loaded and what is under way."""

from __future__ import annotations

import contextlib

import pytest

from swaplab_core.config.schema import Config, ModelConfig, Peer, Selector, SelectorSettings
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Names
from swaplab_core.routing.selectors import NoTarget, Selectors

CONFIG = Config(
    models={name: ModelConfig(id=name, aliases=(f"{name}-alias",)) for name in "abc"},
    peers={"lab": Peer(proxy="http://peer.example", models=("far",))},
)


class World:
    """A selector named `any` over phases that a test sets; models that are not named are stopped."""

    def __init__(self, strategy, *targets, spillover=1):
        self.phases = {}
        self.selector = Selector(strategy=strategy, targets=targets, settings=SelectorSettings(spillover))
        self.selectors = Selectors({"any": self.selector}, Names.of(CONFIG), self.phase_of)
        self.open = contextlib.ExitStack()

    def phase_of(self, model):
        return self.phases.get(model, Phase.STOPPED)

    def choose(self):
        """Choose, and stay under way."""
        return self.open.enter_context(self.selectors.choose("any"))

    def choose_briefly(self):
        with self.selectors.choose("any") as target:
            return target


def test_pin_is_the_first_target_whatever_is_loaded():
    world = World("pin", "a", "b")
    world.phases = {"a": Phase.STOPPING, "b": Phase.READY}

    assert [world.choose(), world.choose()] == ["a", "a"]


@pytest.mark.parametrize(
    ("phases", "chosen"),
    [
        ({}, "a"),
        ({"b": Phase.READY, "c": Phase.READY}, "b"),
        ({"b": Phase.STARTING, "c": Phase.READY}, "c"),
        ({"b": Phase.STARTING, "c": Phase.STARTING}, "b"),
        ({"c": Phase.WAKING}, "c"),
        ({"b": Phase.STOPPING, "c": Phase.ASLEEP}, "a"),
        ({"a": Phase.STOPPING}, "a"),
    ],
)
def test_warm_is_what_is_ready_else_what_comes_up_else_the_first(phases, chosen):
    world = World("warm", "a", "b-alias", "c")
    world.phases = phases

    assert world.choose().removesuffix("-alias") == chosen


def test_spillover_fills_one_target_before_it_loads_the_next_and_then_shares_evenly():
    world = World("spillover", "a", "b", "lab/far", spillover=2)

    assert [world.choose() for _ in range(6)] == ["a", "a", "b", "b", "lab/far", "lab/far"]
    assert sorted(world.choose() for _ in range(3)) == ["a", "b", "lab/far"], "nothing is cold: the least busy"


def test_spillover_takes_turns_among_the_least_busy():
    world = World("spillover", "a", "b", "c", spillover=4)
    world.phases = dict.fromkeys("abc", Phase.READY)

    assert [world.choose_briefly() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


def test_spillover_prefers_what_is_loaded_to_what_is_cold():
    world = World("spillover", "a", "b", "c")
    world.phases = {"c": Phase.READY}

    assert [world.choose(), world.choose(), world.choose()] == ["c", "a", "b"]


def test_spillover_counts_what_waits_for_a_cold_model_as_active():
    world = World("spillover", "a", "b", spillover=3)

    assert [world.choose() for _ in range(3)] == ["a", "a", "a"], "a is still stopped, but spoken for"
    assert world.choose() == "b"


@pytest.mark.parametrize("going", [Phase.STOPPING, Phase.FALLING_ASLEEP])
def test_spillover_passes_over_what_is_going_even_if_it_still_serves(going):
    world = World("spillover", "a", "b", spillover=2)
    assert world.choose() == "a"
    world.phases = {"a": going}

    assert [world.choose() for _ in range(3)] == ["b", "b", "b"]


def test_spillover_with_nothing_but_stopping_targets_has_none_to_offer():
    world = World("spillover", "a", "b")
    world.phases = {"a": Phase.STOPPING, "b": Phase.FALLING_ASLEEP}

    with pytest.raises(NoTarget, match="every target of the selector 'any' is stopping"):
        world.choose()


def test_a_sleeper_is_cold():
    world = World("spillover", "a", "b")
    world.phases = {"a": Phase.ASLEEP, "b": Phase.READY}

    assert [world.choose(), world.choose()] == ["b", "a"]


def test_a_peer_is_cold_until_somebody_uses_it():
    world = World("spillover", "far", "a")
    world.phases = {"a": Phase.READY}

    assert [world.choose(), world.choose()] == ["a", "far"]
    assert sorted([world.choose(), world.choose()]) == ["a", "far"]


def test_a_place_is_given_back_however_the_request_ends():
    world = World("spillover", "a", "b")
    with contextlib.suppress(KeyError), world.selectors.choose("any"):
        raise KeyError

    assert [world.choose(), world.choose()] == ["a", "b"]


@pytest.mark.parametrize(
    ("strategy", "phases", "loaded"),
    [
        ("pin", {"b": Phase.READY}, False),
        ("pin", {"a": Phase.STARTING}, True),
        ("warm", {"b": Phase.READY}, True),
        ("spillover", {"b": Phase.STARTING}, True),
        ("spillover", {"a": Phase.STOPPING, "b": Phase.ASLEEP}, False),
        ("spillover", {}, False),
    ],
)
def test_a_selector_is_loaded_when_a_target_it_would_consider_is(strategy, phases, loaded):
    world = World(strategy, "a", "b")
    world.phases = phases

    assert world.selectors.is_loaded(world.selector) is loaded
