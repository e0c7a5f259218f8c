"""Put a `Config` together: read the sections, and each model with the options of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from swaplab_core.config.converter import read
from swaplab_core.config.didyoumean import did_you_mean, names
from swaplab_core.config.document import EMPTY, MapNode, Node, child_map, place_of, to_python
from swaplab_core.config.expansion import backend_name
from swaplab_core.config.resolve import Entry, resolve_model, resolve_sections, with_models
from swaplab_core.config.schema import BackendSchema, Config, ModelConfig
from swaplab_core.config.structure import file_keys, unknown_keys
from swaplab_core.config.switches import SwitchedOff
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import RecipeSettings
from swaplab_core.domain.recipe_settings import read_settings


def assemble(
    root: MapNode,
    backends: Mapping[str, BackendSchema],
    sections: Mapping[str, type],
    ports: Mapping[ModelId, int],
    off: SwitchedOff,
) -> tuple[Config, tuple[Problem, ...]]:
    """Return the configuration, with defaults in the place of what is wrong, and every problem met."""
    top = root.without(("models",)) if isinstance(root.get("models"), MapNode) else root
    config, problems = read(top, Config)
    found = [*unknown_keys(top, ("the file", Config)), *problems]
    config = evolve(resolve_sections(config or Config()), plugin_settings=_read_plugins(root, sections, off, found))
    models: dict[ModelId, ModelConfig] = {}
    entries = child_map(root, "models")
    for key, node in entries.items():
        model = ModelId(key)
        entry = _read_entry(model, evolve(node, place=entries.key_place(key)), backends, off, found)
        models[model] = resolve_model(entry, config, port=ports.get(model))
    return with_models(config, models), tuple(found)


def _read_plugins(
    root: MapNode, sections: Mapping[str, type], off: SwitchedOff, found: list[Problem]
) -> dict[str, Any]:
    """Read the settings of each plugin; one that has required keys and nothing written is left out."""
    written = child_map(root, "plugins")
    for name in written.keys() - sections.keys() - off.plugins.keys():
        advice = did_you_mean(name, sections) or "install it, or remove its settings"
        found.append(written.key_place(name).warning(f"no plugin '{name}' that has settings is installed", advice))
    settings: dict[str, Any] = {}
    for name, cls in sections.items():
        node = written.get(name)
        values: Any
        values, problems = read(EMPTY if node is None else node, cls)
        if node is not None:
            node = evolve(node, place=written.key_place(name))
            found.extend([*unknown_keys(node, (f"plugin '{name}'", cls)), *problems])
        if values is not None:
            settings[name] = values
    return settings


def _read_entry(
    model: ModelId, node: Node, backends: Mapping[str, BackendSchema], off: SwitchedOff, found: list[Problem]
) -> Entry:
    """Read the keys that every model has, and the options of its backend (None when they cannot be read)."""
    values, problems = read(node, ModelConfig)
    found.extend(problems)
    values = values or ModelConfig()
    if not isinstance(node, MapNode):
        return Entry(model, EMPTY, values, None)
    settings = _read_recipe(node, backends, found)
    options = _read_options(node, backends, off, found)
    if settings is None and options is not None:
        missing = backends[values.backend].needed(options)
        found.extend(node.place.problem(f"'{key}' is missing", f"write `{key}:` here") for key in missing)
    return Entry(model, node, _without_refused(values, backends), options, settings)


def _without_refused(values: ModelConfig, backends: Mapping[str, BackendSchema]) -> ModelConfig:
    """Strip the fields of requests that the engine would refuse."""
    schema = backends.get(values.backend)
    if schema is None or not schema.drop_fields:
        return values
    params = tuple(sorted({*values.filters.strip_params, *schema.drop_fields}))
    return evolve(values, filters=evolve(values.filters, strip_params=params))


def _read_recipe(node: MapNode, backends: Mapping[str, BackendSchema], found: list[Problem]) -> RecipeSettings | None:
    """Read the settings of a model that uses a recipe; of any other they are only a note."""
    schema = backends.get(backend_name(node.get("backend")))
    written = child_map(node, "metadata", "recipe_ui")
    if schema is None or not schema.runs_recipes or not written:
        return None
    settings, misfits = read_settings(to_python(written))
    for misfit in misfits:
        place = place_of(written, misfit.key)
        found.append(place.problem(f"recipe_ui.{misfit.key}: {misfit.message}", misfit.advice))
    return settings


def _read_options(node: MapNode, backends: Mapping[str, BackendSchema], off: SwitchedOff, found: list[Problem]) -> Any:
    name = backend_name(node.get("backend"))
    if name not in backends:
        place = node["backend"].place if "backend" in node else node.place
        if name in off.backends:
            message = f"this model cannot be started: backend '{name}' is switched off with {off.backends[name]}"
            found.append(place.warning(message, f"swaplab plugins enable {off.backends[name]}, then start it again"))
            return None
        advice = f"{did_you_mean(name, backends)} installed: {names(backends)}".strip()
        found.append(place.problem(f"no backend '{name}' is installed", advice))
        return None
    options_class = backends[name].options
    found.extend(unknown_keys(node, ("every model", ModelConfig), (f"backend '{name}'", options_class)))
    options, problems = read(node.without(file_keys(ModelConfig)), options_class)
    found.extend(problems)
    return options
