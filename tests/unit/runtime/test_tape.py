"""The tape of the engine: bounded, and always with a state to start from."""

from __future__ import annotations

from engines import one_at_a_time

from swaplab_core.domain.ids import ModelId, TicketId
from swaplab_core.engine.facts import Released, Requested, UpstreamReady
from swaplab_core.engine.recording import replay
from swaplab_core.runtime.tape import LENGTH, Tape


def test_it_holds_the_last_1000_facts_at_least_and_twice_as_many_at_most_and_can_always_be_replayed():
    engine = one_at_a_time("a")
    tape, a = Tape(engine), ModelId("a")
    facts = [Requested(TicketId(0), a), UpstreamReady(a, 1)]
    for ticket in range(1, 1800):
        facts += [Requested(TicketId(ticket), a), Released(TicketId(ticket - 1))]

    for number, fact in enumerate(facts, start=1):
        step = tape.told(fact, float(number))
        step.effects = engine.step(fact)
        if number % 500 in {0, 1} or number == len(facts):
            recording = tape.recording()
            kept = [step.fact for step in recording.steps]
            assert kept == facts[number - len(kept) : number]
            assert min(number, LENGTH) <= len(kept) <= 2 * LENGTH
            assert list(replay(recording)) == []


def test_a_fact_that_the_engine_fails_over_is_on_it():
    engine = one_at_a_time("a")
    tape, fact = Tape(engine), Released(TicketId(1))

    tape.told(fact, 1.0)

    (step,) = tape.recording().steps
    assert (step.fact, step.effects) == (fact, None)
