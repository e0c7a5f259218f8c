"""Groups against a naive restatement of their rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.groups import Group, group_policy
from swaplab_core.engine.policy import models_of

MODELS = [ModelId(name) for name in "abcdef"]
NAMES = ["(default)", "one", "two"]


@st.composite
def group_lists(draw) -> list[Group]:
    """Every model in one group at most."""
    home = {model: draw(st.sampled_from([None, *NAMES])) for model in MODELS}
    flags = st.booleans()
    return [
        Group(name, tuple(model for model in MODELS if home[model] == name), draw(flags), draw(flags), draw(flags))
        for name in NAMES
    ]


def naive_evictions(groups: list[Group], target: ModelId, live: frozenset[ModelId]) -> set[ModelId]:
    default = Group("(default)", swap=True, exclusive=True, persistent=False)

    def home(model: ModelId) -> Group:
        return next((group for group in groups if model in group.members and group.name != default.name), default)

    mine = home(target)
    gone = set()
    for other in live - {target}:
        theirs = home(other)
        if theirs is mine:
            if mine.swap:
                gone.add(other)
        elif mine.exclusive and not theirs.persistent:
            gone.add(other)
    return gone


targets = st.sampled_from(MODELS)
lives = st.frozensets(st.sampled_from(MODELS))


@given(group_lists(), targets, lives)
def test_evictions_follow_the_rules(groups, target, live):
    evictions = group_policy(groups, MODELS).evictions(target, live)

    assert models_of(evictions) == naive_evictions(groups, target, live)
    assert [eviction.model for eviction in evictions] == sorted(models_of(evictions))
    assert all(eviction.reason and eviction.cost == 1 for eviction in evictions)


@given(group_lists(), targets, lives, lives)
def test_an_empty_answer_stays_empty_when_live_shrinks(groups, target, live, some):
    policy = group_policy(groups, MODELS)
    room = live - models_of(policy.evictions(target, live))

    assert not policy.evictions(target, room & some)


@given(group_lists(), targets, lives, lives)
def test_a_decision_stands_while_it_is_carried_out(groups, target, live, some):
    policy = group_policy(groups, MODELS)
    going = models_of(policy.evictions(target, live))

    assert models_of(policy.evictions(target, live - (going & some))) == going - some


@given(group_lists(), targets)
def test_rivals_are_those_that_must_go_even_when_alone(groups, target):
    policy = group_policy(groups, MODELS)

    assert policy.rivals(target) == {
        model for model in MODELS if model != target and policy.evictions(target, frozenset({model}))
    }


@given(group_lists(), lives)
def test_models_can_run_together_when_none_evicts_another(groups, models):
    expected = not any(naive_evictions(groups, model, models) for model in models)

    assert group_policy(groups, MODELS).can_run_together(models) is expected
