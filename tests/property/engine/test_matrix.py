"""The matrix against a restatement that multiplies every set out, on small random matrices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from attrs import frozen
from hypothesis import assume, given
from hypothesis import strategies as st

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.matrix import MatrixPolicy, compile_matrix
from swaplab_core.engine.policy import models_of

MODELS = [ModelId(name) for name in "abcde"]
SETS = ["s0", "s1", "s2", "s3"]
MAX_COMBINATIONS = 2_000

Tree = tuple[str, tuple["Tree", ...]] | str
Combination = frozenset[ModelId]


@frozen
class Matrix:
    """A matrix as a person would define it, with the meaning spelled out."""

    trees: dict[str, Tree]
    costs: dict[str, int]

    def policy(self) -> MatrixPolicy:
        policy = compile_matrix({name: text(tree) for name, tree in self.trees.items()}, {}, self.costs, MODELS)
        assert isinstance(policy, MatrixPolicy), policy
        return policy

    def combinations(self, tree: Tree) -> list[Combination]:
        """All of them, in written order."""
        if isinstance(tree, str):
            return self.combinations(self.trees[tree[1:]]) if tree.startswith("+") else [frozenset({ModelId(tree)})]
        operator, operands = tree
        families = [self.combinations(operand) for operand in operands]
        if operator == "|":
            found = [combination for family in families for combination in family]
        else:
            found = []
            for picked in product(*families):
                found.append(frozenset().union(*picked))
                assume(len(found) <= MAX_COMBINATIONS)
        assume(len(found) <= MAX_COMBINATIONS)
        return found

    def set_order(self) -> list[str]:
        order: list[str] = []

        def visit(name: str) -> None:
            for reference in references(self.trees[name]):
                visit(reference)
            if name not in order:
                order.append(name)

        for name in self.trees:
            visit(name)
        return order

    def expected(self, target: ModelId, live: Combination) -> tuple[str, Combination, Combination, int]:
        """(set, members, evicted, cost): the first one that is cheaper than all before it."""
        best = ("", frozenset({target}), live, None)
        for name in self.set_order():
            for combination in self.combinations(self.trees[name]):
                cost = self.cost(live - combination)
                if target in combination and (best[3] is None or cost < best[3]):
                    best = (name, combination, live - combination, cost)
        return (*best[:3], self.cost(best[2]))

    def cost(self, models: Combination) -> int:
        return sum(self.costs.get(model, 1) for model in models)


def references(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        if tree.startswith("+"):
            yield tree[1:]
        return
    for operand in tree[1]:
        yield from references(operand)


def text(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    operator, operands = tree
    return f" {operator} ".join(part if isinstance(part, str) else f"({text(part)})" for part in operands)


@st.composite
def matrices(draw) -> Matrix:
    names = SETS[: draw(st.integers(1, len(SETS)))]
    rank = draw(st.permutations(names))  # a set may refer to those of lower rank, wherever they are written
    trees = {name: draw(trees_over([*MODELS, *(f"+{below}" for below in rank[: rank.index(name)])])) for name in names}
    return Matrix(trees, draw(st.dictionaries(st.sampled_from(MODELS), st.integers(1, 3), max_size=2)))


def trees_over(operands: list[str]) -> st.SearchStrategy[Tree]:
    """Trees from the words of a stack machine: much faster to draw than recursive strategies."""
    operand = st.sampled_from(operands)
    words = st.lists(operand | st.sampled_from(["2&", "3&", "2|", "3|"]), max_size=14)
    return st.builds(tree_of, operand, words, last=st.sampled_from("&|"))


def tree_of(first: str, words: list[str], last: str) -> Tree:
    """An operand is pushed, `2&` joins the two on top; what is left at the end is joined by `last`."""
    stack: list[Tree] = [first]
    for word in words:
        if word[0] not in "23":
            stack.append(word)
        elif len(stack) >= int(word[0]):
            stack, taken = stack[: -int(word[0])], stack[-int(word[0]) :]
            stack.append((word[1], tuple(taken)))
    return stack[0] if len(stack) == 1 else (last, tuple(stack))


targets = st.sampled_from(MODELS)
lives = st.frozensets(st.sampled_from(MODELS), max_size=3) | st.frozensets(st.sampled_from(MODELS), min_size=3)


@given(matrices(), targets, lives)
def test_a_decision_is_the_first_of_the_cheapest_combinations(matrix, target, live):
    live -= {target}

    decision = matrix.policy().decide(target, live)

    decided = (decision.set_name, frozenset(decision.members), models_of(decision.evictions), decision.cost)
    assert decided == matrix.expected(target, live)
    assert list(decision.evictions) == sorted(decision.evictions, key=lambda eviction: eviction.model)


@given(matrices(), targets, lives, lives)
def test_an_empty_answer_stays_empty_when_live_shrinks(matrix, target, live, some):
    policy = matrix.policy()
    room = live - models_of(policy.evictions(target, live))

    assert not policy.evictions(target, room)
    assert not policy.evictions(target, room & some)


@given(matrices(), targets, lives, lives)
def test_a_decision_stands_while_it_is_carried_out(matrix, target, live, some):
    policy = matrix.policy()
    going = models_of(policy.evictions(target, live))

    assert models_of(policy.evictions(target, live - (going & some))) == going - some


@given(matrices(), targets)
def test_rivals_are_those_that_must_go_even_when_alone(matrix, target):
    policy = matrix.policy()

    assert policy.rivals(target) == {
        model for model in MODELS if model != target and policy.evictions(target, frozenset({model}))
    }


@given(matrices(), lives)
def test_models_can_run_together_when_one_combination_has_them(matrix, models):
    families = (matrix.combinations(tree) for tree in matrix.trees.values())
    expected = len(models) <= 1 or any(models <= combination for family in families for combination in family)

    assert matrix.policy().can_run_together(models) is expected


@given(matrices(), targets, lives)
def test_the_same_question_has_the_same_answer(matrix, target, live):
    policy = matrix.policy()

    assert policy.decide(target, live) == policy.decide(target, frozenset(sorted(live, reverse=True)))
    assert policy.evictions(target, live) == policy.evictions(target, live) == matrix.policy().evictions(target, live)
