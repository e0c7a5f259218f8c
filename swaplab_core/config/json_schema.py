"""JSON Schema (2020-12) of the file, for editors, made of the same classes that read it.

Numbers and words may also be a macro, `"${ctx}"`; the older shapes are there, marked as deprecated.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import NOTHING, Attribute

from swaplab_core.config.readers import NO, YES
from swaplab_core.config.schema import (
    DEFAULT_BACKEND,
    BackendSchema,
    Config,
    GroupConfig,
    MatrixConfig,
    ModelConfig,
)
from swaplab_core.config.structure import fields_by_key, reader_name

Schema = dict[str, Any]

_NO_SECTIONS: Mapping[str, type] = MappingProxyType({})
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MACRO: Schema = {"type": "string", "pattern": r"\$\{"}
_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_WRITTEN_AS: Mapping[str, Schema] = {
    "command": {"type": "string"},
    "comma_list": {"type": "string"},
    "go_duration": {"type": ["string", "integer"]},
    "assignments": {"type": "array", "items": {"type": "string", "pattern": "="}},
}


def json_schema(backends: Mapping[str, BackendSchema], sections: Mapping[str, type] = _NO_SECTIONS) -> Schema:
    """Return the schema of a file, with the keys of the installed backends and the settings of plugins."""
    schema = _class_schema(Config)
    schema["properties"]["models"] = {
        "description": fields_by_key(Config)["models"].metadata["help"],
        "type": ["object", "null"],
        "additionalProperties": _model_schema(backends),
    }
    schema["properties"]["plugins"] |= {"properties": {name: _class_schema(cls) for name, cls in sections.items()}}
    schema["properties"]["groups"] = _mapping_of(_class_schema(GroupConfig)) | _deprecated("groups")
    schema["properties"]["matrix"] = _class_schema(MatrixConfig) | _deprecated("matrix")
    return {"$schema": _DIALECT, "title": "swaplab configuration", **schema}


def _deprecated(key: str) -> Schema:
    return {"deprecated": True, "description": f"older place of routing.router.settings.{key}"}


def _model_schema(backends: Mapping[str, BackendSchema]) -> Schema:
    """Describe a model: the keys all have, and those of the backend it names."""
    schema = _class_schema(ModelConfig)
    del schema["additionalProperties"]
    schema["properties"]["backend"] |= {"enum": sorted(backends)}
    schema["properties"]["filters"]["properties"]["strip_params"] = {"type": "string", "deprecated": True}
    schema["allOf"] = [_when_backend(name, _class_schema(backends[name].options)) for name in sorted(backends)]
    return schema | {"unevaluatedProperties": False}


def _when_backend(name: str, options: Schema) -> Schema:
    condition: Schema = {"properties": {"backend": {"const": name}}}
    if name != DEFAULT_BACKEND:
        condition["required"] = ["backend"]
    then = {key: options[key] for key in ("properties", "required") if key in options}
    return {"if": condition, "then": then}


def _class_schema(cls: type) -> Schema:
    fields = fields_by_key(cls)
    required = [key for key, field in fields.items() if field.default is NOTHING]
    schema: Schema = {
        "type": "object",
        "properties": {key: _field_schema(field) for key, field in fields.items()},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    return schema | ({"required": required} if required else {})


def _field_schema(field: Attribute[Any]) -> Schema:
    written = _WRITTEN_AS.get(reader_name(field))
    schema = dict(written) if written else _type_schema(field.type)
    schema = _limited(schema, field)
    notes: Schema = {}
    if text := field.metadata.get("help"):
        unit = field.metadata.get("unit")
        notes["description"] = f"{text} ({unit})" if unit else text
    if isinstance(field.default, bool | int | float | str) and not written:
        notes["default"] = field.default
    return schema | notes


def _limited(schema: Schema, field: Attribute[Any]) -> Schema:
    minimum, choices = field.metadata.get("minimum"), field.metadata.get("choices")
    if minimum is not None:
        return {"anyOf": [{"type": "integer" if field.type is int else "number", "minimum": minimum}, _MACRO]}
    if choices and "items" in schema:
        return schema | {"items": {"anyOf": [{"enum": list(choices)}, _MACRO]}}
    if choices:
        return {"anyOf": [{"enum": list(choices)}, _MACRO]}
    return schema


def _type_schema(type_: Any) -> Schema:
    if attrs.has(type_):
        return _class_schema(type_)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in {types.UnionType, Union}:
        members = [{"type": "null"} if member is types.NoneType else _type_schema(member) for member in arguments]
        return {"anyOf": members}
    if origin in {tuple, list, frozenset, Sequence}:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin in {dict, Mapping}:
        return _mapping_of(_type_schema(arguments[1]))
    if origin is Literal:
        return {"anyOf": [{"enum": list(arguments)}, _MACRO]}
    return _plain_schema(type_)


def _plain_schema(type_: Any) -> Schema:
    names = {int: "integer", float: "number"}
    type_ = getattr(type_, "__supertype__", type_)
    if type_ is bool:
        return {"anyOf": [{"type": "boolean"}, {"enum": sorted(YES | NO)}, _MACRO]}
    if type_ in names:
        return {"anyOf": [{"type": names[type_]}, _MACRO]}
    if type_ is str or (isinstance(type_, type) and issubclass(type_, PurePath)):
        return dict(_TEXT)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return {"anyOf": [{"enum": [member.value for member in type_]}, _MACRO]}
    return {}


def _mapping_of(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}
