"""Put a `Config` together: read the sections, read each model with the options of its backend, and work out what the
keys that were not written mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from attrs import evolve

from swaplab_core.config.check_values import SHORTEST_HEALTH_CHECK_SECONDS
from swaplab_core.config.didyoumean import did_you_mean, names
from swaplab_core.config.document import MapNode, Node, child_map, is_written
from swaplab_core.config.expansion import backend_name
from swaplab_core.config.schema import (
    DEFAULT_CONCURRENCY,
    DEFAULT_GROUP,
    DEFAULT_IGNORED_PATHS,
    BackendSchema,
    Config,
    Filters,
    GroupConfig,
    ModelConfig,
)
from swaplab_core.config.structure import file_keys, read, unknown_keys
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem

T = TypeVar("T")

COMFYUI = "comfyui_auto"
_COMFYUI_CONCURRENCY = 50


def assemble(
    root: MapNode, backends: Mapping[str, BackendSchema], ports: Mapping[ModelId, int]
) -> tuple[Config, tuple[Problem, ...]]:
    """Return the configuration, with defaults in the place of what is wrong, and every problem met."""
    config, problems = read(root.without("models"), Config)
    found = [*unknown_keys(root.without("models"), ("the file", Config)), *problems]
    config = _with_defaults(config or Config())
    models: dict[ModelId, ModelConfig] = {}
    entries = child_map(root, "models")
    for key, node in entries.items():
        model = _read_model(evolve(node, place=entries.key_place(key)), backends, found)
        models[ModelId(key)] = _resolved(evolve(model, id=ModelId(key), port=ports.get(ModelId(key))), node, config)
    return _with_models(config, models), tuple(found)


def _read_model(node: Node, backends: Mapping[str, BackendSchema], found: list[Problem]) -> ModelConfig:
    options_class = _options_class(node, backends, found)
    model, problems = read(node, ModelConfig)
    found.extend(problems)
    model = model or ModelConfig()
    if options_class is None or not isinstance(node, MapNode):
        return model
    named = f"backend '{backend_name(node.get('backend'))}'"
    found.extend(unknown_keys(node, ("every model", ModelConfig), (named, options_class)))
    options, problems = read(node.without(*file_keys(ModelConfig)), options_class)
    found.extend(problems)
    return evolve(model, options=options)


def _options_class(node: Node, backends: Mapping[str, BackendSchema], found: list[Problem]) -> type | None:
    if not isinstance(node, MapNode):
        return None
    name = backend_name(node.get("backend"))
    if name in backends:
        return backends[name].options
    place = node["backend"].place if "backend" in node else node.place
    advice = f"{did_you_mean(name, backends)} installed: {names(backends)}".strip()
    found.append(place.problem(f"no backend '{name}' is installed", advice))
    return None


def _resolved(model: ModelConfig, node: Node, config: Config) -> ModelConfig:
    """Work out what a model inherits, and what 0, -1 and `none` stand for."""
    written = node if isinstance(node, MapNode) else MapNode()
    has_endpoint = is_written(written, "checkEndpoint")
    model = evolve(
        model,
        check_endpoint_given=has_endpoint,
        check_endpoint=None if (model.check_endpoint or "").strip() == "none" else model.check_endpoint,
        ttl_seconds=config.global_ttl_seconds if model.ttl_seconds == -1 else model.ttl_seconds,
        unload_timeout_seconds=model.unload_timeout_seconds or config.unload_timeout_seconds,
        concurrency_limit=model.concurrency_limit or DEFAULT_CONCURRENCY,
        send_loading_state=(model if is_written(written, "sendLoadingState") else config).send_loading_state,
        filters=_harmless(model.filters),
        aliases=_unique((*model.aliases, *(name for name in model.filters.set_params_by_id if name != model.id))),
    )
    return _for_comfyui(model) if model.id == COMFYUI else model


def _for_comfyui(model: ModelConfig) -> ModelConfig:
    """Open browser tabs of ComfyUI hold many connections, and must not load the model again."""
    limit = max(model.concurrency_limit, _COMFYUI_CONCURRENCY)
    return evolve(model, concurrency_limit=limit, compat=evolve(model.compat, ignore_websockets=True))


def _with_defaults(config: Config) -> Config:
    """Work out the top-level keys that mean something else than they say."""
    defaults = Config()
    return evolve(
        config,
        health_check_timeout_seconds=max(config.health_check_timeout_seconds, SHORTEST_HEALTH_CHECK_SECONDS),
        unload_timeout_seconds=config.unload_timeout_seconds or defaults.unload_timeout_seconds,
        metrics_max_in_memory=config.metrics_max_in_memory
        if config.metrics_max_in_memory > 0
        else defaults.metrics_max_in_memory,
        performance=evolve(
            config.performance, every_seconds=config.performance.every_seconds or defaults.performance.every_seconds
        ),
        upstream=evolve(config.upstream, ignore_paths=config.upstream.ignore_paths or DEFAULT_IGNORED_PATHS),
        peers={name: evolve(peer, filters=_harmless(peer.filters)) for name, peer in config.peers.items()},
        profiles={name: evolve(profile, pins=_pins(profile.pins)) for name, profile in config.profiles.items()},
        ui=evolve(config.ui, activity=evolve(config.ui.activity, session_id=_headers(config.ui.activity.session_id))),
    )


def _pins(written: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """An empty target switches a name off, as `~` does."""
    return {name: target or None for name, target in written.items()}


def _harmless(filters: Filters) -> Filters:
    """Sort the parameters, and leave `model` out: it says which model serves the request."""
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


def _with_models(config: Config, models: Mapping[ModelId, ModelConfig]) -> Config:
    """Add the models, and what speaks of them: groups and preload."""
    config = evolve(config, models=models, groups=_groups(config, models))
    preload = (config.find(name.strip()) for name in config.hooks.on_startup.preload)
    on_startup = evolve(config.hooks.on_startup, preload=_unique(model.id for model in preload if model))
    return evolve(config, hooks=evolve(config.hooks, on_startup=on_startup))


def _groups(config: Config, models: Mapping[ModelId, ModelConfig]) -> Mapping[str, GroupConfig]:
    groups = {name: group for name, group in config.routing.router.settings.groups.items() if name != DEFAULT_GROUP}
    grouped = {member for group in groups.values() for member in group.members}
    return {**groups, DEFAULT_GROUP: GroupConfig(members=tuple(sorted(models.keys() - grouped)))}


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
