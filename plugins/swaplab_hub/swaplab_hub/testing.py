"""A model hub on this machine, for tests: it speaks what `huggingface_hub` asks for, and misbehaves when told to.

```python
with running_hub() as hub:
    hub.add("org/model", {"config.json": b"{}", "model.safetensors": b"x" * 10_000_000})
    environment = {"HF_ENDPOINT": hub.url}
```

It runs in a thread of its own, so that processes and browsers can ask it too. Files of at least `LARGE` bytes are kept
as the hub keeps them: found by the hash of their content, behind a redirect.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from attrs import define, field, frozen

LARGE = 100_000
CHUNK = 64 * 1024
BRANCH = "main"


@frozen
class Asked:
    """One request: `token` "" when none was sent, `start` where a range begins."""

    method: str
    path: str
    token: str = field(default="", repr=False)
    start: int = 0


@define(eq=False)
class FakeRepo:
    """A repository: its files by commit, its branches and tags. `token` "" lets everybody in."""

    id: str
    commits: dict[str, Mapping[str, bytes]] = field(factory=dict)
    refs: dict[str, str] = field(factory=dict)
    gated: bool = False
    private: bool = False
    token: str = ""
    downloads: int = 0

    def push(self, files: Mapping[str, bytes], branch: str = BRANCH) -> str:
        """Make a commit of these files, all that there are; answers its hash."""
        digest = hashlib.sha1(usedforsecurity=False)
        for path, content in sorted(files.items()):
            digest.update(f"{path}\0{len(content)}\0".encode() + hashlib.sha256(content).digest())
        commit = digest.hexdigest()
        self.commits[commit] = dict(files)
        self.refs[branch] = commit
        return commit

    def find(self, revision: str) -> str:
        """The commit of a branch, a tag or a commit; "" when there is none."""
        return self.refs.get(revision, revision if revision in self.commits else "")


@define(eq=False)
class FakeHub:
    """What is there, and how it misbehaves.

    `url` is its address, `store` that of the other host from which large files come, as those of the hub do.
    `cut_after` ends every transfer of a large file after so many bytes, `hold_after` lets it stand still until
    `release`. `status` answers everything with this status. `damage` alters a byte of each large file.
    """

    url: str = ""
    store: str = ""
    repos: dict[str, FakeRepo] = field(factory=dict)
    asked: list[Asked] = field(factory=list)
    cut_after: int | None = None
    hold_after: int | None = None
    status: int = 0
    damage: bool = False
    _held: threading.Event = field(factory=threading.Event, init=False)
    _released: threading.Event = field(factory=threading.Event, init=False)

    def add(self, repo: str, files: Mapping[str, bytes], **more: Any) -> FakeRepo:
        """Put a repository there, or another commit into it."""
        found = self.repos.setdefault(repo, FakeRepo(repo, **more))
        found.push(files)
        return found

    def renew(self) -> None:
        """Forget everything: one hub for several tests."""
        self.release()
        self.repos, self.asked = {}, []
        self.cut_after, self.hold_after, self.status, self.damage = None, None, 0, False
        self._held, self._released = threading.Event(), threading.Event()

    def wait_until_held(self, seconds: float = 30.0) -> None:
        """Return when a transfer stands still."""
        assert self._held.wait(seconds), "nobody fetches a large file"

    def release(self) -> None:
        """Let transfers go on, those that come too."""
        self.hold_after = None
        self._released.set()

    def transfers(self) -> list[Asked]:
        """The transfers of large files so far."""
        return [each for each in self.asked if each.method == "GET" and each.path.startswith("/cdn/")]

    # what it answers

    def application(self) -> web.Application:
        """Make the server."""
        application = web.Application(middlewares=[self._heard])
        application.router.add_get("/api/models", self._search)
        for tail, handler in (
            ("", self._info),
            ("/revision/{revision:.+}", self._info),
            ("/tree/{revision:[^/]+}", self._tree),
            ("/auth-check", self._check),
        ):
            application.router.add_get(f"/api/models/{{owner}}/{{name}}{tail}", handler)
        application.router.add_get("/{owner}/{name}/resolve/{revision:[^/]+}/{path:.+}", self._resolve)
        application.router.add_get("/cdn/{owner}/{name}/{blob}", self._transfer)
        return application

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        start = request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append(Asked(request.method, request.path, token, int(start)))
        if self.status:
            return web.Response(status=self.status)
        response: web.StreamResponse = await handler(request)
        return response

    async def _search(self, request: web.Request) -> web.Response:
        wanted = request.query.get("search", "").lower()
        kinds = request.query.getall("filter", [])
        found = [_summary(repo) for repo in self.repos.values() if wanted in repo.id.lower() and not repo.private]
        fitting = [each for each in found if set(kinds) <= set(each["tags"])]
        fitting.sort(key=lambda each: -int(each["downloads"]))
        return web.json_response(fitting[: int(request.query.get("limit", 100))])

    async def _info(self, request: web.Request) -> web.Response:
        repo = self._repo(request, needs_access=False)
        commit = self._commit(request, repo)
        return web.json_response({**_summary(repo), "sha": commit, "siblings": []})

    async def _tree(self, request: web.Request) -> web.Response:
        repo = self._repo(request, needs_access=False)
        files = repo.commits[self._commit(request, repo)]
        return web.json_response([_entry(path, content) for path, content in sorted(files.items())])

    async def _check(self, request: web.Request) -> web.Response:
        self._repo(request, needs_access=True)
        return web.Response()

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        repo = self._repo(request, needs_access=True)
        commit = self._commit(request, repo)
        content = repo.commits[commit].get(request.match_info["path"])
        if content is None:
            raise _error(404, "EntryNotFound", "Entry not found", commit)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{blob_name(content)}"', "Accept-Ranges": "bytes"}
        if len(content) < LARGE:
            return web.Response(body=content, headers=headers)
        where = f"{self.store}/cdn/{repo.id}/{blob_name(content)}"
        linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{blob_name(content)}"', "Location": where}
        return web.Response(status=302, headers={**headers, **linked})

    async def _transfer(self, request: web.Request) -> web.StreamResponse:
        content = self._content(request)
        start = self.asked[-1].start
        if start >= len(content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        rest = content[start:]
        ranges = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        response = web.StreamResponse(status=206 if start else 200, headers=ranges)
        response.content_length = len(rest)
        await response.prepare(request)
        try:
            async for piece in self._pieces(rest):
                await response.write(piece)
        except ConnectionError:
            return response
        if self.cut_after is not None and self.cut_after < len(rest) and request.transport is not None:
            request.transport.close()
        return response

    async def _pieces(self, rest: bytes) -> AsyncIterator[bytes]:
        sent = 0
        while sent < len(rest):
            if self.cut_after is not None and sent >= self.cut_after:
                return
            if self.hold_after is not None and sent >= self.hold_after:
                self._held.set()
                await asyncio.get_running_loop().run_in_executor(None, self._released.wait)
            piece = rest[sent : sent + CHUNK]
            if self.damage and sent == 0:
                piece = bytes([piece[0] ^ 0xFF]) + piece[1:]
            yield piece
            sent += len(piece)

    def _content(self, request: web.Request) -> bytes:
        repo = self.repos[f"{request.match_info['owner']}/{request.match_info['name']}"]
        contents = (content for files in repo.commits.values() for content in files.values())
        return next(content for content in contents if blob_name(content) == request.match_info["blob"])

    def _repo(self, request: web.Request, *, needs_access: bool) -> FakeRepo:
        repo = self.repos.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        may = repo is not None and (not repo.token or self.asked[-1].token == repo.token)
        if repo is None or (repo.private and not may):
            raise _error(401 if not self.asked[-1].token else 404, "RepoNotFound", "Repository not found")
        if repo.gated and needs_access and not may:
            raise _error(
                401 if not self.asked[-1].token else 403, "GatedRepo", f"Access to model {repo.id} is restricted"
            )
        return repo

    def _commit(self, request: web.Request, repo: FakeRepo) -> str:
        revision = request.match_info.get("revision", BRANCH)
        commit = repo.find(revision)
        if not commit:
            raise _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit


def blob_name(content: bytes) -> str:
    """The name of a content in the cache: git's hash of a small one, the SHA-256 of a large one."""
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob_name(content)}
    if len(content) >= LARGE:
        entry["oid"] = hashlib.sha1(blob_name(content).encode(), usedforsecurity=False).hexdigest()
        entry["lfs"] = {"oid": blob_name(content), "size": len(content), "pointerSize": 134}
    return entry


def _summary(repo: FakeRepo) -> dict[str, Any]:
    suffixes = {path.rpartition(".")[2] for files in repo.commits.values() for path in files}
    return {
        "id": repo.id,
        "modelId": repo.id,
        "private": repo.private,
        "gated": "manual" if repo.gated else False,
        "downloads": repo.downloads,
        "likes": 0,
        "tags": [kind for kind in ("gguf", "safetensors") if kind in suffixes],
        "pipeline_tag": "text-generation",
        "lastModified": "2026-01-02T03:04:05.000Z",
    }


def _error(status: int, code: str, message: str, commit: str = "") -> web.HTTPException:
    kinds = {401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 404: web.HTTPNotFound}
    headers = {"X-Error-Code": code, "X-Error-Message": message, **({"X-Repo-Commit": commit} if commit else {})}
    return kinds[status](headers=headers, text=message)


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Serve a hub on a free port of this machine while the block runs."""
    hub, ready = FakeHub(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(hub.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        hub.url, hub.store = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="fake hub")
    thread.start()
    assert ready.wait(10), "the hub did not start"
    try:
        yield hub
    finally:
        hub.release()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


# a cache without a hub

COMMIT = "a" * 40


def make_cached(
    cache: Path,
    name: str = "models--org--model",
    *,
    revisions: Mapping[str, Mapping[str, bytes]] | None = None,
    refs: Mapping[str, str] | None = None,
    loose: Sequence[str] = (),
    incomplete: Sequence[str] = (),
) -> Path:
    """Make a repository as the library leaves it: contents by commit and path, branches by name, unfinished blobs."""
    repo = cache / name
    (repo / "blobs").mkdir(parents=True)
    for commit, files in (revisions if revisions is not None else {COMMIT: {"config.json": b"{}"}}).items():
        for path, content in files.items():
            blob = repo / "blobs" / blob_name(content)
            blob.write_bytes(content)
            link = repo / "snapshots" / commit / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    for ref, commit in (refs if refs is not None else {BRANCH: COMMIT}).items():
        file = repo / "refs" / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit)
    for blob_id in loose:
        (repo / "blobs" / blob_id).write_bytes(b"123")
    for blob_id in incomplete:
        (repo / "blobs" / f"{blob_id}.incomplete").write_bytes(b"12345")
    return repo
