"""Eviction by a matrix: named sets say which models may run together.

The language of the sets is in `matrix_dsl`, the search in `matrix_solver`; here stand the policy, with names, costs and
reasons, and the way to it from what a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from attrs import field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.matrix_dsl import DslProblem, Program, compile_sets, did_you_mean
from swaplab_core.engine.matrix_solver import choose, companions
from swaplab_core.engine.policy import Eviction

MEMO_SIZE = 1024
"""Decisions kept: the engine asks the same question again after every fact."""

NAMES_SHOWN = 6


@frozen
class Decision:
    """What must happen so that the target may run.

    `members` are all models of the chosen combination, running or not; `cost` is what the evictions cost together. For
    a target that no set mentions, `set_name` is "" and it is the only member.
    """

    set_name: str
    members: tuple[ModelId, ...]
    cost: int
    evictions: tuple[Eviction, ...]


@frozen
class WrittenMatrix:
    """A matrix as a person wrote it, and the models there are."""

    sets: Mapping[str, str]
    variables: Mapping[str, str]
    evict_costs: Mapping[str, int]
    models: tuple[ModelId, ...]


@frozen(eq=False)
class MatrixPolicy:
    """Who must go, by the sets of a matrix. `costs` names the models whose eviction does not cost 1; `written` is where
    all of it comes from.

    A set allows every part of each of its combinations; a model in no set runs alone. Among the cheapest combinations
    the earliest set wins, and in it the combination written first. That keeps a decision stable while it is carried
    out: when some of its evictions are done, the others are the new decision.
    """

    program: Program
    costs: Mapping[ModelId, int]
    models: frozenset[ModelId]
    written: WrittenMatrix
    _memo: Callable[[ModelId, frozenset[ModelId]], Sequence[Eviction]] = field(init=False, repr=False)

    @_memo.default
    def _make_memo(self) -> Callable[[ModelId, frozenset[ModelId]], Sequence[Eviction]]:
        return lru_cache(MEMO_SIZE)(lambda target, live: self.decide(target, live).evictions)

    def evictions(self, target: ModelId, live: frozenset[ModelId]) -> Sequence[Eviction]:
        """See `Policy`; sorted by name."""
        return self._memo(target, live)

    def rivals(self, target: ModelId) -> frozenset[ModelId]:
        """See `Policy`."""
        beside = companions(self.program, self._bit(target))
        return self.models - {target, *self._models_in(beside)}

    def can_run_together(self, models: Collection[ModelId]) -> bool:
        """Whether one combination has all of them; a model alone always can run."""
        return not models or not self.evictions(min(models), frozenset(models))

    def decide(self, target: ModelId, live: frozenset[ModelId]) -> Decision:
        """The whole decision behind `evictions`, computed anew."""
        others = sorted(live - {target})
        costs = {bit: self._cost(model) for model in others if (bit := self._bit(model))}
        chosen = choose(self.program, self._bit(target), costs)
        if chosen is None:
            return self._decision("", (target,), others, f"{target!r} is in no set of the matrix, it runs alone")
        matrix_set, combination = chosen
        members = tuple(self._models_in(combination))
        leaving = [model for model in others if not self._bit(model) & combination]
        because = f"not in {_shown(members)}, the cheapest combination for {target!r}"
        return self._decision(matrix_set.name, members, leaving, because)

    def _decision(
        self, set_name: str, members: tuple[ModelId, ...], leaving: Sequence[ModelId], because: str
    ) -> Decision:
        cost = sum(self._cost(model) for model in leaving)
        reason = f"{because} (set {set_name!r}, cost {cost})" if set_name else because
        return Decision(set_name, members, cost, tuple(Eviction(model, self._cost(model), reason) for model in leaving))

    def _bit(self, model: ModelId) -> int:
        return self.program.bits.get(model, 0)

    def _cost(self, model: ModelId) -> int:
        return self.costs.get(model, 1)

    def _models_in(self, combination: int) -> Iterator[ModelId]:
        return (model for model, bit in self.program.bits.items() if bit & combination)


def _shown(members: Sequence[ModelId]) -> str:
    more = len(members) - NAMES_SHOWN
    names = ", ".join(members[:NAMES_SHOWN])
    return f"{{{names} and {more} more}}" if more > 0 else f"{{{names}}}"


def compile_matrix(
    sets: Mapping[str, str],
    variables: Mapping[str, str],
    evict_costs: Mapping[str, int],
    models: Collection[ModelId],
) -> MatrixPolicy | tuple[DslProblem, ...]:
    """The policy of a matrix as it is written, or everything that is wrong with it.

    `sets` maps names to expressions, in order. `variables` maps short names to models and shadows models of the same
    name; `evict_costs` maps either to a positive number.
    """
    names = {**{str(model): model for model in models}, **{name: ModelId(model) for name, model in variables.items()}}
    problems = [*_variable_problems(variables, models), *_cost_problems(evict_costs, names)]
    if not sets:
        problems.append(DslProblem("", 0, "the matrix has no set", "write at least one below sets", key="sets"))
    program = compile_sets(sets, names)
    if isinstance(program, tuple):
        return (*problems, *program)
    costs = {names[name]: cost for name, cost in evict_costs.items() if name in names}
    written = WrittenMatrix(sets, variables, evict_costs, tuple(models))
    return tuple(problems) or MatrixPolicy(program, costs, frozenset(models), written)


_VARIABLE = re.compile(r"[A-Za-z0-9.-]{1,32}")


def _variable_problems(variables: Mapping[str, str], models: Collection[ModelId]) -> Iterator[DslProblem]:
    for name, model in variables.items():
        key = f"vars.{name}"
        if not _VARIABLE.fullmatch(name):
            yield DslProblem("", 0, f"{name!r} cannot name a variable", "use 1 to 32 letters, digits, '.' or '-'", key)
        if model not in models:
            yield DslProblem("", 0, f"unknown model {model!r}", did_you_mean(model, models), key)


def _cost_problems(evict_costs: Mapping[str, int], names: Mapping[str, ModelId]) -> Iterator[DslProblem]:
    given: dict[ModelId, tuple[str, int]] = {}
    for name, cost in evict_costs.items():
        key = f"evict_costs.{name}"
        if cost <= 0:
            yield DslProblem("", 0, f"a cost of {cost} makes no sense", "costs are whole numbers from 1 up", key)
        if name not in names:
            yield DslProblem("", 0, f"unknown model or variable {name!r}", did_you_mean(name, names), key)
            continue
        other, before = given.setdefault(names[name], (name, cost))
        if before != cost:
            yield DslProblem("", 0, f"{name!r} and {other!r} are the same model with two costs", "keep one", key)
