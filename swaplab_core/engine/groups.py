"""Eviction by groups: llama-swap's rules.

A model belongs to one group; those named nowhere share the implicit `(default)` group, which swaps and is exclusive.
So without any group one model runs at a time. Whether the configured groups make sense is checked in `config`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.policy import Eviction


@frozen
class Group:
    """`swap`: one member at a time. `exclusive`: a member that loads unloads other groups.

    `persistent`: other groups never unload the members. An exclusive group that runs already is no obstacle to a
    group that is not exclusive itself: exclusion is decided by the model that loads.
    """

    name: str
    members: tuple[ModelId, ...] = ()
    swap: bool = True
    exclusive: bool = True
    persistent: bool = False


DEFAULT = Group("(default)")


@frozen
class GroupPolicy:
    """Where every configured model is at home, and who may be unloaded from outside its group.

    A model that is unknown here counts as a member of the default group.
    """

    homes: Mapping[ModelId, Group]
    members: Mapping[str, frozenset[ModelId]]
    unprotected: frozenset[ModelId]

    def evictions(self, target: ModelId, live: frozenset[ModelId]) -> Sequence[Eviction]:
        """See `Policy`; sorted by name, every eviction costs 1."""
        home = self._home(target)
        reasons = ((model, _reason(home, self._home(model))) for model in sorted(live - {target}))
        return tuple(Eviction(model, reason=reason) for model, reason in reasons if reason)

    def rivals(self, target: ModelId) -> frozenset[ModelId]:
        """See `Policy`."""
        home = self._home(target)
        inside = self.members.get(home.name, frozenset())
        outside = self.unprotected - inside if home.exclusive else frozenset()
        return (outside | inside if home.swap else outside) - {target}

    def can_run_together(self, models: Collection[ModelId]) -> bool:
        """Whether each of them may load beside all others."""
        return not any(self.evictions(model, frozenset(models)) for model in models)

    def _home(self, model: ModelId) -> Group:
        return self.homes.get(model, DEFAULT)


def group_policy(groups: Sequence[Group], models: Collection[ModelId]) -> GroupPolicy:
    """The policy for all `models`; no model may be in two groups. A group named `(default)` is the implicit one."""
    homes = dict.fromkeys(models, DEFAULT)
    for group in groups:
        if group.name != DEFAULT.name:
            homes.update((member, group) for member in group.members if member in homes)
    members: dict[str, set[ModelId]] = {}
    for model, home in homes.items():
        members.setdefault(home.name, set()).add(model)
    return GroupPolicy(
        homes,
        {name: frozenset(inside) for name, inside in members.items()},
        frozenset(model for model, home in homes.items() if not home.persistent),
    )


def _reason(group: Group, other: Group) -> str:
    """Why a model of `group` that loads unloads one of `other`; "" when it does not."""
    if group.name == other.name:
        return _same_group(group) if group.swap else ""
    return _other_group(group) if group.exclusive and not other.persistent else ""


def _same_group(group: Group) -> str:
    if group.name == DEFAULT.name:
        return "models without a group run one at a time"
    return f"same group {group.name!r} runs one model at a time"


def _other_group(group: Group) -> str:
    if group.name == DEFAULT.name:
        return "a model without a group runs alone"
    return f"group {group.name!r} is exclusive"
