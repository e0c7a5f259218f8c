"""What `swaplab_check_config` is given: a configuration as plain values, and a way to say where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem


@frozen
class ConfigFacts:
    """A configuration that loads, before it is put in force.

    `models` are the entries with their macros expanded and the keys of the file; `settings` those of all plugins.
    """

    models: Mapping[ModelId, Mapping[str, Any]]
    settings: Mapping[str, object]
    _error: Callable[..., Problem] = field(repr=False)
    _warning: Callable[..., Problem] = field(repr=False)

    def error(self, message: str, advice: str, *path: str | int) -> Problem:
        """Make a problem that keeps the configuration from being used; `path` as in "models", "qwen", "cmd"."""
        return self._error(message, advice, *path)

    def warning(self, message: str, advice: str, *path: str | int) -> Problem:
        """Make a problem that is only told."""
        return self._warning(message, advice, *path)
