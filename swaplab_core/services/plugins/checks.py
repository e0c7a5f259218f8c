"""What plugins find wrong with a configuration that loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from swaplab_core.config.document import MapNode, child_map, to_python
from swaplab_core.config.load import Loaded
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.plugin.check import ConfigFacts
from swaplab_core.plugin.hooks import Hooks


def check_plugins(loaded: Loaded, hooks: Hooks) -> Loaded:
    """Add the problems that plugins find; a configuration with an error cannot be used."""
    if loaded.config is None:
        return loaded

    def error(message: str, advice: str, *path: str | int) -> Problem:
        return loaded.place(*path).problem(message, advice)

    def warning(message: str, advice: str, *path: str | int) -> Problem:
        return loaded.place(*path).warning(message, advice)

    facts = ConfigFacts(_models(loaded.root), loaded.config.plugin_settings, error, warning)
    problems = hooks.check_config(facts)
    is_bad = any(problem.severity is Severity.ERROR for problem in problems)
    return evolve(loaded, config=None if is_bad else loaded.config, problems=(*loaded.problems, *problems))


def _models(root: MapNode) -> dict[ModelId, Mapping[str, Any]]:
    entries = child_map(root, "models").items()
    return {ModelId(name): to_python(node) for name, node in entries if isinstance(node, MapNode)}
