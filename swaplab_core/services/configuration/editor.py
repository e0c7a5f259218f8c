"""The configuration file as it is edited: by people in the UI, by plugins, and back to what it was.

One writer at a time. A text is checked as a whole before it is written, written in one step, put in force at once, and
kept as a revision with its author and reason; undo is one more revision. A writer says which revision its text is based
on, and is refused when somebody was faster.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from swaplab_core.adapters.files import read_text, replace_text
from swaplab_core.adapters.revisions import RevisionFolder, revision_of
from swaplab_core.adapters.shell_syntax import ADVICE, broken_texts
from swaplab_core.config.diff import Difference, diff
from swaplab_core.config.edit import document, rewrite
from swaplab_core.config.load import Loaded
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import ConfigError, Conflict, NotThere, Stale
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.revision import Revision
from swaplab_core.domain.text import unified
from swaplab_core.plugin.edits import Change, DocumentEdits
from swaplab_core.runtime.reload import Reloader

OUTSIDE = "outside"
"""The author of what swaplab did not write itself."""


@frozen
class ConfigText:
    """The file as it is now. `updated_at` is unix seconds."""

    path: Path
    content: str
    revision: str
    updated_at: float


@frozen
class Checked:
    """What a text would mean: its problems, and what would change; None when it cannot be used."""

    problems: tuple[Problem, ...]
    difference: Difference | None


class StaleText(Stale):
    """The file is no longer what the edit was based on; `current` is what it is."""

    def __init__(self, current: ConfigText) -> None:
        super().__init__(
            "the configuration was changed by somebody else meanwhile", advice="look at the new text, then save again"
        )
        self.current = current


@define(eq=False)
class ConfigEditor(DocumentEdits):
    """`file` is the one that is edited, None when the configuration is a folder of files."""

    file: Path | None
    reloader: Reloader
    history: RevisionFolder
    now: Callable[[], float] = time.time
    _writing: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _document: Mapping[str, Any] | None = field(default=None, init=False)

    # looking

    @property
    def path(self) -> Path | None:
        """The file that is edited."""
        return self.file

    async def current(self) -> ConfigText:
        """The file as it is. Raises Conflict when there is none to edit, ConfigError when it cannot be read."""
        file = self._file()
        content = await asyncio.to_thread(read_text, file)
        updated_at = (await asyncio.to_thread(file.stat)).st_mtime
        return ConfigText(file, content, revision_of(content), updated_at)

    async def check(self, text: str) -> Checked:
        """What would this text mean?"""
        loaded = await self.loaded(text)
        difference = None if loaded.config is None else diff(self.reloader.config, loaded.config)
        return Checked(loaded.problems, difference)

    async def loaded(self, text: str) -> Loaded:
        """This text in the place of the file, read as far as it can be."""
        return await asyncio.to_thread(self._load, text)

    async def revisions(self) -> list[Revision]:
        """What was in force, newest first."""
        return await asyncio.to_thread(self.history.all)

    async def text_of(self, revision: str) -> str:
        """The text of a revision. Raises NotThere."""
        text = await asyncio.to_thread(self.history.text, revision)
        if text is None:
            raise NotThere(f"the revision {revision[:12]} is not kept", advice="see GET /api/config/history")
        return text

    # writing

    async def save(self, text: str, *, author: str, reason: str, based_on: str | None = None) -> Difference:
        """Write a text and put it in force; answers what has changed.

        Raises StaleText when the file is not `based_on`, and ConfigError when the text cannot be used.
        """
        async with self._writing:
            current = await self.current()
            if based_on is not None and based_on != current.revision:
                raise StaleText(current)
            return await self._write(current, text, author, reason)

    async def restore(self, revision: str, *, author: str, based_on: str | None = None) -> Difference:
        """Write an old text once more. Raises NotThere and what `save` raises."""
        text = await self.text_of(revision)
        return await self.save(text, author=author, reason=f"restored {revision[:12]}", based_on=based_on)

    async def apply(self, change: Change, *, author: str, reason: str, based_on: str | None = None) -> str:
        """Change the document and write what is different; answers the new revision. Raises as `save` does."""
        async with self._writing:
            current = await self.current()
            if based_on is not None and based_on != current.revision:
                raise StaleText(current)

            text = await asyncio.to_thread(_edited, current, change)
            if text != current.content:
                await self._write(current, text, author, reason)
            return revision_of(text)

    async def difference(self, change: Change) -> str:
        """What `apply` would write, as a unified diff. Raises ConfigError when the file cannot be edited so."""
        current = await self.current()
        text = await asyncio.to_thread(_edited, current, change)
        return unified(current.content, text, current.path.name, current.path.name)

    async def _write(self, current: ConfigText, text: str, author: str, reason: str) -> Difference:
        loaded = await asyncio.to_thread(self._load, text)
        if loaded.config is None:
            raise ConfigError([problem for problem in loaded.problems if problem.severity is Severity.ERROR])
        if broken := await asyncio.to_thread(_newly_broken, self.reloader.config, loaded):
            raise ConfigError(broken)
        await asyncio.to_thread(self._keep, current, text, author, reason)
        await asyncio.to_thread(replace_text, current.path, text)
        difference = await self.reloader.reload() or Difference()
        await self.refresh()
        return difference

    def _keep(self, current: ConfigText, text: str, author: str, reason: str) -> None:
        """Add the new text to the history, and before it what somebody else had made of the file."""
        known = self.history.all()
        if not known or known[0].id != current.revision:
            self.history.add(current.content, Revision(current.revision, current.updated_at, OUTSIDE, ""))
        self.history.add(text, Revision(revision_of(text), self.now(), author, reason))

    def _load(self, text: str) -> Loaded:
        """Check the text in the place of the file, together with the other files."""
        file = self._file()
        sources = self.reloader.read()
        replaced = [evolve(source, text=text) if Path(source.name) == file else source for source in sources]
        return self.reloader.load(replaced, _ports(self.reloader.config))

    def _file(self) -> Path:
        if self.file is None:
            raise Conflict(
                "the configuration is a folder of files, which swaplab does not edit",
                advice="start it with --config FILE, or edit them yourself",
            )
        return self.file

    # for plugins: `ConfigEdits`

    async def refresh(self) -> None:
        """Read the document of the configuration in force; large ones take a while, so it is done ahead."""
        if self.file is not None:
            self._document = await asyncio.to_thread(self._read_document)

    def document(self) -> Mapping[str, Any]:
        """What the file in force says."""
        if self._document is None:
            self._document = self._read_document()
        return self._document

    def _read_document(self) -> Mapping[str, Any]:
        file = self._file()
        for source in self.reloader.sources:
            if Path(source.name) == file:
                return document(source.text, source.name)
        return {}


def _edited(current: ConfigText, change: Change) -> str:
    """Return the text of the file after a change."""
    new = document(current.content, str(current.path))
    change(new)
    return rewrite(current.content, new, str(current.path))


def _newly_broken(before: Config, loaded: Loaded) -> list[Problem]:
    """What no shell can read that this edit brings: an older mistake does not stand in its way."""
    assert loaded.config is not None
    known = set(broken_texts(before))
    new = [one for one in broken_texts(loaded.config) if one not in known]
    return [loaded.place("models", one.model, one.key).problem(one.message, ADVICE) for one in new]


def _ports(config: Config) -> dict[Any, int]:
    return {model.id: model.port for model in config.models.values() if model.port is not None}
