"""Listing, loading, unloading and planning models: llama-swap's routes, and our own richer ones below /api."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from attrs import define, field

from swaplab_core.config.redact import without_secrets
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.engine import SwapPlan
from swaplab_core.plugin.run_command import read_run
from swaplab_core.server.body import model_name, parse_object, read_body
from swaplab_core.server.route import Endpoint, get, post
from swaplab_core.server.shapes.projections import LLAMA_SWAP_STATES, STOPPED, Projections
from swaplab_core.services.models.lifecycle import Models, ModelState
from swaplab_core.services.models.memory import Memory, Verdict
from swaplab_core.services.models.request_router import RequestRouter


@define(eq=False)
class ModelRoutes:
    """GET lists, POST acts; `/unload` also answers GET, as llama-swap's does."""

    models: Models
    names: RequestRouter
    show: Projections
    memory: Memory
    _created: int = field(factory=lambda: int(time.time()), init=False)

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/health", Policy.OPEN, self.health),
            get("/v1/models", Policy.INFER, self.listing),
            get("/models", Policy.INFER, self.listing),
            get("/wol-health", Policy.OPEN, self.health),
            get("/running", Policy.READ, self.running),
            get("/unload", Policy.OPERATE, self.unload_all_plain),
            post("/api/models/unload", Policy.OPERATE, self.unload_all),
            post("/api/models/unload/{model:.+}", Policy.OPERATE, self.unload_one),
            get("/api/models", Policy.READ, self.states),
            get("/api/models/{model:.+}", Policy.READ, self.detail),
            post("/api/models/load/{model:.+}", Policy.OPERATE, self.load),
            post("/api/plan", Policy.READ, self.plan),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """The daemon is there; says nothing of the models."""
        return web.Response(text="OK")

    async def listing(self, _: web.Request) -> web.Response:
        """The OpenAI model list, sorted by id."""
        records = self.names.listing(self.models.phase, self._created).records()
        return json_response({"object": "list", "data": records})

    async def running(self, _: web.Request) -> web.Response:
        """Models that hold a process, in llama-swap's shape."""
        states = sorted(self.models.states(), key=lambda state: state.config.id)
        return json_response(
            {"running": [_running(state) for state in states if LLAMA_SWAP_STATES[state.phase] != STOPPED]}
        )

    async def unload_all_plain(self, _: web.Request) -> web.Response:
        """Unload everything; answers when all are gone."""
        await self.models.unload()
        return web.Response(text="OK")

    async def unload_all(self, _: web.Request) -> web.Response:
        """Unload everything; answers when all are gone."""
        await self.models.unload()
        return json_response({"msg": "ok"})

    async def unload_one(self, request: web.Request) -> web.Response:
        """Unload one model by id or alias; answers when it is gone."""
        await self.models.unload([request.match_info["model"]])
        return web.Response(text="OK")

    async def states(self, _: web.Request) -> web.Response:
        """Every model with its state, load progress and queue."""
        return json_response({"models": self.show.models()})

    async def detail(self, request: web.Request) -> web.Response:
        """One model by id or alias, with how it is launched."""
        model = self.models.find(request.match_info["model"])
        launch = await self._launch(model.id)
        container = {"container": launch.pop("container") or self.show.container(model.id)}
        return json_response(self.show.detail(model) | launch | container)

    async def _launch(self, model: ModelId) -> dict[str, Any]:
        """How it would be started now; of its environment names only, of its arguments no secrets."""
        try:
            spec = await self.memory.spec(model)
        except SwaplabError as error:
            return {"launch": None, "launch_problem": str(error), "container": None}
        return {"launch": _launch_record(spec), "launch_problem": "", "container": _container(spec)}

    async def load(self, request: web.Request) -> web.Response:
        """Bring a model up; answers when it is ready."""
        state = await self.models.load(request.match_info["model"])
        return json_response(self.show.model(state.config.id) or {})

    async def plan(self, request: web.Request) -> web.Response:
        """What a request for `{"model": …}` would do now; nothing is done."""
        name = model_name(parse_object(await read_body(request)))
        plan = self.models.plan(name)
        return json_response(_plan(plan) | {"memory": _verdict(await self.memory.verdict(plan))})


def json_response(value: Mapping[str, Any]) -> web.Response:
    """One JSON answer."""
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _running(state: ModelState) -> dict[str, Any]:
    model = state.config
    return {
        "model": model.id,
        "state": LLAMA_SWAP_STATES[state.phase],
        "cmd": state.command,
        "proxy": state.base_url,
        "ttl": int(model.ttl_seconds),
        "name": model.name,
        "description": model.description,
    }


def _plan(plan: SwapPlan) -> dict[str, Any]:
    return {
        "model": plan.model,
        "verdict": plan.verdict.value,
        "position": plan.position,
        "evictions": [
            {"model": gone.model, "to": gone.to.name.lower(), "cost": gone.cost, "reason": gone.reason}
            for gone in plan.evictions
        ],
        "starts": list(plan.starts),
        "waits_for": list(plan.waits_for),
        "refusal": plan.refusal.value if plan.refusal else None,
        "reason": plan.reason,
        "complete": plan.complete,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "basis": verdict.need.basis.value,
        "measured_at": verdict.need.at or None,
        "fits": verdict.is_enough,
        "places": [
            {
                "where": place.where,
                "needs_bytes": place.needs_bytes,
                "free_bytes": place.free_bytes,
                "freed_bytes": place.freed_bytes,
                "total_bytes": place.total_bytes,
                "fits": place.is_enough,
            }
            for place in verdict.places
        ],
    }


def _container(spec: LaunchSpec) -> dict[str, str] | None:
    """The container that a command line runs; its name is "" when the engine chooses one."""
    run = read_run(spec.argv)
    return {"image": run.image, "name": run.name} if run else None


def _launch_record(spec: LaunchSpec) -> dict[str, Any]:
    return {
        "command": shlex.join(without_secrets(spec.argv)),
        "base_url": spec.base_url,
        "cwd": str(spec.cwd) if spec.cwd else "",
        "environment": sorted(spec.env),
        "node": spec.node,
        "ready_path": spec.readiness.path,
        "ready_within_seconds": spec.readiness.deadline_seconds,
        "stop": shlex.join(spec.stop.argv) or "SIGTERM",
        "stop_within_seconds": spec.stop.grace_seconds,
        "can_sleep": spec.sleep is not None,
        "before": [step.title for step in spec.before],
        "after": [step.title for step in spec.after],
    }
