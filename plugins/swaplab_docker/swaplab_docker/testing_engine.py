"""A small container engine for tests: its state is in memory, its API is served on a unix socket.

It passes the same contract as the real one. Nothing runs in its containers: their logs are what the test writes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from attrs import define, field

from swaplab_core.domain.image import with_tag

API = "1.41"
MEMORY = 12_000_000


@define(eq=False)
class FakeImage:
    """One image."""

    id: str
    tags: list[str] = field(factory=list)
    size: int = 1000
    created: int = field(factory=lambda: int(time.time()))


@define(eq=False)
class FakeContainer:
    """One container. `lines` is its log so far; `gone` is set when it is removed."""

    id: str
    name: str
    image: str
    image_id: str
    labels: Mapping[str, str] = field(factory=dict)
    state: str = "running"
    lines: list[str] = field(factory=list)
    spoke: asyncio.Event = field(factory=asyncio.Event)
    gone: asyncio.Event = field(factory=asyncio.Event)
    patience: int | None = None

    def say(self, line: str) -> None:
        """Write a line into its log."""
        self.lines.append(line)
        self.spoke.set()


Layers = list[tuple[str, int]]


@define(eq=False)
class FakeEngine:
    """`remote` are the references that can be pulled, with their layers (id, bytes). `gate` holds pulls back."""

    images: list[FakeImage] = field(factory=list)
    containers: list[FakeContainer] = field(factory=list)
    remote: dict[str, Layers] = field(factory=dict)
    gate: asyncio.Event = field(factory=asyncio.Event)
    runtimes: list[str] = field(factory=lambda: ["runc"])
    root: str = "/var/lib/docker"
    left: int = 0
    asked: list[str] = field(factory=list)
    _ears: list[asyncio.Queue[dict[str, Any]]] = field(factory=list, init=False)

    def add_image(self, *tags: str, size: int = 1000) -> FakeImage:
        """Have an image."""
        image = FakeImage(f"sha256:{_hash(f'{tags}{len(self.images)}')}", [with_tag(tag) for tag in tags], size)
        self.images.append(image)
        self._tell("image", "import", image.id)
        return image

    def run(
        self, image: str, name: str, *, labels: Mapping[str, str] | None = None, state: str = "running"
    ) -> FakeContainer:
        """Have a container of an image that is there."""
        made = self._image(image)
        assert made is not None, image
        container = FakeContainer(_hash(name), name, image, made.id, labels or {}, state)
        self.containers.append(container)
        self._tell("container", "start", container.id)
        return container

    def _tell(self, kind: str, action: str, actor: str) -> None:
        event = {"Type": kind, "Action": action, "Actor": {"ID": actor, "Attributes": {}}, "time": int(time.time())}
        for ear in self._ears:
            ear.put_nowait(event)

    def _image(self, name: str) -> FakeImage | None:
        wanted = {name, with_tag(name), f"sha256:{name}"}
        return next((i for i in self.images if wanted & {i.id, i.id[7:19], *i.tags}), None)

    def _container(self, name: str) -> FakeContainer | None:
        return next((one for one in self.containers if name in {one.id, one.name}), None)

    # the API

    def application(self) -> web.Application:
        """Its routes."""
        app = web.Application()
        v = "/{v:v[0-9.]+}"
        app.router.add_get("/version", self.version)
        routes: tuple[tuple[str, str, Any], ...] = (
            ("GET", "/version", self.version),
            ("GET", "/info", self.info),
            ("GET", "/images/json", self.list_images),
            ("POST", "/images/create", self.pull),
            ("POST", "/images/prune", self.prune),
            ("POST", "/images/{name:.+}/tag", self.tag),
            ("DELETE", "/images/{name:.+}", self.remove_image),
            ("GET", "/containers/json", self.list_containers),
            ("GET", "/containers/{name}/json", self.show),
            ("GET", "/containers/{name}/logs", self.logs),
            ("GET", "/containers/{name}/stats", self.stats),
            ("POST", "/containers/{name}/stop", self.stop),
            ("POST", "/containers/{name}/wait", self.wait),
            ("DELETE", "/containers/{name}", self.remove_container),
            ("GET", "/events", self.events),
        )
        for method, path, handler in routes:
            app.router.add_route(method, v + path, handler)
        return app

    async def version(self, _: web.Request) -> web.Response:
        """What it is."""
        return web.json_response({"Version": "20.10.0-fake", "ApiVersion": API, "Components": [{"Name": "Engine"}]})

    async def info(self, _: web.Request) -> web.Response:
        """More of it."""
        return web.json_response(
            {
                "OperatingSystem": "Fake",
                "Architecture": "x86_64",
                "DockerRootDir": self.root,
                "Driver": "memory",
                "Runtimes": {name: {} for name in self.runtimes},
            }
        )

    async def list_images(self, _: web.Request) -> web.Response:
        """All of them."""
        return web.json_response(
            [
                {
                    "Id": image.id,
                    "RepoTags": image.tags or ["<none>:<none>"],
                    "RepoDigests": None,
                    "Size": image.size,
                    "Created": image.created,
                }
                for image in self.images
            ]
        )

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Layer by layer, held back in the middle of the second while the gate is closed."""
        reference = request.query["fromImage"]
        if tag := request.query.get("tag"):
            reference = f"{reference}:{tag}"
        if reference not in self.remote:
            return _error(404, f"manifest for {reference} not found: manifest unknown")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            async for event in self._pulling(reference):
                await response.write(json.dumps(event).encode() + b"\r\n")
        except (ConnectionError, asyncio.CancelledError):
            self.left += 1
            raise
        self.add_image(reference, size=sum(size for _, size in self.remote[reference]))
        return response

    async def _pulling(self, reference: str) -> AsyncIterator[dict[str, Any]]:
        layers = self.remote[reference]
        yield {"status": f"Pulling from {reference}", "id": reference.rpartition(":")[2]}
        for layer, _ in layers:
            yield {"status": "Pulling fs layer", "progressDetail": {}, "id": layer}
        for at, (layer, size) in enumerate(layers):
            yield {"status": "Downloading", "progressDetail": {"current": size // 2, "total": size}, "id": layer}
            if at == len(layers) - 1:
                await self.gate.wait()
            yield {"status": "Download complete", "progressDetail": {}, "id": layer}
            yield {"status": "Extracting", "progressDetail": {"current": size, "total": size}, "id": layer}
            yield {"status": "Pull complete", "progressDetail": {}, "id": layer}
        yield {"status": f"Digest: sha256:{_hash(reference)}"}
        yield {"status": f"Status: Downloaded newer image for {reference}"}

    async def tag(self, request: web.Request) -> web.Response:
        """One more name, taken off the image that had it."""
        image = self._image(request.match_info["name"])
        if image is None:
            return _error(404, f"No such image: {request.match_info['name']}")
        reference = f"{request.query['repo']}:{request.query.get('tag', 'latest')}"
        for other in self.images:
            other.tags = [tag for tag in other.tags if tag != reference]
        image.tags.append(reference)
        self._tell("image", "tag", image.id)
        return web.Response(status=201)

    async def remove_image(self, request: web.Request) -> web.Response:
        """A name, or the image with its last name."""
        name, force = request.match_info["name"], request.query.get("force") in {"true", "True", "1"}
        image = self._image(name)
        if image is None:
            return _error(404, f"No such image: {name}")
        users = [one for one in self.containers if one.image_id == image.id]
        is_name = with_tag(name) in image.tags
        if is_name and len(image.tags) > 1:
            image.tags.remove(with_tag(name))
            self._tell("image", "untag", image.id)
            return web.json_response([{"Untagged": with_tag(name)}])
        if any(one.state == "running" for one in users) or (users and not force):
            return _error(409, f"conflict: unable to remove {name}, a container is using its referenced image")
        if not is_name and len(image.tags) > 1 and not force:
            return _error(409, f"conflict: unable to delete {name}, image is referenced in multiple repositories")
        self.images.remove(image)
        self._tell("image", "delete", image.id)
        return web.json_response([*({"Untagged": tag} for tag in image.tags), {"Deleted": image.id}])

    async def prune(self, _: web.Request) -> web.Response:
        """Images without a name that no container uses."""
        used = {one.image_id for one in self.containers}
        gone = [image for image in self.images if not image.tags and image.id not in used]
        self.images = [image for image in self.images if image not in gone]
        deleted = [{"Deleted": image.id} for image in gone]
        return web.json_response({"ImagesDeleted": deleted, "SpaceReclaimed": sum(image.size for image in gone)})

    async def list_containers(self, _: web.Request) -> web.Response:
        """All of them."""
        return web.json_response(
            [
                {
                    "Id": one.id,
                    "Names": [f"/{one.name}"],
                    "Image": one.image,
                    "ImageID": one.image_id,
                    "State": one.state,
                    "Status": "Up 3 seconds" if one.state == "running" else "Exited (0)",
                    "Created": int(time.time()),
                    "Command": "engine --serve",
                    "Labels": dict(one.labels),
                }
                for one in self.containers
            ]
        )

    async def show(self, request: web.Request) -> web.Response:
        """What a reader of logs asks for."""
        return self._with(request, lambda one: web.json_response({"Id": one.id, "Config": {"Tty": False}}))

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """Frames, as they come, until the container is gone."""
        one = self._container(request.match_info["name"])
        if one is None:
            return _error(404, f"No such container: {request.match_info['name']}")
        response = web.StreamResponse()
        await response.prepare(request)
        at = max(0, len(one.lines) - int(request.query.get("tail", "1000")))
        while True:
            for line in one.lines[at:]:
                data = f"2026-01-02T03:04:05.000000006Z {line}\n".encode()
                await response.write(struct.pack(">BxxxL", 1, len(data)) + data)
            at = len(one.lines)
            one.spoke.clear()
            if one.gone.is_set():
                return response
            await one.spoke.wait()

    async def stats(self, request: web.Request) -> web.Response:
        """A quarter of two processors."""
        cpu = {"cpu_usage": {"total_usage": 150}, "system_cpu_usage": 1200, "online_cpus": 2}
        before = {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 800, "online_cpus": 2}
        body = {
            "cpu_stats": cpu,
            "precpu_stats": before,
            "memory_stats": {"usage": MEMORY + 1000, "limit": 10 * MEMORY, "stats": {"inactive_file": 1000}},
            "pids_stats": {"current": 3},
        }
        return self._with(request, lambda _: web.json_response(body))

    async def stop(self, request: web.Request) -> web.Response:
        """End it."""

        def end(one: FakeContainer) -> web.Response:
            one.state, one.patience = "exited", int(request.query.get("t", "10"))
            self._tell("container", "die", one.id)
            return web.Response(status=204)

        return self._with(request, end)

    async def wait(self, request: web.Request) -> web.Response:
        """It is removed at once, so there is nothing to wait for."""
        return self._with(request, lambda _: web.json_response({"StatusCode": 0}))

    async def remove_container(self, request: web.Request) -> web.Response:
        """Forget it."""

        def remove(one: FakeContainer) -> web.Response:
            self.containers.remove(one)
            one.gone.set()
            one.spoke.set()
            self._tell("container", "destroy", one.id)
            return web.Response(status=204)

        return self._with(request, remove)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What happens from now on."""
        ear: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._ears.append(ear)
        try:
            while True:
                await response.write(json.dumps(await ear.get()).encode() + b"\n")
        finally:
            self._ears.remove(ear)

    @property
    def listeners(self) -> int:
        """Who follows the events now."""
        return len(self._ears)

    def _with(self, request: web.Request, do: Callable[[FakeContainer], web.Response]) -> web.Response:
        name = request.match_info["name"]
        one = self._container(name)
        return _error(404, f"No such container: {name}") if one is None else do(one)


@asynccontextmanager
async def serving(engine: FakeEngine, socket: Path) -> AsyncIterator[str]:
    """The engine's API on a socket; answers its address."""
    engine.gate.set()
    runner = web.AppRunner(engine.application(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield f"unix://{socket}"
    finally:
        await runner.cleanup()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
