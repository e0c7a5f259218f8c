"""The edits of `ConfigEdits` that follow from two: reading the document, and applying a change to it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from swaplab_core.domain.errors import NotThere
from swaplab_core.plugin.lab import groups_of

Change = Callable[[dict[str, Any]], None]


class DocumentEdits(ABC):
    """Base of what edits a configuration file, for real and in tests."""

    @abstractmethod
    def document(self) -> Mapping[str, Any]:
        """What the file in force says."""

    @abstractmethod
    async def apply(self, change: Change, *, author: str, reason: str) -> str:
        """Change the document and write what is different; answers the new revision."""

    @abstractmethod
    async def difference(self, change: Change) -> str:
        """What a change would write, as a unified diff."""

    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries of `models:`."""
        return {name: entry or {} for name, entry in _mapping(self.document(), "models").items()}

    def macros(self) -> Mapping[str, Any]:
        """The macros."""
        return _mapping(self.document(), "macros")

    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        """The groups."""
        return groups_of(copy.deepcopy(dict(self.document())))

    async def delete_models(self, models: Sequence[str], *, author: str, reason: str) -> str:
        """Remove models. Raises NotThere when one is not in the file."""

        def change(new: dict[str, Any]) -> None:
            known = _mapping(new, "models")
            for model in models:
                if model not in known:
                    raise NotThere(f"the configuration file has no model {model!r}")
            new["models"] = {name: entry for name, entry in known.items() if name not in models}
            _leave_groups(new, models)
            _leave_preload(new, models)

        return await self.apply(change, author=author, reason=reason)


def _mapping(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _leave_groups(new: dict[str, Any], models: Sequence[str]) -> None:
    has_groups = isinstance(new.get("groups"), dict) or "routing" in new
    for group in groups_of(new).values() if has_groups else ():
        if isinstance(group, dict) and isinstance(group.get("members"), list):
            group["members"] = [member for member in group["members"] if member not in models]


def _leave_preload(new: dict[str, Any], models: Sequence[str]) -> None:
    hooks = new.get("hooks")
    startup = hooks.get("on_startup") if isinstance(hooks, dict) else None
    if isinstance(startup, dict) and isinstance(startup.get("preload"), list):
        startup["preload"] = [name for name in startup["preload"] if name not in models]
