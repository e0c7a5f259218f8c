"""What the inside looks like from outside: the JSON shapes that several routes and the event stream share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from swaplab_core.config.redact import without_secrets
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import JobId
from swaplab_core.engine import Phase
from swaplab_core.runtime.inflight import InFlight, Request
from swaplab_core.runtime.jobs import Jobs
from swaplab_core.server.shapes.jobs import job_record
from swaplab_core.server.shapes.recipe_status import recipe_status
from swaplab_core.services.models.lifecycle import Models, ModelState
from swaplab_core.services.models.listing import describe_capabilities
from swaplab_core.services.models.request_router import RequestRouter
from swaplab_core.services.recipes.catalogue import RecipeCatalogue

JOBS_SHOWN = 50
STOPPED = "stopped"
LLAMA_SWAP_STATES = {
    Phase.STOPPED: STOPPED,
    Phase.ASLEEP: STOPPED,
    Phase.STARTING: "starting",
    Phase.WAKING: "starting",
    Phase.READY: "ready",
    Phase.FALLING_ASLEEP: "stopping",
    Phase.STOPPING: "stopping",
}
"""What llama-swap's clients know: a sleeper is as good as stopped to them."""


@define(eq=False)
class Projections:
    """Reads the services, changes nothing."""

    config: Callable[[], Config]
    of_models: Models
    routes: RequestRouter
    inflight: InFlight
    of_jobs: Jobs
    recipes: Callable[[], RecipeCatalogue] = RecipeCatalogue
    _of_config: Config | None = field(default=None, init=False)
    _group_names: Mapping[ModelId, list[str]] = field(factory=dict, init=False)
    _of_recipes: tuple[Config, RecipeCatalogue] | None = field(default=None, init=False)
    _recipe_keys: Mapping[ModelId, dict[str, Any]] = field(factory=dict, init=False)

    def models(self) -> list[dict[str, Any]]:
        """Every model."""
        return [self._model(state) for state in self.of_models.states()]

    def model(self, model: ModelId) -> dict[str, Any] | None:
        """One model, None when the configuration no longer has it."""
        entry = self.config().models.get(model)
        return self._model(self.of_models.state(entry)) if entry else None

    def detail(self, entry: ModelConfig) -> dict[str, Any]:
        """One model with how it is launched. Of its environment the names only, for values may be secrets."""
        state = self.of_models.state(entry)
        return self._model(state) | {
            "command": shlex.join(without_secrets(shlex.split(state.command))),
            "environment": sorted(entry.env),
            "check_endpoint": entry.check_endpoint,
            "proxy": entry.proxy,
            "use_model_name": entry.use_model_name,
            "metadata": dict(entry.metadata),
        }

    def container(self, model: ModelId) -> dict[str, Any] | None:
        """The container that a model's recipe or metadata names, None without one."""
        image = self._recipes().get(model, {}).get("containerImage")
        return {"image": image, "name": ""} if image else None

    def requests(self) -> list[dict[str, Any]]:
        """Every request in flight."""
        return [self._request(request) for request in self.inflight.all()]

    def request(self, number: int) -> dict[str, Any] | None:
        """One request, None when it has ended."""
        request = self.inflight.get(number)
        return self._request(request) if request else None

    def jobs(self) -> list[dict[str, Any]]:
        """The newest jobs, and all that are not over."""
        every = self.of_jobs.all()
        return [job_record(job) for number, job in enumerate(every) if number < JOBS_SHOWN or not job.state.is_over]

    def job(self, job: JobId) -> dict[str, Any] | None:
        """One job, None when it is forgotten."""
        found = self.of_jobs.get(job)
        return job_record(found) if found else None

    def profile(self) -> dict[str, Any]:
        """The active profile."""
        return {"active": self.routes.profiles.active}

    def ui_config(self) -> dict[str, Any]:
        """What llama-swap's pages want to know."""
        return {"activity": {"session_id": list(self.config().ui.activity.session_id)}}

    def model_status(self) -> list[dict[str, Any]]:
        """llama-swap's list: our models sorted by id, then those of peers."""
        states, recipes = sorted(self.of_models.states(), key=lambda state: state.config.id), self._recipes()
        return [_status(state) | recipes.get(state.config.id, {}) for state in states] + [
            {
                "id": f"{peer_id}/{model}",
                "name": "",
                "description": "",
                "state": "",
                "unlisted": False,
                "peerID": peer_id,
            }
            for peer_id, peer in self.config().peers.items()
            for model in peer.models
        ]

    def _model(self, state: ModelState) -> dict[str, Any]:
        model, uses, config = state.config, self.inflight.uses(state.config.id), self.config()
        fifo = config.routing.scheduler.settings.fifo
        return model_record(state) | {
            "ttl_seconds": model.ttl_seconds,
            "concurrency_limit": model.concurrency_limit,
            "priority": fifo.priority.get(model.id, 0),
            "groups": self._groups(config).get(model.id, []),
            "load_seconds": self.of_models.expected_seconds(model.id),
            "requests": uses.count,
            "last_used": uses.last or None,
            **describe_capabilities(model.capabilities),
        }

    def _recipes(self) -> Mapping[ModelId, dict[str, Any]]:
        """What the recipes of the models say, made once for a configuration and what was seen of recipes last."""
        config, catalogue = self.config(), self.recipes()
        known = self._of_recipes
        if known is None or known[0] is not config or known[1] is not catalogue:
            self._of_recipes = config, catalogue
            self._recipe_keys = {
                model.id: recipe_status(model, config.macros, catalogue) for model in config.models.values()
            }
        return self._recipe_keys

    def _groups(self, config: Config) -> Mapping[ModelId, list[str]]:
        if self._of_config is not config:
            self._of_config, self._group_names = config, group_names(config)
        return self._group_names

    def _request(self, request: Request) -> dict[str, Any]:
        record = {
            "id": str(request.id),
            "timestamp": datetime.fromtimestamp(request.started_at, UTC).isoformat().replace("+00:00", "Z"),
            "model": request.model,
            "req_path": request.path,
            "method": request.method,
            "req_headers": dict(request.headers),
            "remote_ip": request.remote,
            "resp_headers": dict(request.response_headers),
            "resp_bytes": request.response_bytes,
            "elapsed_ms": round(self.inflight.elapsed(request) * 1000),
        }
        return record | ({"metadata": dict(request.metadata)} if request.metadata else {})


def group_names(config: Config) -> Mapping[ModelId, list[str]]:
    """The groups that each model is in; none where the matrix decides."""
    found: dict[ModelId, list[str]] = {}
    router = config.routing.router
    for name, group in router.settings.groups.items() if router.use == "group" else ():
        for model in group.members:
            found.setdefault(model, []).append(name)
    return found


def model_record(state: ModelState) -> dict[str, Any]:
    """One model in full."""
    model, progress = state.config, state.progress
    return {
        "id": model.id,
        "aliases": list(model.aliases),
        "name": model.name,
        "description": model.description,
        "backend": model.backend,
        "node": state.node,
        "recipe": model.recipe.recipe if model.recipe else "",
        "unlisted": model.unlisted,
        "state": state.phase.value,
        "stale": state.is_stale,
        "serving": state.serving,
        "waiting": state.waiting,
        "pid": state.pid,
        "base_url": state.base_url,
        "elapsed_seconds": round(state.elapsed_seconds, 3),
        "progress": {"stage": progress.stage, "fraction": progress.fraction} if progress else None,
    }


def _status(state: ModelState) -> dict[str, Any]:
    model = state.config
    record: dict[str, Any] = {
        "id": model.id,
        "name": model.name,
        "description": model.description,
        "state": LLAMA_SWAP_STATES[state.phase],
        "unlisted": model.unlisted,
        "peerID": "",
    }
    if model.aliases:
        record["aliases"] = list(model.aliases)
    shown = describe_capabilities(model.capabilities)
    return record | {key: shown[key] for key in ("capabilities", "context_length") if key in shown}
