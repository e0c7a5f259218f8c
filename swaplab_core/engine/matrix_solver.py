"""The cheapest combination with a model in it, found without multiplying the sets out.

A combination is an int with one bit for each model. A question looks at the sets only as far as the target and the
live models go, so its work grows with the number of *different* answers, not with the number of combinations that the
sets allow. Many live models that exclude each other in many ways can still make it slow. Names, costs of names and
reasons live in `matrix`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_

from attrs import define, field, frozen

from swaplab_core.engine.matrix_dsl import AllOf, AnyOf, Leaf, MatrixSet, Node, Program

Masks = tuple[int, ...]
NOTHING: Masks = (0,)


@define
class Projection:
    """A program as seen by a question about the `relevant` models: all other bits are cut off.

    Masks inside another mask are dropped. Every relevant model is worth something, so the wider one is never worse.
    """

    relevant: int
    _masks: dict[AnyOf, Masks] = field(factory=dict, init=False)
    _rests: dict[AllOf, tuple[Masks, ...]] = field(factory=dict, init=False)

    def masks(self, node: Node) -> Masks:
        """The widest masks of the node's combinations, at least one, in no particular order."""
        if not node.support & self.relevant:
            return NOTHING
        match node:
            case Leaf():
                return (node.support,)
            case AnyOf():
                if node not in self._masks:
                    self._masks[node] = _widest(mask for choice in node.choices for mask in self.masks(choice))
                return self._masks[node]
            case AllOf():
                return self._rests_of(node)[0]

    def first(self, node: Node, wanted: Collection[int]) -> int:
        """The combination written first among those that contain one of `wanted`; there must be one.

        The answer has the irrelevant models too. Every call that goes deeper gains a relevant model, so shared nodes
        need no memo here.
        """
        if 0 in wanted:
            return node.first
        match node:
            case Leaf():
                return node.support
            case AnyOf():
                return self.first(next(choice for choice in node.choices if self._offers(choice, wanted)), wanted)
            case AllOf():
                return self._first_union(node, wanted)

    def _first_union(self, node: AllOf, wanted: Collection[int]) -> int:
        """Part by part: of each the first one with which the parts behind it can still give all that is missing."""
        union = 0
        for part, rest in zip(node.parts, self._rests_of(node)[1:], strict=True):
            union |= self.first(part, {want & ~union & ~mask for want in wanted for mask in rest})
        return union

    def _offers(self, node: Node, wanted: Collection[int]) -> bool:
        return any(want & mask == want for mask in self.masks(node) for want in wanted)

    def _rests_of(self, node: AllOf) -> tuple[Masks, ...]:
        """At index k the masks of the parts from k on together; one more at the end, for no part at all."""
        if node not in self._rests:
            rests = [NOTHING]
            for part in reversed(node.parts):
                rests.append(_unions(self.masks(part), rests[-1]))
            self._rests[node] = tuple(reversed(rests))
        return self._rests[node]


def choose(program: Program, target: int, costs: Mapping[int, int]) -> tuple[MatrixSet, int] | None:
    """The best set and combination with the bit `target`, given what it `costs` to lose each live bit.

    None when no set has the target.
    """
    projection = Projection(reduce(or_, costs, target))
    candidates = (matrix_set for matrix_set in program.sets if matrix_set.root.support & target)
    offers = (_offer(projection, matrix_set, target, costs) for matrix_set in candidates)
    best = min(offers, key=lambda offer: offer.cost, default=None)
    return (best.matrix_set, projection.first(best.matrix_set.root, best.masks)) if best else None


@frozen
class _Offer:
    """The best that one set can do: its cheapest masks, all of the same cost."""

    matrix_set: MatrixSet
    cost: int
    masks: Masks


def _offer(projection: Projection, matrix_set: MatrixSet, target: int, costs: Mapping[int, int]) -> _Offer:
    losses = {
        mask: sum(cost for bit, cost in costs.items() if not bit & mask)
        for mask in projection.masks(matrix_set.root)
        if mask & target
    }
    cost = min(losses.values())
    return _Offer(matrix_set, cost, tuple(mask for mask, loss in losses.items() if loss == cost))


def companions(program: Program, bit: int) -> int:
    """All models that share some combination with the model of `bit`, itself included."""
    known: dict[Node, int] = {}
    return reduce(or_, (_beside(matrix_set.root, bit, known) for matrix_set in program.sets), 0)


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


def _unions(left: Masks, right: Masks) -> Masks:
    if left == NOTHING:
        return right
    if right == NOTHING:
        return left
    return _widest(one | other for one in left for other in right)


def _widest(masks: Iterable[int]) -> Masks:
    """Without those that lie inside another one."""
    kept: list[int] = []
    for mask in sorted(set(masks), key=int.bit_count, reverse=True):
        if not any(mask & other == mask for other in kept):
            kept.append(mask)
    return tuple(kept)
