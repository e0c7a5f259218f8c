"""The entry of one model in the configuration file: as text and as a form, written back line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, frozen

from swaplab_core.config.diff import Difference
from swaplab_core.config.edit import document
from swaplab_core.config.entry import changed_entry, cut_out, entry_lines, form_of_model, put_back, within
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import Conflict, InvalidForm, UnknownModel
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem
from swaplab_core.services.configuration.editor import ConfigEditor
from swaplab_core.services.models.suggestions import known_names


@frozen
class ModelEntry:
    """`text` is None when the entry is not written as a block of lines, `line` where it begins, from 1."""

    model: str
    values: Mapping[str, Any]
    text: str | None
    line: int
    revision: str


@define(eq=False)
class ModelEntries:
    """`schema` answers the JSON Schema of the file, `config` the configuration in force."""

    editor: ConfigEditor
    schema: Callable[[], dict[str, Any]]
    config: Callable[[], Config]

    def form(self, model: str) -> dict[str, Any]:
        """The form for the simple keys of a model. Raises UnknownModel."""
        return form_of_model(self.schema(), self.config().models[self._id(model)].backend)

    async def read(self, name: str) -> ModelEntry:
        """The entry as it is written. Raises UnknownModel, Conflict when there is no file to edit."""
        return await asyncio.to_thread(self._read, self._id(name), *await self._current())

    async def write_text(self, name: str, text: str, *, author: str, based_on: str | None) -> Difference:
        """Put another text into its place. Raises what the editor's `save` raises."""
        model, (content, _) = self._id(name), await self._current()
        where = await asyncio.to_thread(entry_lines, content, model)
        if where is None:
            raise Conflict(f"the entry of {model} is not a block of lines of its own", advice="edit the whole file")
        new = put_back(content, where, text)
        return await self.editor.save(new, author=author, reason=f"edited {model}", based_on=based_on)

    async def check(self, name: str, text: str) -> list[Problem]:
        """What is wrong within another text of the entry, at its own lines. Raises UnknownModel."""
        model, (content, _) = self._id(name), await self._current()
        where = await asyncio.to_thread(entry_lines, content, model)
        if where is None:
            return []
        loaded = await self.editor.loaded(put_back(content, where, text))
        return within(loaded.problems, where, len(text.rstrip().split("\n")))

    async def write_values(self, name: str, values: Mapping[str, Any], *, author: str, based_on: str | None) -> None:
        """Write what a form holds. Raises InvalidForm for keys it does not have, and what `apply` raises."""
        model, keys = self._id(name), frozenset(self.form(name)["properties"])
        if unknown := sorted(values.keys() - keys):
            raise InvalidForm([(f"/{key}", "the form has no such field") for key in unknown])

        def change(whole: dict[str, Any]) -> None:
            whole["models"][model] = changed_entry(whole["models"].get(model) or {}, keys, values)

        await self.editor.apply(change, author=author, reason=f"edited {model}", based_on=based_on)

    async def _current(self) -> tuple[str, str]:
        current = await self.editor.current()
        return current.content, current.revision

    def _read(self, model: str, content: str, revision: str) -> ModelEntry:
        where = entry_lines(content, model)
        values = document(content).get("models", {}).get(model) or {}
        return ModelEntry(
            model, values, cut_out(content, where) if where else None, where.first + 1 if where else 0, revision
        )

    def _id(self, name: str) -> ModelId:
        found = self.config().find(name)
        if found is None:
            raise UnknownModel(
                f"no model named {name!r} is configured", advice=known_names(name, list(self.config().names))
            )
        return found.id
