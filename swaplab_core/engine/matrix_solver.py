"""The cheapest combination with a model in it, found without multiplying the sets out.

A combination is an int with one bit for each model. Of all models only the target and the live ones matter, and most
live ones only by what they are worth: so parts of a set that have no model in common are solved one by one, and the
work hardly depends on how many combinations the sets allow. Only sets that repeat their live models on both sides of
an `&` (any three of a pool) must tell many states apart. Names, reasons and problems live in `matrix`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from itertools import groupby
from operator import or_

from attrs import define, field, frozen

from swaplab_core.engine.matrix_dsl import AllOf, AnyOf, Leaf, MatrixSet, Node, Program

State = tuple[int, int]
"""What a combination has: the bits that must be known one by one, and the summed worth of its other live models."""

States = tuple[State, ...]
NOTHING: State = (0, 0)


def choose(program: Program, target: int, costs: Mapping[int, int]) -> tuple[MatrixSet, int] | None:
    """The set and the combination with the bit `target` that loses least, given what each live bit `costs` to lose.

    Of equals the first set, and in it the combination written first. None when no set has the target.
    """
    search = _Search(target | program.repeated, reduce(or_, costs, target), costs)
    candidates = (matrix_set for matrix_set in program.sets if matrix_set.root.support & target)
    offers = (_offer(search, matrix_set, target) for matrix_set in candidates)
    best = max(offers, key=lambda offer: offer.worth, default=None)
    return (best.matrix_set, search.first(best.matrix_set.root, best.states)) if best else None


def companions(program: Program, bit: int) -> int:
    """All models that share some combination with the model of `bit`, itself included."""
    known: dict[Node, int] = {}
    return reduce(or_, (_beside(matrix_set.root, bit, known) for matrix_set in program.sets), 0)


@frozen
class _Offer:
    """The most that one set can keep, and the states that do."""

    matrix_set: MatrixSet
    worth: int
    states: States


def _offer(search: _Search, matrix_set: MatrixSet, target: int) -> _Offer:
    worths = {state: search.worth(state) for state in search.states(matrix_set.root) if state[0] & target}
    best = max(worths.values())
    return _Offer(matrix_set, best, tuple(state for state, worth in worths.items() if worth == best))


@define
class _Search:
    """One question to a program.

    The bits in `apart` may come from more than one part of a union, so states name them; the others come from one
    place only, so their `costs` add up. A state that another one covers is dropped: it can never lead to more.
    """

    apart: int
    relevant: int
    costs: Mapping[int, int]
    _choices: dict[AnyOf, States] = field(factory=dict, init=False)
    _rests: dict[AllOf, tuple[States, ...]] = field(factory=dict, init=False)

    def states(self, node: Node) -> States:
        """The best states of the node's combinations, at least one, in no particular order."""
        if not node.support & self.relevant:
            return (NOTHING,)
        match node:
            case Leaf():
                return (self._state(node.support),)
            case AnyOf():
                if node not in self._choices:
                    self._choices[node] = _best(state for choice in node.choices for state in self.states(choice))
                return self._choices[node]
            case AllOf():
                return self._rests_of(node)[0]

    def worth(self, state: State) -> int:
        """What all live models of a state would cost to lose."""
        named, loose = state
        return loose + self._sum(named)

    def first(self, node: Node, wanted: Collection[State]) -> int:
        """The combination written first that covers one of `wanted`; there must be one.

        The answer has the irrelevant models too. Every call that goes deeper gains a relevant model, so this needs no
        memo, however often nodes are shared.
        """
        if NOTHING in wanted:
            return node.first
        match node:
            case Leaf():
                return node.support
            case AnyOf():
                return self.first(next(choice for choice in node.choices if self._offers(choice, wanted)), wanted)
            case AllOf():
                return self._first_union(node, wanted)

    def _first_union(self, node: AllOf, wanted: Collection[State]) -> int:
        """Part by part: of each the first one with which the parts behind it can still give all that is missing."""
        union = 0
        for part, rest in zip(node.parts, self._rests_of(node)[1:], strict=True):
            if part.support & self.relevant:
                missing = {_without(state, self._state(union)) for state in wanted}
                union |= self.first(part, {_without(state, later) for state in missing for later in rest})
            else:
                union |= part.first
        return union

    def _offers(self, node: Node, wanted: Collection[State]) -> bool:
        return any(_covers(state, want) for state in self.states(node) for want in wanted)

    def _rests_of(self, node: AllOf) -> tuple[States, ...]:
        """At index k the states of the parts from k on together; one more at the end, for no part at all."""
        if node not in self._rests:
            rests: list[States] = [(NOTHING,)]
            for part in reversed(node.parts):
                rests.append(_unions(self.states(part), rests[-1]))
            self._rests[node] = tuple(reversed(rests))
        return self._rests[node]

    def _state(self, combination: int) -> State:
        relevant = combination & self.relevant
        return relevant & self.apart, self._sum(relevant & ~self.apart)

    def _sum(self, bits: int) -> int:
        return sum(cost for bit, cost in self.costs.items() if bit & bits)


def _covers(state: State, other: State) -> bool:
    return state[0] & other[0] == other[0] and state[1] >= other[1]


def _without(state: State, given: State) -> State:
    return state[0] & ~given[0], max(0, state[1] - given[1])


def _unions(left: States, right: States) -> States:
    if left == (NOTHING,):
        return right
    return _best((one[0] | other[0], one[1] + other[1]) for one in left for other in right)


def _best(states: Iterable[State]) -> States:
    """Without those that another one covers, which can only be one of greater size."""
    kept: list[State] = []
    for _, equals in groupby(sorted(set(states), key=_size, reverse=True), _size):
        kept += [state for state in equals if not any(_covers(other, state) for other in kept)]
    return tuple(kept)


def _size(state: State) -> tuple[int, int]:
    return state[1], state[0].bit_count()


def _beside(node: Node, bit: int, known: dict[Node, int]) -> int:
    if not node.support & bit:
        return 0
    if node not in known:
        known[node] = _beside_below(node, bit, known)
    return known[node]


def _beside_below(node: Node, bit: int, known: dict[Node, int]) -> int:
    match node:
        case Leaf():
            return bit
        case AnyOf():
            return reduce(or_, (_beside(choice, bit, known) for choice in node.choices))
        case AllOf():
            holders = [part for part in node.parts if part.support & bit]
            if len(holders) > 1:  # whichever of them gives the bit, the others are free to give anything
                return node.support
            others = (part.support for part in node.parts if part is not holders[0])
            return reduce(or_, others, _beside(holders[0], bit, known))
