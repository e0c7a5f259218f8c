"""Who must go by a matrix; the names of upstream's conformance tests are kept where they say the same."""

from __future__ import annotations

import pytest

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.matrix import Decision, MatrixPolicy, compile_matrix
from swaplab_core.engine.matrix_dsl import DslProblem
from swaplab_core.engine.policy import Eviction, Policy, models_of


def models(names: str) -> frozenset[ModelId]:
    return frozenset(ModelId(name) for name in names.split())


def matrix(
    known: str, sets: dict[str, str], variables: dict[str, str] | None = None, costs: dict[str, int] | None = None
) -> MatrixPolicy:
    policy = compile_matrix(sets, variables or {}, costs or {}, models(known))
    assert isinstance(policy, MatrixPolicy), policy
    return policy


def problems(
    sets: dict[str, str], variables: dict[str, str] | None = None, costs: dict[str, int] | None = None
) -> tuple[DslProblem, ...]:
    found = compile_matrix(sets, variables or {}, costs or {}, models("alpha beta org/gamma"))
    assert isinstance(found, tuple), found
    return found


def evicted(policy: Policy, target: str, live: str) -> frozenset[ModelId]:
    return models_of(policy.evictions(ModelId(target), models(live)))


def decide(policy: MatrixPolicy, target: str, live: str) -> Decision:
    return policy.decide(ModelId(target), models(live))


def test_swap_evicts_conflicting():
    assert evicted(matrix("a b", {"one": "a | b"}), "b", "a") == {"a"}


def test_coexist_in_set():
    assert evicted(matrix("a b", {"both": "a & b"}), "b", "a") == frozenset()


def test_coexisting_in_a_part_of_a_set():
    assert evicted(matrix("a b c d", {"all": "a & b & c & d"}), "d", "b") == frozenset()


def test_the_worked_example_of_the_specification():
    policy = matrix(
        "alpha beta org/gamma",
        {"pair": "alpha & (beta | g)", "solo": "+pair | g"},
        variables={"g": "org/gamma"},
        costs={"alpha": 20, "g": 5},
    )

    reason = "not in {alpha, beta}, the cheapest combination for 'beta' (set 'pair', cost 5)"
    assert policy.decide(ModelId("beta"), models("alpha org/gamma")) == Decision(
        "pair", (ModelId("alpha"), ModelId("beta")), 5, (Eviction(ModelId("org/gamma"), 5, reason),)
    )
    assert policy.can_run_together(models("alpha beta"))
    assert policy.can_run_together(models("alpha org/gamma"))
    assert not policy.can_run_together(models("beta org/gamma"))


def test_tie_break_definition_order():
    policy = matrix("t a b", {"first": "t & a", "second": "t & b"})

    assert decide(policy, "t", "a b").set_name == "first"
    assert evicted(policy, "t", "a b") == {"b"}


def test_tie_break_prefers_a_referenced_set_to_the_one_that_refers():
    policy = matrix("t a b", {"wide": "t & b | +narrow", "narrow": "t & a"})

    assert decide(policy, "t", "a b").set_name == "narrow"


def test_tie_break_within_a_set_is_the_written_order():
    assert evicted(matrix("t a b", {"s": "t & (b | a)"}), "t", "a b") == {"a"}


def test_tie_break_within_a_set_does_not_depend_on_other_sets():
    policy = matrix("t a b", {"other": "a", "s": "t & (b | a)"})

    assert evicted(policy, "t", "a b") == {"a"}


def test_tie_break_is_not_disturbed_by_a_wider_choice_behind():
    # {t a b c} and {t d b c} cost the same; the first way to the former is `a`, written before `d`
    policy = matrix("t a b c d", {"s": "t & (a | d | a & b) & b & c"})

    assert evicted(policy, "t", "a b c d") == {"d"}


def test_tie_break_picks_the_first_full_set_as_well():
    assert decide(matrix("t a x y", {"s": "t & (y | x) & a"}), "t", "a").members == ("t", "y", "a")


def test_three_out_of_a_pool_keeps_the_first_written():
    policy = matrix("t a b c", {"pool": "t | a | b | c", "all": "+pool & +pool & +pool"})

    assert evicted(policy, "t", "a b c") == {"c"}


def test_evict_costs_preferred():
    policy = matrix("t a b", {"first": "t & a", "second": "t & b"}, costs={"b": 3})

    assert decide(policy, "t", "a b") == Decision(
        "second",
        (ModelId("t"), ModelId("b")),
        1,
        (Eviction(ModelId("a"), 1, "not in {t, b}, the cheapest combination for 't' (set 'second', cost 1)"),),
    )


def test_two_cheap_evictions_beat_a_dear_one():
    policy = matrix("t a b c", {"cheap": "t & a", "dear": "t & b & c"}, costs={"a": 3})

    assert evicted(policy, "t", "a b c") == {"b", "c"}


def test_references_nested():
    policy = matrix("g q m v e", {"llms": "g | q | m", "with_tts": "+llms & v", "mega": "+with_tts & e"})

    assert evicted(policy, "e", "m v") == frozenset()
    assert evicted(policy, "e", "m q v") == {"m"}
    assert decide(policy, "v", "g").set_name == "with_tts"


def test_overlapping_references():
    policy = matrix("t a b", {"base": "a & b", "extended": "t & +base & b"})

    assert decide(policy, "t", "a b") == Decision("extended", (ModelId("a"), ModelId("b"), ModelId("t")), 0, ())


def test_dominated_projection():
    policy = matrix("t a b", {"preferred": "t & (a | (a & b))"})

    assert decide(policy, "t", "a b") == Decision("preferred", (ModelId("t"), ModelId("a"), ModelId("b")), 0, ())


def test_target_absent_evicts_everything():
    policy = matrix("lonely a b", {"known": "a & b"})

    reason = "'lonely' is in no set of the matrix, it runs alone"
    assert policy.evictions(ModelId("lonely"), models("b a")) == (
        Eviction(ModelId("a"), 1, reason),
        Eviction(ModelId("b"), 1, reason),
    )


def test_a_live_model_in_no_set_always_goes():
    policy = matrix("lonely a b", {"known": "a & b"}, costs={"lonely": 7})

    assert evicted(policy, "a", "lonely b") == {"lonely"}
    assert decide(policy, "a", "lonely b").cost == 7


def test_a_live_model_that_is_no_longer_configured_always_goes():
    assert evicted(matrix("a b", {"known": "a & b"}), "a", "gone b") == {"gone"}


def test_the_target_is_never_evicted():
    assert evicted(matrix("a b", {"one": "a | b"}), "a", "a b") == {"b"}


def product(dimensions: int, choices: int) -> dict[str, str]:
    groups = (" | ".join(f"m-{row}-{column}" for column in range(choices)) for row in range(dimensions))
    return {"large": "t & " + " & ".join(f"({group})" for group in groups)}


def product_models(dimensions: int, choices: int) -> str:
    return "t outside " + " ".join(f"m-{row}-{column}" for row in range(dimensions) for column in range(choices))


@pytest.mark.parametrize(("dimensions", "choices"), [(6, 10), (40, 25)])
def test_no_expansion_limit(dimensions, choices):
    policy = matrix(product_models(dimensions, choices), product(dimensions, choices))
    live = " ".join(f"m-{row}-{choices - 1}" for row in range(dimensions))

    decision = decide(policy, "t", live + " outside")

    assert models_of(decision.evictions) == {"outside"}
    assert len(decision.members) == dimensions + 1
    assert policy.can_run_together(models(live + " t"))
    assert not policy.can_run_together(models(live + " m-0-0"))


@pytest.mark.parametrize("expression", ["t & +rows", "t & +rows & +rows"])
def test_poorer_choices_are_dropped_before_they_multiply(expression):
    rows = 40  # with every choice kept there would be 2^40 states
    costs = {f"live{row}": 2**row for row in range(rows)}
    policy = matrix(
        f"t {' '.join(costs)} " + " ".join(f"off{row}" for row in range(rows)),
        {"rows": " & ".join(f"(off{row} | live{row})" for row in range(rows)), "s": expression},
        costs=costs,
    )

    assert decide(policy, "t", " ".join(costs)).evictions == ()


def test_shared_references_are_solved_without_multiplying_them_out():
    doubling = {f"s{level}": f"+s{level - 1} & +s{level - 1}" if level else "t | a | b" for level in range(60)}
    policy = matrix("t a b x", doubling | {"last": "+s59 & x"})

    decision = decide(policy, "t", "a b x")

    assert (decision.set_name, decision.evictions) == ("last", ())
    assert policy.rivals(ModelId("x")) == frozenset()


def test_more_than_64_relevant_models():
    names = " ".join(f"m{number}" for number in range(70))
    policy = matrix(f"t outside {names}", {"wide": " & ".join(f"t {names}".split())})

    decision = decide(policy, "t", f"outside {names}")

    assert models_of(decision.evictions) == {"outside"}
    assert len(decision.members) == 71


def test_a_long_set_is_shortened_in_the_reason():
    policy = matrix("t a b c d e f x", {"wide": "t & a & b & c & d & e & f"})

    (eviction,) = policy.evictions(ModelId("t"), models("x"))

    assert eviction.reason == (
        "not in {t, a, b, c, d, e and 1 more}, the cheapest combination for 't' (set 'wide', cost 1)"
    )


def test_rivals_are_the_models_that_share_no_combination():
    policy = matrix("a b c d lonely", {"s": "a & (b | c)", "t": "c & d"})

    assert policy.rivals(ModelId("a")) == {"d", "lonely"}
    assert policy.rivals(ModelId("c")) == {"b", "lonely"}
    assert policy.rivals(ModelId("lonely")) == {"a", "b", "c", "d"}


def test_models_that_are_no_rivals_in_pairs_may_still_not_fit_together():
    policy = matrix("a b c", {"pairs": "a & b | b & c | a & c"})

    assert policy.rivals(ModelId("a")) == frozenset()
    assert not policy.can_run_together(models("a b c"))


@pytest.mark.parametrize(
    ("together", "can"), [("", True), ("a", True), ("lonely", True), ("a b", True), ("a lonely", False), ("b c", False)]
)
def test_can_run_together(together, can):
    assert matrix("a b c lonely", {"s": "a & (b | c)"}).can_run_together(models(together)) is can


def test_direct_and_short_names_may_be_mixed_and_repeated():
    policy = matrix("alpha org/gamma", {"s": "alpha & g & alpha & g"}, variables={"g": "org/gamma"})

    assert decide(policy, "alpha", "org/gamma") == Decision("s", (ModelId("alpha"), ModelId("org/gamma")), 0, ())


def test_a_variable_shadows_a_model_of_its_name():
    policy = matrix("a b c", {"s": "a & c"}, variables={"a": "b"}, costs={"a": 9})

    assert policy.can_run_together(models("b c"))
    assert not policy.can_run_together(models("a c"))
    assert policy.evictions(ModelId("a"), models("b"))[0].cost == 9


def test_a_matrix_needs_a_set():
    assert problems({}) == (DslProblem("", 0, "the matrix has no set", "write at least one below sets", "sets"),)


@pytest.mark.parametrize("name", ["", "a_b", "a/b", "x" * 33, "ä"])
def test_variable_names_have_rules(name):
    advice = "use 1 to 32 letters, digits, '.' or '-'"

    found = problems({"s": "alpha"}, variables={name: "beta"})

    assert found == (DslProblem("", 0, f"{name!r} cannot name a variable", advice, f"vars.{name}"),)


def test_variables_mean_real_models():
    assert problems({"s": "q"}, variables={"q": "alpa"}) == (
        DslProblem("", 0, "unknown model 'alpa'", "did you mean 'alpha'?", "vars.q"),
    )


@pytest.mark.parametrize("cost", [0, -2])
def test_costs_are_positive(cost):
    assert problems({"s": "alpha"}, costs={"alpha": cost}) == (
        DslProblem("", 0, f"a cost of {cost} makes no sense", "costs are whole numbers from 1 up", "evict_costs.alpha"),
    )


def test_costs_are_for_known_models():
    assert problems({"s": "alpha"}, costs={"betta": 2}) == (
        DslProblem("", 0, "unknown model or variable 'betta'", "did you mean 'beta'?", "evict_costs.betta"),
    )


def test_a_model_has_one_cost():
    found = problems({"s": "alpha"}, variables={"q": "alpha"}, costs={"alpha": 2, "q": 3})

    assert found == (
        DslProblem("", 0, "'q' and 'alpha' are the same model with two costs", "keep one", "evict_costs.q"),
    )
    assert matrix("alpha", {"s": "alpha"}, variables={"q": "alpha"}, costs={"alpha": 2, "q": 2})


def test_mistakes_of_variables_costs_and_sets_are_told_together():
    found = problems({"s": "alpha &"}, variables={"q": "nobody"}, costs={"alpha": 0})

    assert [problem.key for problem in found] == ["vars.q", "evict_costs.alpha", "sets.s"]
