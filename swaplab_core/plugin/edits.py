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

    async def upsert_model(self, model: str, entry: Mapping[str, Any], *, author: str, reason: str) -> str:
        """Add or replace a model."""

        def change(new: dict[str, Any]) -> None:
            new["models"] = {**_mapping(new, "models"), model: entry}

        return await self.apply(change, author=author, reason=reason)

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

    async def set_macros(self, macros: Mapping[str, str], *, author: str, reason: str) -> str:
        """Add macros."""

        def change(new: dict[str, Any]) -> None:
            known = _mapping(new, "macros")
            new["macros"] = {**known, **{name: value for name, value in macros.items() if name not in known}}

        return await self.apply(change, author=author, reason=reason)

    async def set_group(self, model: str, group: str, settings: Mapping[str, Any], *, author: str, reason: str) -> str:
        """Change the group of a model."""

        def change(new: dict[str, Any]) -> None:
            _leave_groups(new, [model], except_for=group)
            if group:
                entry = groups_of(new).setdefault(group, {**settings, "members": []})
                entry["members"] = [*(member for member in entry.get("members") or [] if member != model), model]

        return await self.apply(change, author=author, reason=reason)


def _mapping(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _leave_groups(new: dict[str, Any], models: Sequence[str], *, except_for: str = "") -> None:
    has_groups = isinstance(new.get("groups"), dict) or "routing" in new
    for name, group in groups_of(new).items() if has_groups else ():
        if name != except_for and isinstance(group, dict) and isinstance(group.get("members"), list):
            group["members"] = [member for member in group["members"] if member not in models]


def _leave_preload(new: dict[str, Any], models: Sequence[str]) -> None:
    hooks = new.get("hooks")
    startup = hooks.get("on_startup") if isinstance(hooks, dict) else None
    if isinstance(startup, dict) and isinstance(startup.get("preload"), list):
        startup["preload"] = [name for name in startup["preload"] if name not in models]
