"""Who must go by groups; the names of upstream's router tests are kept where they say the same."""

from __future__ import annotations

import pytest

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.groups import Group, GroupPolicy, group_policy
from swaplab_core.engine.policy import Eviction, Policy, models_of


def models(names: str) -> tuple[ModelId, ...]:
    return tuple(ModelId(name) for name in names.split())


def evicted(policy: Policy, target: str, live: str) -> frozenset[ModelId]:
    return models_of(policy.evictions(ModelId(target), frozenset(models(live))))


def policy_of(*groups: Group, ungrouped: str = "") -> GroupPolicy:
    members = [member for group in groups for member in group.members]
    return group_policy(groups, [*members, *models(ungrouped)])


def test_without_groups_one_model_runs_at_a_time():
    policy = policy_of(ungrouped="a b c")

    assert policy.evictions(ModelId("a"), frozenset(models("b"))) == (
        Eviction(ModelId("b"), 1, "models without a group run one at a time"),
    )


def test_swap_stops_previous():
    policy = policy_of(Group("chat", models("a b")))

    assert policy.evictions(ModelId("b"), frozenset(models("a"))) == (
        Eviction(ModelId("a"), 1, "same group 'chat' runs one model at a time"),
    )


def test_non_swap_group_stops_nobody_of_its_own():
    policy = policy_of(Group("chat", models("a b c"), swap=False))

    assert evicted(policy, "c", "a b") == frozenset()


def test_cross_group_exclusive():
    policy = policy_of(Group("big", models("a"), swap=False), Group("small", models("x y"), swap=False))

    assert policy.evictions(ModelId("a"), frozenset(models("y x"))) == (
        Eviction(ModelId("x"), 1, "group 'big' is exclusive"),
        Eviction(ModelId("y"), 1, "group 'big' is exclusive"),
    )


def test_a_model_without_a_group_says_that_it_runs_alone():
    policy = policy_of(Group("chat", models("a")), ungrouped="x")

    assert policy.evictions(ModelId("x"), frozenset(models("a"))) == (
        Eviction(ModelId("a"), 1, "a model without a group runs alone"),
    )


def test_cross_group_non_exclusive_runs_in_parallel():
    policy = policy_of(Group("one", models("a"), exclusive=False), Group("two", models("x"), exclusive=False))

    assert evicted(policy, "a", "x") == evicted(policy, "x", "a") == frozenset()


def test_persistent_is_not_evicted_by_other_groups_but_swaps_inside():
    policy = policy_of(Group("forever", models("p q"), persistent=True), Group("big", models("a")))

    assert evicted(policy, "a", "p") == frozenset()
    assert evicted(policy, "q", "p") == {"p"}


def test_non_exclusive_does_not_unload_exclusive():
    policy = policy_of(Group("big", models("a")), Group("small", models("x"), exclusive=False))

    assert evicted(policy, "x", "a") == frozenset()
    assert evicted(policy, "a", "x") == {"x"}


def test_the_target_is_never_evicted():
    assert evicted(policy_of(ungrouped="a b"), "a", "a b") == {"b"}


def test_a_group_named_default_is_the_implicit_one():
    policy = policy_of(Group("(default)", models("a b"), swap=False, exclusive=False), ungrouped="c")

    assert evicted(policy, "a", "b c") == {"b", "c"}


def test_members_without_a_model_are_left_out():
    policy = group_policy([Group("chat", models("a ghost"))], models("a"))

    assert policy.rivals(ModelId("a")) == frozenset()


def test_a_model_that_is_no_longer_configured_counts_as_ungrouped():
    policy = policy_of(Group("chat", models("a"), exclusive=False), Group("big", models("b")), ungrouped="c")

    assert evicted(policy, "a", "gone") == frozenset()
    assert evicted(policy, "b", "gone") == {"gone"}
    assert evicted(policy, "c", "gone") == {"gone"}
    assert evicted(policy, "gone", "a b") == {"a", "b"}


@pytest.mark.parametrize(("together", "can"), [("", True), ("a", True), ("a b", True), ("a c", False), ("c d", False)])
def test_can_run_together(together, can):
    policy = policy_of(Group("spill", models("a b"), swap=False), Group("chat", models("c d")))

    assert policy.can_run_together(models(together)) is can


def test_exclusion_in_one_direction_is_enough_to_keep_models_apart():
    policy = policy_of(Group("big", models("a")), Group("small", models("x"), exclusive=False))

    assert not policy.can_run_together(models("x a"))
