"""What may stand in a recipe, as JSON Schema: editors complete and explain keys by it. It refuses nothing.

Parsers say what is wrong with a text; a schema only helps to write one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TOP: Mapping[str, Schema] = {
    "recipe_version": {"enum": ["1", "2"], "description": "the schema of this file, in quotes"},
    "recipe_ref": {"type": "string", "description": "a name of its own, by which models refer to it"},
    "name": {"type": "string", "description": "the name for people"},
    "description": {"type": "string", "description": "what it is good for"},
    "model": {"type": "string", "description": "organisation/name on the model hub"},
    "model_revision": {"type": "string", "description": "a commit of the model"},
    "runtime": {"type": "string", "description": "the engine"},
    "backend": {"type": "string", "description": "the backend folder whose runner launches it"},
    "container": {"type": "string", "description": "an image reference, not the name of a container"},
    "command": {"type": "string", "description": "what serves; {name} stands for a default, {{ and }} for braces"},
    "solo_only": {"type": "boolean", "description": "it runs on one node only"},
    "cluster_only": {"type": "boolean", "description": "it needs several nodes"},
    "min_nodes": {"type": "integer", "description": "it needs at least so many nodes"},
    "max_nodes": {"type": "integer", "description": "it uses at most so many nodes"},
    "mods": {"type": "array", "items": {"type": "string"}, "description": "folders with a run.sh, below the backend"},
    "build_args": {"type": "array", "items": {"type": "string"}, "description": "words for the build of the image"},
    "env": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "variables of the engine; $( ) and ` expand inside the container",
    },
}
"""Keys that several formats share."""

DEFAULTS: Mapping[str, Schema] = {
    "port": {"type": "integer", "description": "the port; a launch gives another one"},
    "host": {"type": "string", "description": "the address to listen at"},
    "tensor_parallel": {"type": "integer", "description": "GPUs that each layer is split over"},
    "pipeline_parallel": {"type": "integer", "description": "groups of layers, one after the other"},
    "data_parallel": {"type": "integer", "description": "copies of the model"},
    "gpu_memory_utilization": {"type": "number", "description": "the share of the GPU's memory, 0 to 1"},
    "max_model_len": {"type": "integer", "description": "the longest context, in tokens"},
    "max_num_seqs": {"type": "integer", "description": "the most requests at once"},
    "max_num_batched_tokens": {"type": "integer", "description": "the most tokens in one step"},
    "served_model_name": {"type": "string", "description": "the name that the engine answers to"},
    "kv_cache_dtype": {"type": "string", "description": "the type of the cache's numbers"},
    "extra_args": {"type": "string", "description": "more arguments for the engine"},
}
"""Template parameters that most engines know."""


def recipe_schema(
    *keys: str, more: Mapping[str, Schema] | None = None, defaults: Mapping[str, Schema] | None = None
) -> Schema:
    """Make a schema of shared keys by name, `more` of the format's own, and what may stand below `defaults`."""
    below = {
        "type": "object",
        "properties": dict(DEFAULTS if defaults is None else defaults),
        "additionalProperties": {},
        "description": "values for the names in the command",
    }
    properties = {**{key: TOP[key] for key in keys}, **(more or {}), "defaults": below}
    return {"type": "object", "properties": properties, "additionalProperties": {}}


def with_choices(schema: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> Schema:
    """Offer these values for a key that the schema has."""
    properties = schema.get("properties") or {}
    if key not in properties or not choices:
        return dict(schema)
    return {**schema, "properties": {**properties, key: {**properties[key], "enum": list(choices)}}}
