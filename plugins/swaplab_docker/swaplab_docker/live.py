"""What is known of the engine now: its images and containers, kept true by its own events.

Nothing is asked before somebody wants to know. From the first answer on the engine's events are watched, so that what
is answered from memory is never old; when the engine goes away nothing is known until it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field, frozen

from swaplab_core.domain.errors import NodeError, SwaplabError
from swaplab_core.domain.image import KnownImages
from swaplab_core.plugin import LabView, PluginNews
from swaplab_docker.adapter import DockerEngine, Engine
from swaplab_docker.facts import Container, Image, Usage
from swaplab_docker.image_users import Named, named
from swaplab_docker.settings import NAME, Settings
from swaplab_docker.where import Place, Surroundings, find

AGAIN_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""How long to wait before a lost engine is looked for again."""
MOST_MEASURED = 32
SETTLE_SECONDS = 0.1
"""One pull or build makes many events; they are followed by one look."""
NO_ENGINE = "no container engine was found on this machine"
NO_ENGINE_ADVICE = (
    "install and start docker or podman, or say in plugins.docker.host (or DOCKER_HOST) where its socket is"
)


@frozen
class Known:
    """What the engine has. `is_known` is False before the first answer, and while the engine is away."""

    images: tuple[Image, ...] = ()
    containers: tuple[Container, ...] = ()
    is_known: bool = False


@define(eq=False)
class Live:
    """One per daemon. `make` connects to an engine."""

    lab: LabView
    environment: Mapping[str, str] = field(factory=lambda: dict(os.environ))
    home: Path = field(factory=Path.home)
    make: Callable[[Place], Engine] = DockerEngine
    known: Known = Known()
    error: str = ""
    usage: dict[str, Usage] = field(factory=dict)
    changed: Callable[[], None] = lambda: None
    _engine: Engine | None = field(default=None, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _watching: bool = field(default=False, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.lab.settings(NAME, Settings)

    # the engine

    async def engine(self) -> Engine:
        """The engine; another one when the settings say so. Raises NodeError when there is none."""
        place = await asyncio.to_thread(self._find)
        if self._ended:
            raise NodeError("swaplab is ending, and asks the container engine nothing more")
        if self._engine is not None and self._engine.place == place:
            return self._engine
        before, self._engine = self._engine, None if place is None else self.make(place)  # at once: others ask, too
        if before is not None:
            await before.close()
        if self._engine is None:
            self.known = Known()
            raise NodeError(NO_ENGINE, advice=NO_ENGINE_ADVICE)
        return self._engine

    def _find(self) -> Place | None:
        here = Surroundings(self.environment, self.home, self.settings.host)
        return find(here, read=_read, exists=lambda path: path.is_socket())

    async def end(self) -> None:
        """Let go of the engine for good: whoever still wants to know something is refused."""
        self._ended = True
        await self.close()

    async def close(self) -> None:
        """Let go of the engine."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.close()

    # what it has

    async def look(self) -> Known:
        """Ask for everything anew. Raises NodeError; then nothing is known, and `error` says why."""
        before = self.known
        try:
            engine = await self.engine()
            images, containers = await asyncio.gather(engine.images(), engine.containers())
        except SwaplabError as error:
            self.known, self.error = Known(), str(error)
            self._tell(before)
            raise
        self.known, self.error = Known(images, containers, is_known=True), ""
        self._tell(before)
        self._watch()
        return self.known

    def known_images(self) -> KnownImages:
        """The names of this machine's images, for who chooses among them."""
        names = tuple(sorted(name for image in self.known.images for name in image.references))
        return KnownImages(local=names if self.known.is_known else None)

    def _tell(self, before: Known) -> None:
        if self.known.images != before.images or self.known.is_known != before.is_known:
            self._publish("images", len(self.known.images))
        if self.known.containers != before.containers:
            self._publish("containers", len(self.known.containers))
            self.changed()

    def _publish(self, name: str, count: int) -> None:
        self.lab.publish(PluginNews(NAME, name, data={"count": count}))

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self.lab.spawn(self._listen, name="watch over the container engine")
            self.lab.spawn(self._follow, name="looks at the container engine")

    async def _listen(self) -> None:
        """Hear that something happens; when the engine goes, wait until it is back."""
        tries = 0
        while not self._ended:
            try:
                engine = await self.engine()
                self._news.set()  # what has happened before the first event can be heard
                async with aclosing(engine.events()) as events:
                    async for _ in events:
                        tries = 0
                        self._news.set()
            except SwaplabError as error:
                self.error = str(error)
            before, self.known = self.known, Known()
            self._tell(before)
            await asyncio.sleep(AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)])
            tries += 1

    async def _follow(self) -> None:
        """Look again after each burst of events."""
        while not self._ended:
            await self._news.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._news.clear()
            with contextlib.suppress(SwaplabError):  # `error` keeps it
                await self.look()

    # what containers use

    async def measure(self) -> Mapping[str, Usage]:
        """What each container that runs uses; takes about two seconds. Raises NodeError."""
        known, engine = await self.look(), await self.engine()
        up = [one.id for one in known.containers if one.state == "running"][:MOST_MEASURED]
        found = await asyncio.gather(*(engine.usage(one) for one in up), return_exceptions=True)
        self.usage = {one: usage for one, usage in zip(up, found, strict=True) if isinstance(usage, Usage)}
        return self.usage

    # what else the daemon knows

    def local_addresses(self) -> frozenset[str]:
        """The addresses of this machine's interfaces."""
        import psutil  # noqa: PLC0415 - few ask

        found = psutil.net_if_addrs().values()
        return frozenset(address.address.partition("%")[0] for each in found for address in each)

    async def models(self) -> dict[str, str]:
        """The configured models and their states. Raises UpstreamError."""
        answer = await self._ask("/api/models")
        return {str(one.get("id")): str(one.get("state")) for one in answer.get("models") or ()}

    async def users(self) -> Named:
        """Who names which image."""
        state, cards = await asyncio.gather(self._ask("/api/recipes/state"), self._ask("/api/recipes/backends"))
        config = self.lab.config
        return named(config.models(), config.macros(), state, _objects(cards.get("backends")))

    async def backends(self) -> list[Mapping[str, Any]]:
        """The cards of the backends."""
        return _objects((await self._ask("/api/recipes/backends")).get("backends"))

    async def _ask(self, path: str) -> Mapping[str, Any]:
        answer = await self.lab.gateway.request("GET", path)
        body = await answer.read()
        value = orjson.loads(body) if answer.status == 200 else {}
        return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
