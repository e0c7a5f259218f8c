"""Forms: attrs classes whose fields say how a person fills them in, and the JSON Schema that is made of them.

One class is the form in the UI, the check of what comes back, and what the planner gets. `form_field` defines a field;
`form_schema` makes JSON Schema 2020-12 with `x-` hints; `read_form` makes an instance of what came as JSON. Keys are
the names of the fields in camelCase without a unit, as in the configuration file (`max_concurrent` is `maxConcurrent`,
`timeout_seconds` is `timeout`); `key=` says otherwise. Plugin settings (`swaplab_config_section`) work the same way.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from attrs import NOTHING, Attribute, frozen

from swaplab_core.config.converter import read
from swaplab_core.config.didyoumean import did_you_mean
from swaplab_core.config.document import ListNode, MapNode, Node, Place, Scalar
from swaplab_core.config.structure import MAPPINGS, SEQUENCES, UNIONS, fields_by_key

T = TypeVar("T")
Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@frozen
class Options:
    """Choices that are asked for when the form is shown.

    `url` (relative to the server's root) answers a list, or an object whose `items` is one; `value`, `label` and
    `group` name the keys of an item ("" for plain texts). `depends_on` are pointers (`/model`) of fields whose values
    are sent as query parameters, and whose change asks again. `free`: other texts may be typed.
    """

    url: str
    value: str = ""
    label: str = ""
    group: str = ""
    depends_on: tuple[str, ...] = ()
    free: bool = False


def form_field(
    title: str,
    default: Any = NOTHING,
    *,
    help: str = "",  # noqa: A002 - the word of the metadata
    widget: str = "",
    options: Options | None = None,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str = "",
    unit: str = "",
    key: str = "",
    group: str = "",
    order: int = 0,
    advanced: bool = False,
    show_if: Mapping[str, Any] | None = None,
    placeholder: str = "",
    doc_url: str = "",
    cli: str = "",
    restart: bool = False,
    persist: bool = False,
    secret: bool = False,
) -> Any:
    """Define a field of a form.

    `title` labels it, `help` explains it. `widget` is one of docs/reference/ui.md, where the type does not say enough;
    `show_if` maps pointers to values (`{"/mode": "cluster"}`); `cli` is the option of a program that it becomes;
    `restart`: a change needs a restart; `persist`: the last value is offered again; `secret` values are never shown.
    """
    metadata: dict[str, Any] = {
        "title": title, "help": help or title, "widget": widget, "options": options, "choices": choices,
        "minimum": minimum, "maximum": maximum, "pattern": pattern, "unit": unit, "key": key, "group": group,
        "order": order, "advanced": advanced, "show_if": show_if, "placeholder": placeholder, "doc_url": doc_url,
        "cli": cli, "restart": restart, "persist": persist, "secret": secret, "explained": bool(help),
    }  # fmt: skip
    return attrs.field(default=default, repr=not secret, metadata=metadata)


# the schema


def form_schema(form: type) -> Schema:
    """Make the JSON Schema of a form."""
    return {"$schema": DIALECT, **_class_schema(form)}


def _class_schema(cls: type) -> Schema:
    fields = fields_by_key(cls)
    required = [key for key, field in fields.items() if field.default is NOTHING]
    properties = {key: _field_schema(field) for key, field in fields.items()}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _field_schema(field: Attribute[Any]) -> Schema:
    schema = _type_schema(field.type)
    schema |= _limits(field) | _words(field) | _hints(field)
    if field.default is NOTHING:
        return schema
    default = _plain(_default(field))
    return schema if default is NOTHING else schema | {"default": default}


def _default(field: Attribute[Any]) -> Any:
    make = getattr(field.default, "factory", None)
    return field.default if make is None else make()


def _plain(value: Any) -> Any:
    """What JSON has for a default; NOTHING when it has nothing."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case PurePath():
            return str(value)
        case tuple() | list() | frozenset():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            cls: Any = type(value)
            if not attrs.has(cls):
                return NOTHING
            return {key: _plain(getattr(value, field.name)) for key, field in fields_by_key(cls).items()}


def _limits(field: Attribute[Any]) -> Schema:
    metadata, limits = field.metadata, {}
    for name in ("minimum", "maximum"):
        if metadata.get(name) is not None:
            limits[name] = metadata[name]
    if metadata.get("pattern"):
        limits["pattern"] = metadata["pattern"]
    if choices := metadata.get("choices"):
        is_list = get_origin(field.type) in SEQUENCES
        limits |= {"items": {"enum": list(choices)}} if is_list else {"enum": list(choices)}
    return limits


def _words(field: Attribute[Any]) -> Schema:
    metadata, words = field.metadata, {}
    if metadata.get("title"):
        words["title"] = metadata["title"]
    if metadata.get("help") and metadata.get("explained", True):
        words["description"] = metadata["help"]
    return words


HINTS: Mapping[str, str] = {
    "widget": "x-widget",
    "unit": "x-unit",
    "group": "x-group",
    "order": "x-order",
    "advanced": "x-advanced",
    "show_if": "x-show-if",
    "placeholder": "x-placeholder",
    "doc_url": "x-doc-url",
    "cli": "x-cli",
    "restart": "x-restart",
    "persist": "x-persist",
}


def _hints(field: Attribute[Any]) -> Schema:
    metadata = field.metadata
    hints: Schema = {hint: metadata[name] for name, hint in HINTS.items() if metadata.get(name)}
    if metadata.get("secret"):
        hints |= {"x-widget": "secret", "writeOnly": True}
    elif "x-widget" not in hints and (widget := _WIDGETS.get(_core_type(field.type))):
        hints["x-widget"] = widget
    if isinstance(options := metadata.get("options"), Options):
        hints["x-options"] = {key: value for key, value in _options(options) if value}
        if options.free:
            hints["x-free"] = True
    return hints


def _options(options: Options) -> Iterator[tuple[str, Any]]:
    for name in ("url", "value", "label", "group"):
        yield name, getattr(options, name)
    yield "depends_on", list(options.depends_on)


_WIDGETS: Mapping[Any, str] = {PurePath: "path"}


def _core_type(type_: Any) -> Any:
    members = [member for member in get_args(type_) if member is not types.NoneType]
    if get_origin(type_) in UNIONS and len(members) == 1:
        type_ = members[0]
    return PurePath if isinstance(type_, type) and issubclass(type_, PurePath) else type_


def _type_schema(type_: Any) -> Schema:
    type_ = getattr(type_, "__supertype__", type_)
    if attrs.has(type_):
        return _class_schema(type_)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in {types.UnionType, Union}:
        return _union_schema(arguments)
    if origin in SEQUENCES:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin in MAPPINGS:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1])}
    if origin is Literal:
        return {"enum": list(arguments)}
    return _plain_schema(type_)


def _union_schema(members: tuple[Any, ...]) -> Schema:
    real = [_type_schema(member) for member in members if member is not types.NoneType]
    is_optional = len(real) < len(members)
    if len(real) == 1 and is_optional and isinstance(real[0].get("type"), str):
        return real[0] | {"type": [real[0]["type"], "null"]}
    return {"anyOf": [*real, *([{"type": "null"}] if is_optional else [])]}


def _plain_schema(type_: Any) -> Schema:
    names = {str: "string", bool: "boolean", int: "integer", float: "number"}
    if type_ in names:
        return {"type": names[type_]}
    if isinstance(type_, type) and issubclass(type_, PurePath):
        return {"type": "string"}
    if isinstance(type_, type) and issubclass(type_, Enum):
        return {"enum": [member.value for member in type_]}
    return {}


# reading what came back


@frozen
class FieldProblem:
    """What is wrong with one field; `path` is a JSON pointer, "" for the whole form."""

    path: str
    message: str


def read_form(form: type[T], data: object) -> tuple[T | None, tuple[FieldProblem, ...]]:
    """Make an instance of decoded JSON: the form, or None and what is wrong with each field. Never raises."""
    node = _as_node(data, "")
    problems: list[FieldProblem] = []
    if isinstance(node, MapNode):
        problems += _wrong_keys(node, form)
        problems += _wrong_lines(node, form)
    value, misfits = read(node, form)
    problems += [FieldProblem(misfit.path, _sentence(misfit.message, misfit.advice)) for misfit in misfits]
    missing = {problem.path.rpartition("/")[0] for problem in problems if problem.message == IS_MISSING}
    problems = [problem for problem in problems if not (problem.path in missing and "' is missing" in problem.message)]
    return (None, tuple(problems)) if problems else (value, ())


_DELETE = 0x7F
IS_MISSING = "must be filled in"


def _wrong_keys(node: MapNode, form: type) -> Iterator[FieldProblem]:
    fields = fields_by_key(form)
    for key in node:
        if key not in fields:
            yield FieldProblem(f"/{_escaped(key)}", _sentence("there is no such field", did_you_mean(key, fields)))
    for key, field in fields.items():
        is_empty = isinstance(child := node.get(key), Scalar) and child.is_null
        if field.default is NOTHING and (key not in node or is_empty):
            yield FieldProblem(f"/{_escaped(key)}", IS_MISSING)


def _wrong_lines(node: MapNode, form: type) -> Iterator[FieldProblem]:
    """Texts hold no line breaks and no control characters, but for fields that have room for several lines."""
    for key, field in fields_by_key(form).items():
        widget = str(field.metadata.get("widget", ""))
        if key in node and widget != "textarea" and not widget.startswith("code"):
            yield from _broken_lines(node[key])


def _broken_lines(node: Node) -> Iterator[FieldProblem]:
    match node:
        case Scalar():
            if any(ord(character) < ord(" ") or ord(character) == _DELETE for character in node.text):
                yield FieldProblem(node.place.path, "must be one line, without control characters")
        case ListNode():
            for item in node:
                yield from _broken_lines(item)
        case MapNode():
            for item in node.values():
                yield from _broken_lines(item)


def _as_node(value: object, path: str) -> Node:
    place = Place(path, 0, 0)
    match value:
        case Mapping():
            return MapNode(
                {str(key): _as_node(item, f"{path}/{_escaped(str(key))}") for key, item in value.items()}, place
            )
        case list() | tuple():
            return ListNode(tuple(_as_node(item, f"{path}/{index}") for index, item in enumerate(value)), place)
        case bool():
            return Scalar(value, "true" if value else "false", place=place)
        case None:
            return Scalar(None, "", place=place)
        case str():
            return Scalar(value, value, plain=False, place=place)
        case int() | float():
            return Scalar(value, str(value), place=place)
        case _:
            return Scalar(str(value), str(value), plain=False, place=place)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _sentence(message: str, advice: str) -> str:
    return f"{message} ({advice})" if advice else message
