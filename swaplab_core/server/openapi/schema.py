"""Small pieces of JSON Schema, and schemas of our own values."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import attrs

Schema = Mapping[str, Any]

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
OBJECT: Schema = {"type": "object"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def record(**fields: Schema) -> Schema:
    """An object that has these fields, and may have others."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def partly(schema: Schema, **fields: Schema) -> Schema:
    """The same object with fields that may be left out."""
    return {**schema, "properties": {**schema.get("properties", {}), **fields}}


def listing(items: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def choice(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def shape(name: str) -> Schema:
    """One of the shared shapes."""
    return {"$ref": f"#/components/schemas/{name}"}


def described(schema: Schema, text: str) -> Schema:
    """The same with a word to the reader."""
    return {**schema, "description": text}


def schema_of(kind: Any) -> Schema:
    """The schema of a type, as cattrs writes its values: a class of ours, an enum, a container or a plain type."""
    if attrs.has(kind):
        hints = typing.get_type_hints(kind)
        return record(**{field.name: schema_of(hints[field.name]) for field in attrs.fields(kind) if field.init})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {types.UnionType, Union}:
        return {"anyOf": [schema_of(member) for member in arguments]}
    if origin in {tuple, list, frozenset, set, Sequence}:
        return listing(schema_of(arguments[0]))
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin is Literal:
        return {"enum": list(arguments)}
    plain = {str: TEXT, bool: FLAG, int: WHOLE, float: NUMBER, types.NoneType: {"type": "null"}}
    return plain.get(getattr(kind, "__supertype__", kind), ANYTHING)
