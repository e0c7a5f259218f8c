"""How the classes of `schema`, and the options of backends, stand for mappings in the file: which key each
field has, and which keys nobody knows.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin

import attrs
from attrs import Attribute

from swaplab_core.config.didyoumean import did_you_mean, names
from swaplab_core.config.document import MapNode, Node, Scalar
from swaplab_core.domain.problem import Problem

SEQUENCES: Mapping[Any, type] = {tuple: tuple, Sequence: tuple, list: list, frozenset: frozenset}
MAPPINGS = (dict, Mapping)
UNIONS = (types.UnionType, Union)

_UNITS = ("_seconds", "_mib")


def file_key(attribute: Attribute[Any]) -> str:
    """Return the key in the file of a field: camelCase of its name without the unit, unless metadata says otherwise."""
    if key := attribute.metadata.get("key"):
        return str(key)
    name = attribute.name
    for unit in _UNITS:
        name = name.removesuffix(unit)
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def fields_by_key(cls: type) -> Mapping[str, Attribute[Any]]:
    """Return the fields of a class that are keys of the file, by key, their types resolved."""
    attrs.resolve_types(cls)
    return {file_key(attribute): attribute for attribute in attrs.fields(cls) if not attribute.metadata.get("derived")}


def file_keys(cls: type) -> frozenset[str]:
    """Return the keys of the file that a class reads."""
    return frozenset(fields_by_key(cls))


@cache
def command_keys(options: type) -> frozenset[str]:
    """Return the keys of a class that hold a command string."""
    return frozenset(key for key, attribute in fields_by_key(options).items() if reader_name(attribute) == "command")


def reader_name(attribute: Attribute[Any]) -> str:
    """Return which special reader a field asks for; "" when its type says enough."""
    return "command" if attribute.metadata.get("command") else str(attribute.metadata.get("reads", ""))


def unknown_keys(node: Node, *classes: tuple[str, type]) -> Iterator[Problem]:
    """Warn of keys that none of the classes reads, at any depth; a class comes with its name for people."""
    if not isinstance(node, MapNode):
        return
    fields = {key: field for _, cls in classes for key, field in fields_by_key(cls).items()}
    for key, child in node.items():
        if key in fields:
            type_: Any = fields[key].type
            if _class_inside(type_):
                yield from _unknown_below(child, type_)
        elif not key.startswith("x-"):
            known = (f"keys of {name}: {names(file_keys(cls))}" for name, cls in classes)
            advice = did_you_mean(key, fields) or "; ".join(known)
            yield node.key_place(key).warning(f"unknown key '{key}' is ignored", advice)


def _unknown_below(node: Node, type_: Any) -> Iterator[Problem]:
    if attrs.has(type_):
        yield from unknown_keys(node, ("this place", type_))
        return
    children: Iterable[Node] = ()
    if get_origin(type_) in UNIONS:
        children = (node,)
    elif isinstance(node, MapNode):
        children = node.values()
    elif not isinstance(node, Scalar) and not _is_mapping(type_):  # of a list in its place enough is said
        children = node
    inner = next(argument for argument in get_args(type_) if _class_inside(argument))
    for child in children:
        yield from _unknown_below(child, inner)


def _is_mapping(type_: Any) -> bool:
    return get_origin(type_) in {dict, Mapping}


@cache
def _class_inside(type_: Any) -> bool:
    """Is there a class with keys of its own somewhere in this type?"""
    return attrs.has(type_) or any(_class_inside(argument) for argument in get_args(type_))
