"""What changed between two configurations: which models must start anew, and what else to look at."""

from __future__ import annotations

from functools import cache

import attrs
from attrs import frozen

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.ids import ModelId


@frozen
class Difference:
    """`changed` models must be started anew to follow their entry; `retuned` ones only serve differently from now on.

    `is_policy_changed`: groups, matrix, priorities or patience are not what they were. `sections` names the other
    top-level fields of `Config` that differ.
    """

    added: frozenset[ModelId] = frozenset()
    removed: frozenset[ModelId] = frozenset()
    changed: frozenset[ModelId] = frozenset()
    retuned: frozenset[ModelId] = frozenset()
    is_policy_changed: bool = False
    sections: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Do both configurations mean the same?"""
        return self == Difference()


def touched(config: Config, difference: Difference) -> frozenset[ModelId]:
    """Return the models that whoever shows them must look at again, those that are gone among them."""
    everyone = frozenset(config.models) if difference.is_policy_changed else frozenset()
    return everyone | difference.added | difference.removed | difference.changed | difference.retuned


_POLICY = frozenset({"groups", "routing"})
_MODELS = frozenset({"models", "names", "macros", "plugin_settings"})


def diff(old: Config, new: Config) -> Difference:
    """Compare two configurations. The order of models and comments in the file do not matter."""
    differing = frozenset(field.name for field in attrs.fields(Config) if _differs(old, new, field.name))
    common = old.models.keys() & new.models.keys()
    touched = {model for model in common if old.models[model] != new.models[model]}
    changed = frozenset(model for model in touched if _needs_restart(old.models[model], new.models[model]))
    return Difference(
        added=frozenset(new.models.keys() - old.models.keys()),
        removed=frozenset(old.models.keys() - new.models.keys()),
        changed=changed,
        retuned=frozenset(touched - changed),
        is_policy_changed=bool(differing & _POLICY),
        sections=differing - _POLICY - _MODELS,
    )


def _differs(old: Config, new: Config, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _needs_restart(old: ModelConfig, new: ModelConfig) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in _launch_fields())


@cache
def _launch_fields() -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(ModelConfig) if field.metadata.get("launch"))
