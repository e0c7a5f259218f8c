"""Engines to write scripts for. Models are named by one text: `one_at_a_time("a b c")`."""

from __future__ import annotations

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import DEFAULT_PATIENCE, Limits, SwapEngine
from swaplab_core.engine.groups import Group, group_policy
from swaplab_core.engine.matrix import MatrixPolicy, compile_matrix


def names(models: str) -> tuple[ModelId, ...]:
    return tuple(ModelId(name) for name in models.split())


def one_at_a_time(models: str, patience: int = DEFAULT_PATIENCE, **limits: Limits) -> SwapEngine:
    return grouped(models, patience=patience, **limits)


def side_by_side(models: str, **limits: Limits) -> SwapEngine:
    return grouped(models, group("all", models, swap=False), **limits)


def group(name: str, members: str, *, swap: bool = True, exclusive: bool = True, persistent: bool = False) -> Group:
    return Group(name, names(members), swap=swap, exclusive=exclusive, persistent=persistent)


def grouped(models: str, *groups: Group, patience: int = DEFAULT_PATIENCE, **limits: Limits) -> SwapEngine:
    """`limits` are those of the models that do not have the default ones."""
    return SwapEngine.build(group_policy(groups, names(models)), table(models, **limits), patience)


def matrix(models: str, *sets: str, costs: dict[str, int] | None = None, **limits: Limits) -> SwapEngine:
    policy = compile_matrix({f"s{n}": text for n, text in enumerate(sets, 1)}, {}, costs or {}, names(models))
    assert isinstance(policy, MatrixPolicy), policy
    return SwapEngine.build(policy, table(models, **limits))


def table(models: str, **limits: Limits) -> dict[ModelId, Limits]:
    return {model: limits.get(model, Limits()) for model in names(models)}
