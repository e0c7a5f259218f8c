"""Backend folders: cards, the active one, actions (also the way that waits for them), images to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import InvalidRequest, NodeError, SwaplabError
from swaplab_core.domain.job import Job, JobState
from swaplab_core.server.api.models import json_response
from swaplab_core.server.api.recipes import read_object
from swaplab_core.server.errors import ErrorShape
from swaplab_core.server.ops_errors import ops_error, ops_response
from swaplab_core.server.route import Endpoint, get, post, put
from swaplab_core.server.shapes.recipe_status import CONTAINER_MACRO
from swaplab_core.server.shapes.recipes import active_shape, at, backend_card, backend_shape
from swaplab_core.services.backends.checkouts import Checkouts
from swaplab_core.services.backends.jobs import FORMATS, LEGACY_FIELDS, BackendJobs
from swaplab_core.services.backends.notes import Seen, notes_of
from swaplab_core.services.recipes.managed_models import ManagedModels

OUTPUT_BYTES = 120_000
CUT = "[...output truncated...]\n"

_STATES = {
    JobState.SUCCEEDED: "success",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
    JobState.INTERRUPTED: "failed",
}


@define(eq=False)
class BackendRoutes:
    """Older routes answer from the job service, so what they start outlives the connection."""

    error_shape: ClassVar[ErrorShape] = staticmethod(ops_error)
    jobs: BackendJobs
    managed: ManagedModels

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/recipes/backends", Policy.READ, self.cards),
            get("/api/recipes/cards", Policy.READ, self.page),
            put("/api/recipes/backends/{backend}/image", Policy.ADMIN, self.choose_image),
            get("/api/recipes/backend", Policy.READ, self.active),
            put("/api/recipes/backend", Policy.ADMIN, self.activate),
            post("/api/recipes/backend/action", Policy.ADMIN, self.act),
            get("/api/recipes/backend/action-status", Policy.READ, self.status),
            get("/api/recipes/containers", Policy.READ, self.containers),
            get("/api/recipes/selected-container", Policy.READ, self.selected_container),
            put("/api/recipes/selected-container", Policy.ADMIN, self.select_container),
        ]

    async def cards(self, _: web.Request) -> web.Response:
        """Every backend folder: kind, checkout, image, actions."""
        active, state, catalogue = await self.jobs.backends.active_state()
        cards = [{**self._card(one), "active": one is state} for one in catalogue.backends]
        known = {
            "active": str(active.folder),
            "activeSource": active.source,
            "imagesError": self.jobs.backends.images_error,
        }
        return json_response({**known, "backends": cards})

    async def page(self, _: web.Request) -> web.Response:
        """The backend folders as cards: what each is, what is wrong with it, what can be done with it."""
        backends = self.jobs.backends
        active, state, catalogue = await backends.active_state()
        checkouts = await Checkouts(backends.view).all(catalogue.backends)
        cards = []
        for one in catalogue.backends:
            checkout = checkouts.get(one.id)
            notes = notes_of(one, catalogue, Seen(backends.image_choice(one), checkout, backends.images_error))
            cards.append(backend_card({**self._card(one), "active": one is state}, notes, checkout))
        return json_response({"items": cards, "active": str(active.folder)})

    async def active(self, _: web.Request) -> web.Response:
        """The active backend."""
        return json_response(await self._active())

    async def activate(self, request: web.Request) -> web.Response:
        """Choose the active backend by `{"backendDir"}` and keep the choice; an empty text takes it back."""
        body = await read_object(request)
        if "backendDir" in body:
            written = body["backendDir"]
            if not isinstance(written, str):
                raise InvalidRequest("backendDir must be a text")
            await self.jobs.backends.activate(written)
        return json_response(await self._active())

    async def choose_image(self, request: web.Request) -> web.Response:
        """Choose the image of a backend by `{"image"}`; an empty text takes the choice back."""
        body = await read_object(request)
        catalogue = await self.jobs.backends.look()
        state = catalogue.backend(request.match_info["backend"])
        await self.jobs.backends.choose_image(state, str(body.get("image") or "").strip())
        return json_response(self._card((await self.jobs.backends.look()).backend(state.id)))

    # actions

    async def act(self, request: web.Request) -> web.Response:
        """Run `{"action", …}` on the active backend (or `backend`) and wait; `{"wait": false}` answers 202 at once."""
        body = await read_object(request)
        action = str(body.get("action") or "").strip().lower()
        state = await self._target(body)
        offered = self.jobs.backends.actions(state).get(action)
        if offered is not None and offered.spec.unavailable:
            raise InvalidRequest(f"{offered.spec.title} cannot be done: {offered.spec.unavailable}")
        job = self.jobs.submit(action, _form(body), state, exclusive=body.get("wait") is not False)
        if body.get("wait") is False:
            shape = {"job": job.id, "action": action, "backendDir": str(state.folder)}
            return web.Response(status=HTTPStatus.ACCEPTED, body=orjson.dumps(shape), content_type="application/json")
        return await self._outcome(await self.jobs.backends.view.wait(job.id), action, state)

    async def status(self, _: web.Request) -> web.Response:
        """The action that runs, else the last one, with its output so far."""
        job = self.jobs.latest()
        if job is None:
            return json_response({"running": False, "state": "idle"})
        running = not job.state.is_over
        shape: dict[str, Any] = {
            "running": running,
            "action": job.kind.partition(":")[2],
            "backendDir": self._folder(job.target),
            "command": job.command,
            "state": "running" if running else _STATES[job.state],
            "startedAt": at(job.started or job.created),
            "updatedAt": at(job.ended or job.started or job.created),
            "durationMs": _milliseconds(job),
            "output": await self._output(job),
            "job": job.id,
        }
        return json_response(shape | ({"error": job.error} if job.error else {}))

    async def _outcome(self, job: Job, action: str, state: BackendState) -> web.Response:
        shape = {
            "action": action,
            "backendDir": str(state.folder),
            "command": job.command,
            "output": await self._output(job),
            "durationMs": _milliseconds(job),
            "job": job.id,
        }
        if job.state is JobState.SUCCEEDED:
            return json_response({**shape, "message": f"{job.title} succeeded"})
        hint = "local commits are in the way: use git_pull_rebase" if action == "git_pull" else ""
        error = NodeError(job.error or f"{job.title} was {job.state.value}", advice=hint)
        return ops_response(error, HTTPStatus.BAD_GATEWAY, **shape)

    async def _output(self, job: Job) -> str:
        """The end of what a job has printed."""
        try:
            text = await self.jobs.backends.view.job_log(job.id, max(0, job.log_bytes - OUTPUT_BYTES))
        except SwaplabError:
            return ""
        return text if job.log_bytes <= OUTPUT_BYTES else CUT + text

    async def _target(self, body: Mapping[str, Any]) -> BackendState:
        if body.get("backend"):
            return (await self.jobs.backends.look()).backend(str(body["backend"]))
        active, state, _ = await self.jobs.backends.active_state()
        if state is None:
            raise InvalidRequest(
                f"{active.folder} is no backend folder", advice="choose one with PUT /api/recipes/backend"
            )
        return state

    # images

    async def containers(self, _: web.Request) -> web.Response:
        """The images that models may run in: chosen, built, named by recipes, on this machine."""
        return web.Response(body=orjson.dumps(await self._containers()), content_type="application/json")

    async def selected_container(self, _: web.Request) -> web.Response:
        """The image that new models of the active backend run in."""
        return json_response({"selectedContainer": await self._selected()})

    async def select_container(self, request: web.Request) -> web.Response:
        """Choose `{"container"}` for the active backend and keep the choice."""
        container = str((await read_object(request)).get("container") or "").strip()
        if not container:
            raise InvalidRequest("container is required")
        if container not in await self._containers():
            raise InvalidRequest("invalid container", advice="see GET /api/recipes/containers")
        state = await self._target({})
        await self.jobs.backends.choose_image(state, container)
        return json_response({"selectedContainer": container})

    async def _containers(self) -> list[str]:
        catalogue = await self.jobs.backends.look()
        choices = [self.jobs.backends.image_choice(state) for state in catalogue.backends]
        return list(dict.fromkeys(image for choice in choices if choice for image in choice.available))

    async def _selected(self) -> str:
        _, state, _ = await self.jobs.backends.active_state()
        choice = self.jobs.backends.image_choice(state) if state is not None else None
        macro = self.managed.edits.macros().get(CONTAINER_MACRO)
        if choice is None:
            return str(macro or "")
        return str(macro) if macro and choice.selected == choice.default else choice.selected

    async def _active(self) -> dict[str, Any]:
        active, state, catalogue = await self.jobs.backends.active_state()
        folders = [str(active.folder), *(str(one.folder) for one in catalogue.backends)]
        return active_shape(active, list(dict.fromkeys(folders)), None if state is None else self._card(state))

    def _card(self, state: BackendState) -> dict[str, Any]:
        backends = self.jobs.backends
        driver = backends.world.drivers.get(state.driver)
        actions = backends.actions(state)
        hints = {id_: backends.hint(found, state) for id_, found in actions.items()}
        return backend_shape(state, driver, actions, hints, backends.image_choice(state))

    def _folder(self, target: str) -> str:
        found = (state for state in self.jobs.backends.last.backends if state.id == target)
        return next((str(state.folder) for state in found), target)


def _form(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a form is filled with: `input`, or the fields of older clients."""
    if isinstance(body.get("input"), Mapping):
        return dict(body["input"])
    form = {field: str(body[key]).strip() for key, field in LEGACY_FIELDS.items() if str(body.get(key) or "").strip()}
    written = str(body.get("hfFormat") or "").strip().lower()
    if "hfModel" in body:
        if written not in FORMATS:
            raise InvalidRequest(f"unsupported hfFormat {written!r}", advice="write safetensors or gguf")
        form["format"] = FORMATS[written]
    return form


def _milliseconds(job: Job) -> int:
    return int(((job.ended or job.started or job.created) - (job.started or job.created)) * 1000)
