"""A registry of container images for tests: small, real enough that a real engine pulls from it.

It speaks the reading half of the distribution API, with tokens if wanted, tags in pages, and layers that may be held
back in the middle, so that a pull can be looked at while it is under way.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from attrs import define, field

from swaplab_core.testing.network import LOOPBACK

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"
TOKEN = "for-everybody"  # noqa: S105 - of a test


@define(eq=False)
class FakeRegistry:
    """`tags` by repository. With `page` tags are told so many at a time, with `token` only to who has one.

    `gate`, while it is not set, holds every layer back in the middle.
    """

    port: int = 0
    page: int = 0
    token: bool = False
    tags: dict[str, list[str]] = field(factory=dict)
    blobs: dict[str, tuple[str, bytes]] = field(factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(factory=dict)
    gate: asyncio.Event = field(factory=asyncio.Event)
    asked: list[str] = field(factory=list)

    @property
    def host(self) -> str:
        """What stands in front of a repository's name."""
        return f"{LOOPBACK}:{self.port}"

    def add(self, repository: str, tag: str, layers: tuple[Mapping[str, bytes], ...]) -> str:
        """Have an image of these layers, each the files it adds; answers its reference."""
        made = [_tar(files) for files in layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/nothing"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in made]},
        }
        described = [self._blob(LAYER, gzip.compress(tar, mtime=0)) for tar in made]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(CONFIG, json.dumps(config).encode()),
            "layers": described,
        }
        self.manifests[repository, tag] = json.dumps(manifest).encode()
        self.tags.setdefault(repository, []).append(tag)
        return f"{self.host}/{repository}:{tag}"

    def _blob(self, kind: str, data: bytes) -> dict[str, Any]:
        self.blobs[_digest(data)] = (kind, data)
        return {"mediaType": kind, "size": len(data), "digest": _digest(data)}

    # the API

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append(request.path)
        if request.path == "/token":
            return web.json_response({"token": TOKEN})
        if self.token and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = f'Bearer realm="http://{self.host}/token",service="{self.host}"'
            return web.json_response({"errors": []}, status=401, headers={"WWW-Authenticate": challenge})
        match request.path.removeprefix("/v2").strip("/").rsplit("/", 2):
            case [repository, "tags", "list"] if repository in self.tags:
                return self._tags(request, repository)
            case [repository, "manifests", reference]:
                return self._manifest(repository, reference)
            case [_, "blobs", digest] if digest in self.blobs:
                return await self._layer(request, *self.blobs[digest])
            case [""]:
                return web.json_response({})
            case _:
                return _unknown()

    def _tags(self, request: web.Request, repository: str) -> web.Response:
        every = self.tags[repository]
        start = int(request.query.get("from", "0"))
        size = self.page or len(every)
        more = start + size < len(every)
        following = f'</v2/{repository}/tags/list?from={start + size}>; rel="next"'
        headers = {"Link": following} if more else {}
        return web.json_response({"name": repository, "tags": every[start : start + size]}, headers=headers)

    def _manifest(self, repository: str, reference: str) -> web.Response:
        named = {key[1]: body for key, body in self.manifests.items() if key[0] == repository}
        by_digest = {_digest(body): body for body in named.values()}
        body = named.get(reference) or by_digest.get(reference)
        if body is None:
            return _unknown()
        return web.Response(body=body, headers={"Content-Type": MANIFEST, "Docker-Content-Digest": _digest(body)})

    async def _layer(self, request: web.Request, kind: str, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind, "Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        if kind == LAYER:
            await self.gate.wait()
        await response.write(data[len(data) // 2 :])
        return response


@asynccontextmanager
async def running_registry(**wanted: Any) -> AsyncIterator[FakeRegistry]:
    """A registry on a free port of this machine. Its gate is open, unless the test closes it."""
    registry = FakeRegistry(**wanted)
    registry.gate.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.respond)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        registry.port = runner.addresses[0][1]
        yield registry
    finally:
        await runner.cleanup()


def _unknown() -> web.Response:
    body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
    return web.json_response(body, status=404)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
