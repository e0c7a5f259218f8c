"""Putting a new configuration in force while requests run.

One reload at a time; requests that come meanwhile are never dropped, they become one more round. A revision (the
content of all files) is applied once. A configuration with errors changes nothing and says why. So does one that
somebody is still writing: half a file may well be valid, and would take away the models of the other half.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence

from attrs import define, field

from swaplab_core.config.diff import Difference, diff
from swaplab_core.config.load import Loaded, Source
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import ConfigError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Severity
from swaplab_core.ports import Clock
from swaplab_core.runtime.tasks import spawn

SETTLING_SECONDS = 0.05
"""Content counts when it is still the same so much later; a check of many models takes longer than that anyway."""

_log = logging.getLogger(__name__)

Read = Callable[[], Sequence[Source]]
Load = Callable[[Sequence[Source], dict[ModelId, int]], Loaded]
Apply = Callable[[Config, Difference], None]


@define(eq=False)
class Reloader:
    """`read` gives the files, `load` checks them (slow, in a thread), `apply` puts a configuration in force.

    `config` is the one in force, `sources` are the files it came from and `revision` is their digest.
    """

    read: Read
    load: Load
    apply: Apply
    config: Config
    sources: Sequence[Source]
    clock: Clock
    revision: str = field(init=False)
    _busy: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _wanted: asyncio.Event = field(factory=asyncio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.revision = digest(self.sources)

    def request(self) -> None:
        """Look at the files soon. Never blocks; safe while a reload runs."""
        self._wanted.set()

    async def run(self) -> None:
        """Serve requests to reload until cancelled; a reload that fails in an unforeseen way is not the last."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await spawn(self._reload(), name="reload of the configuration")

    async def _reload(self) -> None:
        await self.reload()

    async def reload(self) -> Difference | None:
        """Read, check and apply; answers what changed, None when nothing was applied."""
        async with self._busy:
            return await self._reload_now()

    async def _reload_now(self) -> Difference | None:
        try:
            sources = await asyncio.to_thread(self.read)
            settled = self.clock.now() + SETTLING_SECONDS
            revision = digest(sources)
            if revision == self.revision:
                _log.info("the configuration files are as they were")
                return None
            ports = {model.id: model.port for model in self.config.models.values() if model.port is not None}
            loaded = await asyncio.to_thread(self.load, sources, ports)
            await self.clock.sleep(settled - self.clock.now())
            again = digest(await asyncio.to_thread(self.read))
        except ConfigError as error:
            _log.error("the configuration stays as it is: %s", error)
            return None
        if again != revision:
            self.request()
            return None
        return self._take(loaded, sources, revision)

    def _take(self, loaded: Loaded, sources: Sequence[Source], revision: str) -> Difference | None:
        for problem in loaded.problems:
            level = logging.ERROR if problem.severity is Severity.ERROR else logging.WARNING
            _log.log(level, "%s", problem)
        if loaded.config is None:
            _log.error("the configuration stays as it is, until the errors above are mended")
            return None
        difference = diff(self.config, loaded.config)
        self.config, self.sources, self.revision = loaded.config, sources, revision
        self.apply(loaded.config, difference)
        _log.info("configuration reloaded: %s", describe(difference))
        return difference


def digest(sources: Sequence[Source]) -> str:
    """The revision of some files: names and content."""
    whole = hashlib.sha256()
    for source in sources:
        whole.update(f"{source.name}\0{len(source.text)}\0{source.text}".encode())
    return whole.hexdigest()


def describe(difference: Difference) -> str:
    """What changed, in a few words."""
    kinds = (
        ("added", difference.added),
        ("removed", difference.removed),
        ("replaced when idle", difference.changed),
        ("adjusted", difference.retuned),
    )
    parts = [f"{what} {', '.join(sorted(models))}" for what, models in kinds if models]
    if difference.is_policy_changed:
        parts.append("routing changed")
    parts += [f"{section} changed" for section in sorted(difference.sections)]
    return "; ".join(parts) or "nothing that matters has changed"
