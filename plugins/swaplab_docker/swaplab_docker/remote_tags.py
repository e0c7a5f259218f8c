"""The tags of repositories, as far as registries have been asked; kept over restarts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from swaplab_docker.registry import Registries

MOST_TAGS = 5000


@frozen
class Asked:
    """What a registry answered, and when (unix seconds)."""

    tags: tuple[str, ...]
    at: float


@define(eq=False)
class RemoteTags:
    """`file` keeps them, `registries` gives who is asked."""

    file: Path
    registries: Callable[[], Registries]
    known: dict[str, Asked] = field(factory=dict)

    async def ask(self, repository: str) -> tuple[str, ...]:
        """Ask the registry, and keep the answer. Raises NodeError and NotThere."""
        found = (await self.registries().tags(repository))[-MOST_TAGS:]
        self.known[repository] = Asked(found, time.time())
        await asyncio.to_thread(self._write)
        return found

    def tags(self) -> Mapping[str, tuple[str, ...]]:
        """All that is known."""
        return {repository: asked.tags for repository, asked in self.known.items()}

    def load(self) -> None:
        """Read what an earlier run has kept; a file that cannot be read is as good as none. Blocks."""
        try:
            raw = json.loads(self.file.read_text())
            self.known = {str(name): Asked(tuple(map(str, one["tags"])), float(one["at"])) for name, one in raw.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.known = {}

    def _write(self) -> None:
        raw = {name: {"tags": list(asked.tags), "at": asked.at} for name, asked in self.known.items()}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(raw))
        new.replace(self.file)
