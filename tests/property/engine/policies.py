"""Every kind of policy the engine may meet, over the models of the small world."""

from __future__ import annotations

from attrs import frozen
from hypothesis import strategies as st

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.groups import Group, GroupPolicy, group_policy
from swaplab_core.engine.matrix import MatrixPolicy, compile_matrix
from swaplab_core.engine.policy import Eviction

MODELS = tuple(ModelId(name) for name in "abcd")


@frozen
class Rivals:
    """Directed exclusion: (a, b) means that a cannot start while b lives."""

    pairs: frozenset[tuple[ModelId, ModelId]]

    def evictions(self, target: ModelId, live: frozenset[ModelId]) -> tuple[Eviction, ...]:
        return tuple(Eviction(m, reason="rival") for m in sorted(live) if m != target and (target, m) in self.pairs)

    def rivals(self, target: ModelId) -> frozenset[ModelId]:
        return frozenset(b for a, b in self.pairs if a == target and b != target)


def grouped(homes: tuple[int, ...], flags: tuple[tuple[bool, bool, bool], ...]) -> GroupPolicy:
    """Model n is in group `homes[n]`, or in the default group for 0; the flags are swap, exclusive and persistent."""
    groups = [
        Group(f"g{number}", tuple(m for m, home in zip(MODELS, homes, strict=True) if home == number), *flag)
        for number, flag in enumerate(flags, start=1)
    ]
    return group_policy(groups, MODELS)


def matrix(*sets: str, costs: dict[ModelId, int]) -> MatrixPolicy:
    """The sets as a person writes them."""
    policy = compile_matrix({f"s{number}": text for number, text in enumerate(sets)}, {}, costs, MODELS)
    assert isinstance(policy, MatrixPolicy), policy
    return policy


models = st.sampled_from(MODELS)
flags = st.tuples(st.booleans(), st.booleans(), st.booleans())
clauses = st.frozensets(models, min_size=1).map(lambda some: f"({' | '.join(sorted(some))})")
sets = st.lists(clauses, min_size=1, max_size=3).map(" & ".join)

rivals = st.builds(Rivals, st.frozensets(st.tuples(models, models)))
groups = st.builds(grouped, st.tuples(*[st.integers(0, 2)] * len(MODELS)), st.tuples(flags, flags))
matrices = st.builds(
    lambda sets, costs: matrix(*sets, costs=costs),
    st.lists(sets, min_size=1, max_size=4),
    st.dictionaries(models, st.integers(2, 3), max_size=2),
)
policies = rivals | groups | matrices
