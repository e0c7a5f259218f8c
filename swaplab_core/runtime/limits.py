"""What the engine must know of a configuration: limits per model and the eviction policy."""

from __future__ import annotations

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.groups import Group, group_policy
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.policy import Policy


def engine_limits(config: Config) -> dict[ModelId, Limits]:
    """Limits of every model."""
    priority = config.routing.scheduler.settings.fifo.priority
    return {name: _limits(model, priority.get(name, 0)) for name, model in config.models.items()}


def eviction_policy(config: Config) -> Policy:
    """The policy that the configuration asks for."""
    groups = [
        Group(name, tuple(group.members), swap=group.swap, exclusive=group.exclusive, persistent=group.persistent)
        for name, group in config.groups.items()
    ]
    return group_policy(groups, config.models)


def _limits(model: ModelConfig, priority: int) -> Limits:
    return Limits(concurrency=model.concurrency_limit, idle_seconds=model.ttl_seconds, priority=priority)
