"""Scripts for the engine: one fact after the other, and all that it answers to each.

They are named after upstream's scheduler and process tests where they say the same; that every promise holds in every
order of events is shown by the rule-based machine in tests/property.
"""

from __future__ import annotations

from typing import assert_never

import pytest
from attrs import define, field

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine import Limits, Phase, SwapEngine
from swaplab_core.engine import effects as e
from swaplab_core.engine import facts as f
from swaplab_core.engine.groups import Group, group_policy

ENDLESS = 100
"""A patience that no script uses up."""


@define
class Script:
    """An engine whose effects are answered as words; tickets are numbered from 1 in the order of `asks`."""

    engine: SwapEngine
    tickets: int = 0
    log: list[str] = field(factory=list)

    def asks(self, *models: str) -> list[str]:
        """A client asks for each of these."""
        words = []
        for model in models:
            self.tickets += 1
            words += self.tell(f.Requested(TicketId(self.tickets), ModelId(model)))
        return words

    def leaves(self, *tickets: int) -> list[str]:
        """These are done, or their clients went away."""
        return [word for ticket in tickets for word in self.tell(f.Released(TicketId(ticket)))]

    def ready(self, model: str) -> list[str]:
        return self.tell(f.UpstreamReady(ModelId(model), self.incarnation(model)))

    def exits(self, model: str, reason: str = "") -> list[str]:
        return self.tell(f.UpstreamExited(ModelId(model), self.incarnation(model), reason))

    def unload(self, *models: str) -> list[str]:
        return self.tell(f.UnloadRequested(frozenset(map(ModelId, models))))

    def times_out(self, timer: str) -> list[str]:
        """The timer of these words, `timer m/generation`, runs out."""
        model, _, generation = timer.removeprefix("timer ").split()[0].partition("/")
        return self.tell(f.TimerFired(ModelId(model), int(generation)))

    def loads(self, *models: str) -> None:
        """Ask for each, let it become ready and end the request: it idles."""
        for model in models:
            assert self.asks(model) == [f"start {model}"]
            assert f"grant {self.tickets}" in self.ready(model)
            self.leaves(self.tickets)

    def phase(self, model: str) -> Phase:
        return self.engine.slots[ModelId(model)].phase

    def incarnation(self, model: str) -> Incarnation:
        return self.engine.slots[ModelId(model)].incarnation

    def tell(self, fact: f.Fact) -> list[str]:
        words = [in_words(effect) for effect in self.engine.step(fact)]
        self.log += words
        return words


def in_words(effect: e.Effect) -> str:
    match effect:
        case e.StartUpstream(model):
            return f"start {model}"
        case e.StopUpstream(model):
            return f"stop {model}"
        case e.SleepUpstream(model):
            return f"sleep {model}"
        case e.WakeUpstream(model):
            return f"wake {model}"
        case e.Grant(ticket):
            return f"grant {ticket}"
        case e.Refuse(ticket, code, reason):
            return f"refuse {ticket}: {code.value}" + (f", {reason}" if code is e.RefusalCode.START_FAILED else "")
        case e.SetTimer(model, generation, seconds):
            return f"timer {model}/{generation} {seconds:g} s"
        case _:
            assert_never(effect)


def script(models: str, *groups: Group, patience: int = ENDLESS, **limits: Limits) -> Script:
    """An engine over these models, by groups; without any, one model runs at a time."""
    names = [ModelId(name) for name in models.split()]
    table = {name: limits.get(name, Limits()) for name in names}
    return Script(SwapEngine.build(group_policy(groups, names), table, patience))


def together(*members: str, name: str = "together") -> Group:
    return Group(name, tuple(map(ModelId, members)), swap=False)


def apart(*members: str, name: str) -> Group:
    """One member at a time, and no concern of others."""
    return Group(name, tuple(map(ModelId, members)), exclusive=False)


# from request to grant


def test_on_demand_start_then_serve():
    play = script("a")

    assert play.asks("a") == ["start a"]
    assert play.ready("a") == ["grant 1"]
    assert play.leaves(1) == []
    assert play.phase("a") is Phase.READY, "it stays up"


def test_fast_path_grants_in_the_same_step():
    play = script("a")
    play.loads("a")

    assert play.asks("a") == ["grant 2"]


def test_an_unknown_model_is_refused_before_anything_happens():
    assert script("a").asks("x") == ["refuse 1: unknown-model"]


def test_join_in_flight_swap_starts_once_and_serves_all_in_order():
    play = script("a")

    assert play.asks("a", "a", "a") == ["start a"]
    assert play.ready("a") == ["grant 1", "grant 2", "grant 3"]


def test_a_failed_start_fails_all_waiters_and_the_next_request_starts_again():
    play = script("a b")
    play.asks("a", "a")

    assert play.exits("a", "boom") == ["refuse 1: start-failed, boom", "refuse 2: start-failed, boom"]
    assert play.asks("a") == ["start a"]


def test_a_failed_start_lets_the_next_in_the_queue_have_its_turn():
    play = script("a b")
    play.asks("a", "b")

    assert play.exits("a", "boom") == ["refuse 1: start-failed, boom", "start b"]


# swaps


def test_a_swap_stops_the_idle_rival_and_starts_when_it_is_gone():
    play = script("a b")
    play.loads("a")

    assert play.asks("b") == ["stop a"]
    assert play.exits("a") == ["start b"]
    assert play.ready("b") == ["grant 2"]


def test_no_swap_while_serving():
    play = script("a b")
    play.asks("a")
    play.ready("a")

    assert play.asks("b") == []
    assert play.leaves(1) == ["stop a"]
    assert play.exits("a") == ["start b"]


def test_queue_on_eviction_collision():
    play = script("a b")
    play.asks("a")

    assert play.asks("b") == [], "a is loading for somebody"
    assert play.ready("a") == ["grant 1"]
    assert play.leaves(1) == ["stop a"]


def test_disjoint_swaps_run_in_parallel():
    play = script("a b x y", apart("a", "b", name="left"), apart("x", "y", name="right"))
    play.loads("a", "x")

    assert play.asks("b", "y") == ["stop a", "stop x"]
    assert play.exits("x") == ["start y"]
    assert play.exits("a") == ["start b"]


def test_overlapping_evictions_stop_the_common_rival_once():
    play = script("v a b", together("a", "b"))
    play.loads("v")

    assert play.asks("a", "b") == ["stop v"]
    assert play.exits("v") == ["start a", "start b"]


def test_a_drain_promotes_everything_that_may_run():
    play = script("v a b", together("a", "b"))
    play.asks("v")
    play.ready("v")

    assert play.asks("a", "b") == []
    assert play.leaves(1) == ["stop v"]
    assert play.exits("v") == ["start a", "start b"]


def test_collation_serves_equal_models_together():
    play = script("a b c")
    play.asks("a", "b", "c", "a", "b", "c")
    for model, tickets in (("a", (1, 4)), ("b", (2, 5)), ("c", (3, 6))):
        assert play.ready(model) == [f"grant {ticket}" for ticket in tickets]
        play.leaves(*tickets)
        play.exits(model)

    assert [word for word in play.log if "start" in word] == ["start a", "start b", "start c"]


def test_patience_bounds_what_a_warm_model_may_overtake():
    play = script("a b", patience=2)
    play.asks("a")
    play.ready("a")
    play.asks("b")

    assert play.asks("a", "a", "a") == ["grant 3", "grant 4"], "the third may not pass"
    assert play.leaves(1, 3, 4) == ["stop a"]
    assert play.exits("a") == ["start b"]


def test_a_higher_priority_is_served_first():
    play = script("a low high", low=Limits(priority=-1), high=Limits(priority=5))
    play.asks("a")
    play.ready("a")
    play.asks("low", "high", "high")

    assert play.engine.positions() == {3: 1, 4: 2, 2: 3}
    play.leaves(1)
    assert play.exits("a") == ["start high"]


# clients that leave


def test_a_client_that_left_before_the_grant_is_never_granted():
    play = script("a")
    play.asks("a", "a")

    assert play.leaves(1) == []
    assert play.ready("a") == ["grant 2"]


def test_a_cancelled_request_leaves_the_queue_and_loads_nothing():
    play = script("a b")
    play.asks("a")
    play.ready("a")
    play.asks("b")

    assert play.leaves(2) == []
    assert play.leaves(1) == [], "nobody wants b any more"
    assert play.engine.positions() == {}


def test_a_load_goes_on_when_its_only_waiter_leaves_and_gives_way_to_who_comes_next():
    play = script("a b")
    play.asks("a")

    assert play.leaves(1) == [], "the load is not thrown away"
    assert play.asks("b") == ["stop a"]


def test_leaving_without_a_place_changes_nothing():
    play = script("a")
    play.asks("a")
    before = play.engine.positions()

    assert play.leaves(99, 0) == []
    assert play.engine.positions() == before
    assert play.ready("a") == ["grant 1"]
    assert play.leaves(1) == play.leaves(1) == [], "and a second time is no harm"


# unload


def test_unload_refuses_who_waits_for_the_load_and_stops_it():
    play = script("a")
    play.asks("a", "a")

    assert play.unload("a") == ["refuse 1: model-unloaded", "refuse 2: model-unloaded", "stop a"]
    assert play.ready("a") == [], "the result of the aborted start comes too late"
    assert play.exits("a") == []


def test_unload_drops_who_is_queued_for_the_model_and_nobody_else():
    play = script("a b c")
    play.asks("a")
    play.ready("a")
    play.asks("b", "c")

    assert play.unload("b") == ["refuse 2: model-unloaded"]
    assert play.leaves(1) == ["stop a"]
    assert play.exits("a") == ["start c"]


def test_unload_of_what_does_not_run_does_nothing_and_twice_is_once():
    play = script("a")

    assert play.unload("a") == []
    play.loads("a")
    assert play.unload("a") == ["stop a"]
    assert play.unload("a") == []


def test_unload_stops_every_model_in_the_same_step_busy_or_not():
    play = script("a b c", together("a", "b", "c"))
    play.loads("a")
    play.asks("b")
    play.ready("b")

    assert play.unload("a", "b", "c") == ["stop a", "stop b"]


def test_a_late_result_of_an_aborted_start_does_not_serve_the_next_one():
    play = script("a")
    play.asks("a")
    first = play.incarnation("a")
    play.unload("a")
    play.exits("a")
    assert play.asks("a") == ["start a"]

    assert play.tell(f.UpstreamReady(ModelId("a"), first)) == []
    assert play.ready("a") == ["grant 2"]


# the life of a process


def test_a_request_during_a_stop_waits_for_its_end_and_starts_again():
    play = script("a")
    play.loads("a")
    play.unload("a")

    assert play.asks("a") == []
    assert play.exits("a") == ["start a"]
    assert play.ready("a") == ["grant 2"]


def test_run_stop_cycles_use_a_new_incarnation_each():
    play = script("a")
    seen = []
    for ticket in (1, 2, 3):
        assert play.asks("a") == ["start a"]
        seen.append(play.incarnation("a"))
        assert play.ready("a") == [f"grant {ticket}"]
        play.leaves(ticket)
        assert play.unload("a") == ["stop a"]
        play.exits("a")

    assert seen == [1, 2, 3]


def test_a_crash_while_serving_frees_the_model_and_the_next_request_starts_it():
    play = script("a b")
    play.asks("a")
    play.ready("a")
    play.asks("b")

    assert play.exits("a", "killed by signal 11") == ["start b"]
    assert play.leaves(1) == []


# idle time


def test_an_idle_model_is_stopped_after_its_time():
    play = script("a", a=Limits(idle_seconds=5))
    play.asks("a")
    play.ready("a")

    (timer,) = play.leaves(1)

    assert timer.endswith(" 5 s")
    assert play.times_out(timer) == ["stop a"]


def test_a_request_resets_the_idle_time():
    play = script("a", a=Limits(idle_seconds=5))
    play.asks("a")
    play.ready("a")
    (old,) = play.leaves(1)

    play.asks("a")
    assert play.times_out(old) == [], "somebody is served"
    (new,) = play.leaves(2)

    assert play.times_out(old) == []
    assert play.times_out(new) == ["stop a"]


def test_the_idle_time_begins_at_ready_when_nobody_is_left_to_serve():
    play = script("a", a=Limits(idle_seconds=5))
    play.asks("a")
    play.leaves(1)

    (timer,) = play.ready("a")

    assert timer.endswith(" 5 s")


def test_without_an_idle_time_no_timer_is_set():
    play = script("a")
    play.loads("a")

    assert not [word for word in play.log if word.startswith("timer")]


# the concurrency limit


def test_the_default_limit_is_ten():
    play = script("a")

    words = play.asks(*["a"] * 11)

    assert words == ["start a", "refuse 11: too-many-requests"]


def test_requests_over_the_limit_are_refused_and_a_place_that_is_given_back_is_taken():
    play = script("a", a=Limits(concurrency=2))
    play.loads("a")

    assert play.asks("a", "a", "a") == ["grant 2", "grant 3", "refuse 4: too-many-requests"]
    play.leaves(2)
    assert play.asks("a") == ["grant 5"]


@pytest.mark.parametrize("limit", [1, 3, 25])
def test_a_limit_of_its_own_counts_who_waits_for_the_load(limit):
    play = script("a", a=Limits(concurrency=limit))

    assert play.asks(*["a"] * (limit + 1)) == ["start a", f"refuse {limit + 1}: too-many-requests"]


def test_queued_requests_reserve_their_places():
    play = script("a b", b=Limits(concurrency=2))
    play.asks("a")
    play.ready("a")

    assert play.asks("b", "b", "b") == ["refuse 4: too-many-requests"]


def test_a_queued_request_that_leaves_gives_its_place_back():
    play = script("a b", b=Limits(concurrency=1))
    play.asks("a")
    play.ready("a")
    play.asks("b")
    play.leaves(2)

    assert play.asks("b", "b") == ["refuse 4: too-many-requests"]
    assert play.engine.positions() == {3: 1}
