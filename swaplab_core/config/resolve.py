"""What the values stand for once all are read: inherited ones, 0 and -1 that mean a default, names tidied up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from attrs import evolve, frozen

from swaplab_core.config.check_values import SHORTEST_HEALTH_CHECK_SECONDS
from swaplab_core.config.document import MapNode, is_written
from swaplab_core.config.schema import (
    DEFAULT_CONCURRENCY,
    DEFAULT_GROUP,
    DEFAULT_IGNORED_PATHS,
    Config,
    Filters,
    GroupConfig,
    ModelConfig,
)
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.recipe import RecipeSettings

T = TypeVar("T")

COMFYUI = "comfyui_auto"
_COMFYUI_CONCURRENCY = 50
_DEFAULTS = Config()
_NO_FILTERS = Filters()


@frozen
class Entry:
    """A model as read: its id, its keys as written, their values, its backend's options and its recipe settings."""

    id: ModelId
    node: MapNode
    model: ModelConfig
    options: Any
    recipe: RecipeSettings | None = None


def resolve_model(entry: Entry, config: Config, *, port: int | None) -> ModelConfig:
    """Work out what a model inherits, and what 0, -1 and `none` stand for."""
    model, node = entry.model, entry.node
    by_id = (name for name in model.filters.set_params_by_id if name != entry.id)
    model = evolve(
        model,
        id=entry.id,
        options=entry.options,
        recipe=entry.recipe,
        port=port,
        check_endpoint_given=is_written(node, "checkEndpoint"),
        check_endpoint=None if (model.check_endpoint or "").strip() == "none" else model.check_endpoint,
        ttl_seconds=config.global_ttl_seconds if model.ttl_seconds == -1 else model.ttl_seconds,
        unload_timeout_seconds=model.unload_timeout_seconds or config.unload_timeout_seconds,
        concurrency_limit=model.concurrency_limit or DEFAULT_CONCURRENCY,
        send_loading_state=(model if is_written(node, "sendLoadingState") else config).send_loading_state,
        filters=_harmless(model.filters),
        aliases=_unique((*model.aliases, *by_id)),
    )
    return _for_comfyui(model) if model.id == COMFYUI else model


def _for_comfyui(model: ModelConfig) -> ModelConfig:
    """Open browser tabs of ComfyUI hold many connections, and must not load the model again."""
    limit = max(model.concurrency_limit, _COMFYUI_CONCURRENCY)
    return evolve(model, concurrency_limit=limit, compat=evolve(model.compat, ignore_websockets=True))


def resolve_sections(config: Config) -> Config:
    """Work out the top-level keys that mean something else than they say."""
    performance, activity = config.performance, config.ui.activity
    has_rows = config.metrics_max_in_memory > 0
    return evolve(
        config,
        health_check_timeout_seconds=max(config.health_check_timeout_seconds, SHORTEST_HEALTH_CHECK_SECONDS),
        unload_timeout_seconds=config.unload_timeout_seconds or _DEFAULTS.unload_timeout_seconds,
        metrics_max_in_memory=config.metrics_max_in_memory if has_rows else _DEFAULTS.metrics_max_in_memory,
        performance=evolve(performance, every_seconds=performance.every_seconds or _DEFAULTS.performance.every_seconds),
        upstream=evolve(config.upstream, ignore_paths=config.upstream.ignore_paths or DEFAULT_IGNORED_PATHS),
        peers={name: evolve(peer, filters=_harmless(peer.filters)) for name, peer in config.peers.items()},
        profiles={name: evolve(profile, pins=_pins(profile.pins)) for name, profile in config.profiles.items()},
        ui=evolve(config.ui, activity=evolve(activity, session_id=_headers(activity.session_id))),
    )


def with_models(config: Config, models: Mapping[ModelId, ModelConfig]) -> Config:
    """Add the models, and what speaks of them: groups and preload."""
    config = evolve(config, models=models, groups=_groups(config, models))
    preload = (config.find(name.strip()) for name in config.hooks.on_startup.preload)
    on_startup = evolve(config.hooks.on_startup, preload=_unique(model.id for model in preload if model))
    return evolve(config, hooks=evolve(config.hooks, on_startup=on_startup))


def _groups(config: Config, models: Mapping[ModelId, ModelConfig]) -> Mapping[str, GroupConfig]:
    groups = {name: group for name, group in config.routing.router.settings.groups.items() if name != DEFAULT_GROUP}
    grouped = {member for group in groups.values() for member in group.members}
    return {**groups, DEFAULT_GROUP: GroupConfig(members=tuple(sorted(models.keys() - grouped)))}


def _pins(written: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """An empty target switches a name off, as `~` does."""
    return {name: target or None for name, target in written.items()}


def _harmless(filters: Filters) -> Filters:
    """Sort the parameters, and leave `model` out: it says which model serves the request."""
    if filters == _NO_FILTERS:
        return filters
    by_id = {name: _parameters(parameters) for name, parameters in filters.set_params_by_id.items()}
    return evolve(filters, set_params=_parameters(filters.set_params), set_params_by_id=by_id)


def _parameters(written: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: written[name] for name in sorted(written) if name != "model"}


def _headers(written: Iterable[str]) -> tuple[str, ...]:
    """Trim header names and keep each once, whatever its case."""
    by_lower: dict[str, str] = {}
    for name in written:
        if name.strip():
            by_lower.setdefault(name.strip().lower(), name.strip())
    return tuple(by_lower.values())


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
