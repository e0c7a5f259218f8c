"""An engine as data: written as JSON, read again, and played to a fresh one."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from engines import group, grouped, matrix, names, one_at_a_time, table

from swaplab_core.engine import Limits, Phase
from swaplab_core.engine.effects import Grant
from swaplab_core.engine.facts import (
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
from swaplab_core.engine.groups import group_policy
from swaplab_core.engine.matrix import compile_matrix
from swaplab_core.engine.policy import Residency
from swaplab_core.engine.recording import (
    Recording,
    Step,
    capture,
    from_json,
    replay,
    restore,
    state_to_json,
    to_json,
)

SLEEPY = Limits(concurrency=3, idle_seconds=5.5, priority=1, evict_to=Residency.ASLEEP)
PAIR = group("pair", "a b", swap=False, exclusive=False)
FOREVER = group("forever", "c", persistent=True)

# each kind of fact, and with them each kind of effect and nearly each phase
STORY = (
    UpstreamFound("a", 7),
    Requested(1, "a"),
    Requested(2, "d"),
    Requested(3, "unknown"),
    Released(1),
    UpstreamAsleep("a", 7),
    UpstreamReady("d", 8),
    Requested(4, "a"),
    *(Requested(ticket, "a") for ticket in (5, 6, 7)),
    Released(2),
    UpstreamExited("d", 8),
    UpstreamReady("a", 7),
    Requested(8, "b"),
    TimerFired("a", 99),
    UpstreamExited("b", 9, "boom"),
    Requested(9, "b"),
    UnloadRequested(frozenset("b")),
)
MATRIX = compile_matrix({"one": "a & v", "two": "c | +one"}, {"v": "b"}, {"a": 3}, names("a b c d"))


def with_groups():
    return grouped("a b c d", PAIR, FOREVER, a=SLEEPY)


def with_a_matrix():
    return matrix("a b c d", "a & b", "c", a=SLEEPY)


def recorded(engine, facts):
    start = capture(engine)
    return Recording(start, [Step(float(number), fact, engine.step(fact)) for number, fact in enumerate(facts)])


def through_json(recording):
    return from_json(json.loads(json.dumps(to_json(recording, now=100.0))))


@pytest.mark.parametrize("make", [with_groups, with_a_matrix])
@pytest.mark.parametrize(
    "news",
    [
        Reconfigured(table("a b d"), group_policy([PAIR], names("a b d")), frozenset("a"), patience=2),
        Reconfigured(table("a b c d"), MATRIX, at_once=True),
    ],
)
def test_a_recording_is_the_same_after_being_written_and_read_and_a_fresh_engine_does_the_same(make, news):
    recording = recorded(make(), (*STORY, news, Requested(10, "d"), UpstreamExited("a", 7)))

    read = through_json(recording)

    assert list(replay(read)) == []
    assert [step.effects for step in read.steps] == [step.effects for step in recording.steps]
    assert [step.at for step in read.steps] == [step.at - 100 for step in recording.steps]
    assert to_json(read, now=0.0) == to_json(recording, now=100.0)


def test_from_every_moment_on_a_restored_engine_goes_on_like_the_one_it_was_taken_from():
    engine = with_groups()
    for number, fact in enumerate(STORY):
        twin = restore(through_json(Recording(capture(engine), [])).start)
        assert twin == engine.copy()
        assert list(replay(Recording(capture(twin), recorded(engine.copy(), STORY[number:]).steps))) == []
        engine.step(fact)


def test_the_story_above_goes_everywhere():
    engine = with_groups()
    effects = {type(effect).__name__ for fact in STORY for effect in engine.step(fact)}

    assert effects == {"Grant", "Refuse", "SetTimer", "SleepUpstream", "StartUpstream", "StopUpstream", "WakeUpstream"}


def test_where_an_engine_answers_otherwise_is_told_with_both_answers():
    recording = recorded(one_at_a_time("a b", patience=8), [Requested(1, "a"), UpstreamReady("a", 1)])
    recording.steps[1].effects = ()

    (difference,) = replay(recording)

    assert (difference.number, difference.answered, difference.error) == (2, (Grant(1, "a", 1),), "")


def test_patience_is_part_of_the_state():
    engine = one_at_a_time("a b", patience=1)
    assert restore(through_json(recorded(engine, [])).start).patience == 1


def test_a_fact_that_the_engine_fails_over_ends_the_replay_with_what_it_said():
    facts = [UpstreamFound("a", 1), UpstreamFound("a", 2), Requested(1, "a")]
    recording = Recording(capture(one_at_a_time("a")), [Step(0.0, fact) for fact in facts])

    first, last = replay(through_json(recording))

    assert first.answered == ()
    assert first.step.effects is None
    assert last.number == 2
    assert last.error == f"KeyError: ({Phase.READY!r}, {UpstreamFound!r})"


class Unheard:
    """A policy of somebody else."""

    def evictions(self, target, live):
        return ()

    def rivals(self, target):
        return frozenset()


def test_a_policy_that_is_unknown_can_be_shown_and_not_replayed():
    recording = recorded(evolve(one_at_a_time("a"), policy=Unheard()), [])

    assert state_to_json(recording.start)["policy"] == {"use": "Unheard"}
    with pytest.raises(ValueError, match="Unheard"):
        through_json(recording)


@pytest.mark.parametrize("wrong", [{}, {"format": 2}, {"format": 1}, {"format": 1, "start": {}, "steps": []}])
def test_what_is_no_recording_is_refused(wrong):
    with pytest.raises(ValueError, match=r"format|incomplete"):
        from_json(wrong)


@pytest.mark.parametrize(
    ("place", "value"),
    [("seconds_ago", "x"), ("fact", {"fact": "Sneezed"}), ("fact", None), ("effects", [{}]), ("effects", 3)],
)
def test_a_step_that_makes_no_sense_is_refused(place, value):
    written = to_json(recorded(one_at_a_time("a"), [Requested(1, "a")]), now=1.0)
    written["steps"][0][place] = value

    with pytest.raises(ValueError, match=r"incomplete|could not convert"):
        from_json(written)
