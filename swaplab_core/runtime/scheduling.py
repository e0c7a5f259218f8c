"""What the engine must know of a configuration: limits of each model, and who must go for whom.

The matrix is compiled by the engine, so its mistakes are found here and not by the loader; so is the rule that the
targets of a spillover selector must be able to run together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve

from swaplab_core.config.load import Loaded
from swaplab_core.config.schema import DEFAULT_GROUP, Config, MatrixConfig, ModelConfig
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem
from swaplab_core.engine.groups import Group, group_policy
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.matrix import MatrixPolicy, compile_matrix
from swaplab_core.engine.matrix_dsl import DslProblem
from swaplab_core.engine.policy import Policy, Residency

_MATRIX = ("routing", "router", "settings", "matrix")


def _stops(_: ModelConfig) -> bool:
    return False


def engine_limits(config: Config, sleeps: Callable[[ModelConfig], bool] = _stops) -> dict[ModelId, Limits]:
    """Limits of every model; `sleeps` says which are put to sleep instead of stopped."""
    priority = config.routing.scheduler.settings.fifo.priority
    return {name: _limits(model, priority.get(name, 0), sleeps) for name, model in config.models.items()}


def eviction_policy(config: Config) -> Policy:
    """The policy of a checked configuration."""
    policy = _compiled(config)
    assert not isinstance(policy, tuple), "check_policy refuses a matrix with mistakes"
    return policy


def check_policy(loaded: Loaded) -> Loaded:
    """Add the problems that only a compiled policy shows; a configuration with any of them cannot be used."""
    if loaded.config is None:
        return loaded
    problems = tuple(_problems(loaded, loaded.config))
    return evolve(loaded, config=None, problems=(*loaded.problems, *problems)) if problems else loaded


def _problems(loaded: Loaded, config: Config) -> Iterator[Problem]:
    policy = _compiled(config)
    if isinstance(policy, tuple):
        yield from (_located(loaded, problem) for problem in policy)
        return
    for name, selector in config.selectors.items():
        if selector.strategy != "spillover":
            continue
        local = [model.id for target in selector.targets if (model := config.find(target))]
        if not _can_run_together(config, policy, local):
            yield loaded.place("selectors", name, "targets").problem(
                f"the targets of the spillover selector {name!r} cannot all run at the same time",
                "put them into one group with `swap: false`, or into one set of the matrix",
            )


def _located(loaded: Loaded, problem: DslProblem) -> Problem:
    place = loaded.place(*_MATRIX, *problem.key.split(".", 1))
    at = f" (at character {problem.position + 1})" if problem.set_name else ""
    return place.problem(problem.message + at, problem.advice)


def _compiled(config: Config) -> Policy | tuple[DslProblem, ...]:
    settings = config.routing.router.settings
    if config.routing.router.use == "matrix":
        matrix = settings.matrix or MatrixConfig()
        return compile_matrix(matrix.sets, matrix.vars, matrix.evict_costs, list(config.models))
    groups = [
        Group(name, tuple(group.members), swap=group.swap, exclusive=group.exclusive, persistent=group.persistent)
        for name, group in config.groups.items()
        if name != DEFAULT_GROUP
    ]
    return group_policy(groups, list(config.models))


def _can_run_together(config: Config, policy: Policy, models: list[ModelId]) -> bool:
    if len(models) < 2:
        return True
    if isinstance(policy, MatrixPolicy):
        return policy.can_run_together(models)
    return any(not group.swap and set(models) <= set(group.members) for group in config.groups.values())


def _limits(model: ModelConfig, priority: int, sleeps: Callable[[ModelConfig], bool]) -> Limits:
    evict_to = Residency.ASLEEP if sleeps(model) else Residency.STOPPED
    return Limits(model.concurrency_limit, model.ttl_seconds, priority, evict_to)
