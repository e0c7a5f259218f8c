"""The HTTP routes: the fork's four, and what it lacked: search, sizes before a download, jobs, revisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import orjson
from attrs import define

from swaplab_core.domain.errors import (
    ClientError,
    Conflict,
    FileFailed,
    InvalidRequest,
    NodeError,
    NotThere,
    SwaplabError,
)
from swaplab_core.plugin import Call, Gateway, JobState, Policy, Reply, Route
from swaplab_core.plugin.routes import Handler
from swaplab_hub import names, views, wire
from swaplab_hub.forms import download_request
from swaplab_hub.model_hub import DELETE, DOWNLOAD, ModelHub
from swaplab_hub.recipes import RecipeMaker
from swaplab_hub.weights import choices

LEGACY = "/api/recipes/backend/hf-models"
LONGEST_QUERY = 200


@define(eq=False)
class HubRoutes:
    """The doors of `ModelHub`."""

    hub: Callable[[], ModelHub]

    def all(self) -> list[Route]:
        """The route table."""
        return [
            _route("GET", "/models", Policy.READ, _older(self.listing), LEGACY),
            _route("DELETE", "/models", Policy.ADMIN, _older(self.delete), LEGACY),
            _route("GET", "/path", Policy.READ, _older(self.path), f"{LEGACY}/path"),
            _route("PUT", "/path", Policy.ADMIN, _older(self.choose), f"{LEGACY}/path"),
            _route("POST", "/recipe", Policy.ADMIN, _older(self.recipe, always=400), f"{LEGACY}/recipe"),
            _route("GET", "/search", Policy.READ, self.search),
            _route("GET", "/files", Policy.READ, self.files),
            _route("POST", "/downloads", Policy.ADMIN, self.download),
            _route("GET", "/impact", Policy.READ, self.impact),
        ]

    # the older ones

    async def listing(self, _: Call, __: Gateway) -> Reply:
        """The cached models, newest first: sizes, revisions, what is unfinished, who uses each."""
        return Reply.of_json(await self._listing())

    async def path(self, _: Call, __: Gateway) -> Reply:
        """Where the cache is, and who says so."""
        place = await self.hub().place()
        values = {"hubPath": str(place.folder) if place.source == "chosen" else ""}
        return Reply.of_json({"hubPath": str(place.folder), "hubPathSource": place.source, "values": values})

    async def choose(self, call: Call, _: Gateway) -> Reply:
        """Choose the folder of the cache, `{"hubPath"}`; it is made, and an empty text takes the choice back."""
        body = _body(call)
        written = body.get("hubPath", "")
        if not isinstance(written, str):
            raise InvalidRequest("hubPath must be a text")
        await self.hub().choose(written)
        return Reply.of_json(await self._listing())

    async def delete(self, call: Call, _: Gateway) -> Reply:
        """Delete `{"cacheDir"}` and wait; `revisions` for some of it, `nodes` (ids, or `["*"]`) for other machines,
        `force` although entries or recipes name it. Answers the new list, the job, and what each machine said."""
        hub, body = self.hub(), _body(call)
        folder = names.check_folder(str(body.get("cacheDir") or ""))
        revisions, machines = _texts(body, "revisions"), _texts(body, "nodes")
        plan = await hub.deletion_plan(folder, revisions, machines, even_if_used=body.get("force") is True)
        job = hub.lab.submit(plan, kind=DELETE, title="Delete a model", target=names.id_of(folder), input=dict(body))
        job = await hub.lab.wait(job.id)
        more = {"job": job.id, "nodes": job.result.get("nodes", {}), **await self._listing()}
        if job.state is JobState.SUCCEEDED:
            return Reply.of_json(more)
        is_done_here = "deleted" in job.result
        return _refused(502 if is_done_here else 500, job.error or f"the job was {job.state.value}", **more)

    async def recipe(self, call: Call, gateway: Gateway) -> Reply:
        """Make a recipe and a model entry of `{"cacheDir"}`; `backend` and `modelId` choose others than the usual."""
        body = _body(call)
        folder = names.check_folder(str(body.get("cacheDir") or ""))
        maker = RecipeMaker(self.hub(), gateway)
        made = await maker.make(folder, str(body.get("modelId") or folder), str(body.get("backend") or ""))
        return Reply.of_json(made)

    async def _listing(self) -> dict[str, Any]:
        hub = self.hub()
        place, repos, known, free = await asyncio.gather(hub.place(), hub.models(), hub.known(), hub.free())
        return wire.listing(place, repos, known, free)

    # ours

    async def search(self, call: Call, _: Gateway) -> Reply:
        """Look for models on the hub: `?q=`, `&format=gguf` or `safetensors`; the most downloaded first."""
        query, kind = call.query.get("q", "").strip(), call.query.get("format", "")
        if not query or len(query) > LONGEST_QUERY or not query.isprintable():
            raise InvalidRequest("q must be some words", advice="write what the model is called")
        if kind not in {"", "gguf", "safetensors"}:
            raise InvalidRequest(f"format {kind!r} is unknown", advice="write gguf or safetensors")
        hub = self.hub()
        found = await hub.library.search(query, kind, hub.settings)
        here = {repo.id for repo in await hub.models()}
        return Reply.of_json({"items": [{**each, "here": each["id"] in here} for each in found]})

    async def files(self, call: Call, _: Gateway) -> Reply:
        """What the hub has of `?repo=`, `&revision=`: its commit, its files, the choices with their sizes."""
        repo = names.check_repo(call.query.get("repo", ""))
        remote = await self.hub().remote(repo, names.check_revision(call.query.get("revision", "")))
        files = [{"path": file.path, "sizeBytes": file.size} for file in remote.files]
        found = choices(remote.files)
        return Reply.of_json(
            {
                "repo": repo,
                "revision": remote.commit,
                "gated": remote.gated,
                "files": files,
                "items": [views.choice(each) for each in found],
                "freeBytes": await self.hub().free(),
            }
        )

    async def download(self, call: Call, _: Gateway) -> Reply:
        """Download `{"repo", "revision", "weights", "include", "exclude"}`: 202 and the job.

        `weights` is auto, safetensors, pytorch, all, or gguf:QUANTISATION.
        """
        body, hub = call.json(), self.hub()
        wanted = download_request(body)
        plan = await hub.download_plan(wanted)
        job = hub.lab.submit(plan, kind=DOWNLOAD, title="Download a model", target=wanted.repo, input=dict(body))
        return Reply.of_json({"job": job.id, "repo": wanted.repo, "preview": list(plan.warnings)}, 202)

    async def impact(self, call: Call, _: Gateway) -> Reply:
        """What deleting `?repo=`, `&revision=` would free, and who uses it; nothing is deleted."""
        folder = names.folder_of(names.check_repo(call.query.get("repo", "")))
        wanted = [call.query["revision"]] if call.query.get("revision") else []
        deletion, uses = await self.hub().deletion(folder, wanted)
        return Reply.of_json(
            {
                "cacheDir": folder,
                "everything": deletion.everything,
                "revisions": list(deletion.commits),
                "freedBytes": deletion.freed,
                "keptBytes": deletion.kept,
                "usedBy": wire.uses(uses),
            }
        )


def _route(method: str, path: str, policy: Policy, handler: Any, public: str | None = None) -> Route:
    return Route(method=method, path=path, policy=policy, handler=handler, public_path=public)


def _body(call: Call) -> Mapping[str, Any]:
    """The JSON object of a request, whatever its content type says; older clients read `error` as a text."""
    try:
        found = orjson.loads(call.body) if call.body.strip() else {}
    except orjson.JSONDecodeError:
        raise InvalidRequest("invalid JSON body") from None
    if not isinstance(found, dict):
        raise InvalidRequest("the body must be a JSON object")
    return found


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InvalidRequest(f"{key} must be a list of texts")
    return found


def _older(handler: Handler, *, always: int = 0) -> Handler:
    """Answer errors in the shape and with the status that older clients know."""

    @wraps(handler)
    async def answered(call: Call, gateway: Gateway) -> Reply:
        try:
            return await handler(call, gateway)
        except (ClientError, FileFailed, NodeError) as error:
            return _refused(always or _status(error), str(error), code=error.code)

    return answered


def _status(error: SwaplabError) -> int:
    match error:
        case FileFailed():
            return 500
        case NodeError():
            return 502
        case NotThere():
            return 404
        case Conflict():
            return 409
        case _:
            return 400


def _refused(status: int, message: str, **more: Any) -> Reply:
    """An error in the shape that older clients read, and what else there is to say."""
    return Reply.of_json({"error": message, **more}, status)
