"""The container engine, asked through aiodocker. All I/O with the engine is here.

aiodocker is imported when the first question is asked: a daemon that needs no engine does not carry it. Streams (a
pull, a log, events) have a client of their own, so that leaving one closes its connection, which is how the engine is
told to stop. Errors are those of `swaplab_core.domain.errors`: NotThere, Conflict, InvalidRequest, NodeError.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

from swaplab_core.domain.errors import Conflict, InvalidRequest, NodeError, NotThere, SwaplabError
from swaplab_docker import wire
from swaplab_docker.facts import Container, EngineEvent, EngineInfo, Image, Usage
from swaplab_docker.where import Place

if TYPE_CHECKING:
    from aiodocker import Docker, DockerError
    from aiohttp import ClientResponse

ASK_SECONDS = 10.0
REMOVE_SECONDS = 90.0
START_IT = "start it, or say in plugins.docker.host or DOCKER_HOST where it is"
_PATIENCE_BESIDE_STOP_SECONDS = 20.0


class Engine(Protocol):
    """What is asked of a container engine."""

    @property
    def place(self) -> Place:
        """Where it is."""
        ...

    async def info(self) -> EngineInfo:
        """What it says of itself."""
        ...

    async def images(self) -> tuple[Image, ...]:
        """The images that have names or nothing above them."""
        ...

    async def containers(self) -> tuple[Container, ...]:
        """All containers, those that have ended too."""
        ...

    def pull(self, reference: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """Pull an image, telling each event. Leaving the iteration ends the pull. Raises what went wrong."""
        ...

    async def tag(self, image: str, reference: str) -> None:
        """Give an image one more name."""
        ...

    async def remove_image(self, image: str, *, force: bool = False) -> tuple[str, ...]:
        """Take a name off an image, the last one with the image itself; answers what is gone."""
        ...

    async def remove_dangling(self) -> tuple[int, int]:
        """Remove images without a name that no container uses; answers how many, and the bytes won."""
        ...

    async def stop(self, container: str, seconds: float) -> None:
        """Stop a container and remove it; it has these seconds to go by itself. One that is gone is no error."""
        ...

    async def usage(self, container: str) -> Usage:
        """What it uses now; takes about a second, since a share of the processor needs two looks."""
        ...

    def log(self, container: str, *, tail: int) -> AsyncGenerator[str, None]:
        """Its last lines, each with a moment in front, then those that come, until it ends."""
        ...

    def events(self) -> AsyncGenerator[EngineEvent, None]:
        """What happens to images and containers from now on."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


@define(eq=False)
class DockerEngine:
    """`Engine` over the API of Docker, which podman speaks as well."""

    place: Place
    config_folder: Path = field(factory=lambda: Path.home() / ".docker")
    _client: Docker | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)

    async def info(self) -> EngineInfo:
        """Two questions."""
        async with self._asking() as docker:
            version, info = await asyncio.gather(docker.version(), docker.system.info())
            return wire.read_info(version, info)

    async def images(self) -> tuple[Image, ...]:
        """One question."""
        async with self._asking() as docker:
            return tuple(map(wire.read_image, await docker.images.list()))

    async def containers(self) -> tuple[Container, ...]:
        """One question."""
        async with self._asking() as docker:
            listed = await docker.containers.list(all=True)
        raw = ({key: one[key] for key in wire.CONTAINER_KEYS if key in one} for one in listed)
        return tuple(map(wire.read_container, raw))

    async def pull(self, reference: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """See `Engine`."""
        auth = await asyncio.to_thread(credentials, self.config_folder, reference)
        async with self._streaming() as docker:
            async for event in docker.images.pull(reference, auth=auth, stream=True):
                yield event

    async def tag(self, image: str, reference: str) -> None:
        """Split the new name: a port may hold a colon, too."""
        repository, _, tag = reference.rpartition(":")
        async with self._asking() as docker:
            await docker.images.tag(image, repository, tag=tag)

    async def remove_image(self, image: str, *, force: bool = False) -> tuple[str, ...]:
        """See `Engine`."""
        async with self._asking(REMOVE_SECONDS) as docker:
            gone = await docker.images.delete(image, force=force)
        return tuple(str(name) for part in gone for name in part.values())

    async def remove_dangling(self) -> tuple[int, int]:
        """See `Engine`."""
        async with self._asking(REMOVE_SECONDS) as docker:
            said = await docker.images.prune(filters={"dangling": ["true"]})
        gone = said.get("ImagesDeleted") or ()
        return sum("Deleted" in part for part in gone), int(said.get("SpaceReclaimed") or 0)

    async def stop(self, container: str, seconds: float) -> None:
        """See `Engine`. One that was started with --rm goes by itself, maybe between our two questions."""
        with contextlib.suppress(NotThere):
            async with self._asking(seconds + _PATIENCE_BESIDE_STOP_SECONDS) as docker:
                await docker.containers.container(container).stop(t=int(seconds))
        try:
            async with self._asking(REMOVE_SECONDS) as docker:
                await docker.containers.container(container).delete(force=True)
        except NotThere:
            return
        except Conflict:  # "removal … is already in progress"
            await self._until_gone(container)

    async def usage(self, container: str) -> Usage:
        """See `Engine`."""
        async with self._asking() as docker:
            records = await docker.containers.container(container).stats(stream=False)
            return wire.read_usage(records[0]) if records else Usage()

    async def log(self, container: str, *, tail: int) -> AsyncGenerator[str, None]:
        """See `Engine`."""
        async with self._streaming() as docker:
            chunks = docker.containers.container(container).log(
                stdout=True, stderr=True, follow=True, tail=tail, timestamps=True
            )
            rest = ""
            async for chunk in chunks:
                *whole, rest = (rest + chunk).split("\n")
                for line in whole:
                    yield line
            if rest:
                yield rest

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        """See `Engine`."""
        async with self._streaming() as docker:
            subscriber = docker.events.subscribe()  # type: ignore[no-untyped-call] # the library leaves it untyped
            while (raw := await subscriber.get()) is not None:
                event = wire.read_event(raw)
                if event.kind in {"image", "container"}:
                    yield event

    async def close(self) -> None:
        """See `Engine`."""
        self._closed = True
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _until_gone(self, container: str) -> None:
        with contextlib.suppress(NotThere):
            async with self._asking(REMOVE_SECONDS) as docker:
                await docker.containers.container(container).wait(condition="removed")

    @contextlib.asynccontextmanager
    async def _asking(self, seconds: float = ASK_SECONDS) -> AsyncIterator[Docker]:
        """The client for short questions, what goes wrong told as our errors."""
        with self._errors(seconds):
            if self._closed:
                raise NodeError(f"the container engine at {self.place.url} is asked nothing more")
            if self._client is None:
                self._client = self._connect()
            async with asyncio.timeout(seconds):
                yield self._client

    @contextlib.asynccontextmanager
    async def _streaming(self) -> AsyncIterator[Docker]:
        """A client that ends with the block, and with it the connection."""
        with self._errors(0):
            client = self._connect()
            answers = _answers_of(client)
            try:
                yield client
            finally:
                for answer in answers:
                    answer.close()
                try:
                    await client.close()
                finally:  # what had ended its events is raised there, before the connections are given back
                    await client.session.close()

    def _connect(self) -> Docker:
        import aiodocker  # noqa: PLC0415 - see above

        url = self.place.url
        socket = url.removeprefix("unix://")
        if socket != url and not Path(socket).exists():
            raise NodeError(f"no container engine answers at {url} ({self.place.source})", advice=START_IT)
        try:
            return aiodocker.Docker(context=self.place.context) if self.place.context else aiodocker.Docker(url=url)
        except (ValueError, ImportError, OSError, aiodocker.DockerError) as error:
            raise NodeError(
                f"{url}, named by {self.place.source}, is no address that can be used: {error}",
                advice="write unix:///path/of/the.sock",
            ) from None

    @contextlib.contextmanager
    def _errors(self, seconds: float) -> Iterator[None]:
        import aiodocker  # noqa: PLC0415 - see above

        try:
            yield
        except aiodocker.DockerError as error:
            raise told(error, self.place) from None
        except TimeoutError:
            raise NodeError(
                f"the container engine at {self.place.url} did not answer within {seconds:g} s",
                advice="see that it is well: docker info",
            ) from None


def _answers_of(client: Docker) -> list[ClientResponse]:
    """A list to which every answer is added that the client gets: it keeps the streams among them open for ever."""
    from aiohttp import ClientSession, TraceConfig, TraceRequestEndParams  # noqa: PLC0415 - the engine's library needs it

    answers: list[ClientResponse] = []

    async def keep(_: ClientSession, __: object, ended: TraceRequestEndParams) -> None:
        answers.append(ended.response)

    trace = TraceConfig()
    trace.on_request_end.append(keep)
    trace.freeze()
    client.session.trace_configs.append(trace)
    return answers


def told(error: DockerError, place: Place) -> SwaplabError:
    """One of our errors for one of the engine's."""
    message = str(error.message).removeprefix("Error response from daemon: ").strip()
    match error.status:
        case 404:
            return NotThere(message)
        case 409:
            return Conflict(message)
        case 400:
            return InvalidRequest(message)
        case 900:  # aiodocker's own, for an engine that does not answer
            if "Permission denied" in message or "Errno 13" in message:
                advice = "let this user talk to it (group docker), or use a rootless engine"
            else:
                advice = START_IT
            return NodeError(f"no container engine answers at {place.url} ({place.source})", advice=advice)
        case _ if "manifest unknown" in message or "repository does not exist" in message:
            return NotThere(f"no registry has it: {message}")
        case _:
            return NodeError(f"the container engine refused: {message}")


def credentials(folder: Path, reference: str) -> dict[str, str] | None:
    """What `docker login` has kept for the registry of an image, where it kept it in its file. Blocks."""
    registry, slash, _ = reference.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        return None
    try:
        auths = json.loads((folder / "config.json").read_text()).get("auths") or {}
        user, _, password = base64.b64decode(str(auths[registry]["auth"])).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {"username": user, "password": password, "serveraddress": registry}
