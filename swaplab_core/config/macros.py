"""User macros: `${name}` in the values of the file, declared in `macros:` at the top level and per model.

A model's effective list is MODEL_ID, the global macros, its own; one of its own takes the place of a global of the same
name. A macro may use others, wherever they stand: they are put in order, those that are used first, and substitution
runs from the last to the first. Macros that use each other in a circle stay unexpanded, which is reported.
A value that is exactly one macro takes its type; inside longer text the macro is written out. Keys are not touched,
except those of `filters.setParamsByID`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from operator import is_
from types import MappingProxyType

from attrs import evolve

from swaplab_core.config.didyoumean import did_you_mean, names
from swaplab_core.config.document import ListNode, MapNode, Node, Scalar, child_map
from swaplab_core.domain.problem import Problem

Macros = Mapping[str, Scalar]

RESERVED = frozenset({"PID", "PORT", "MODEL_ID"})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_USE = re.compile(r"\$\{([A-Za-z0-9_-]+)\}")


def declared(holder: MapNode) -> tuple[Macros, tuple[Problem, ...]]:
    """Return the good declarations below `macros:` of the file or of a model, and what is wrong with the others."""
    problems: list[Problem] = []
    macros: dict[str, Scalar] = {}
    node = child_map(holder, "macros")
    for name, value in node.items():
        if complaint := _wrong(name, value):
            problems.append(node.key_place(name).problem(*complaint))
        else:
            assert isinstance(value, Scalar)
            macros[name] = value
    return in_order(macros), tuple(problems)


def in_order(macros: Macros) -> Macros:
    """Put every macro behind those that it uses; what needs no change stays where it was."""
    used = {name: [other for other in _USE.findall(value.text) if other in macros] for name, value in macros.items()}
    if not any(used.values()):
        return macros
    ordered: dict[str, Scalar] = {}
    entered: set[str] = set()

    def enter(name: str) -> None:
        if name not in entered:
            entered.add(name)
            for other in used[name]:
                enter(other)
            ordered[name] = macros[name]

    for name in macros:
        enter(name)
    return ordered


def _wrong(name: str, value: Node) -> tuple[str, str] | None:
    if name in RESERVED:
        return f"'{name}' is a reserved macro name", "choose another name"
    if not _NAME.fullmatch(name):
        return f"'{name}' cannot name a macro", "use up to 63 letters, digits, '_' and '-'"
    if not isinstance(value, Scalar) or value.is_null:
        return f"macro '{name}' must be text, a number or true/false", "write one plain value"
    if f"${{{name}}}" in value.text:
        return f"macro '{name}' uses itself", "remove the self-reference"
    return None


def for_model(model_id: str, top: Macros, own: Macros) -> Macros:
    """Return a model's effective macros in their order."""
    effective = {"MODEL_ID": Scalar(model_id, model_id), **top, **own}
    return in_order(effective) if own else effective


def expand(node: Node, macros: Macros) -> Node:
    """Return the node with every `${name}` of `macros` replaced in its values; itself when there is none."""
    match node:
        case Scalar():
            return _expand_scalar(node, macros) if "${" in node.text else node
        case ListNode():
            items = tuple(expand(item, macros) for item in node.items)
            is_same = all(map(is_, items, node.items))
            return node if is_same else ListNode(items, node.place)
        case MapNode():
            entries = {key: expand(child, macros) for key, child in node.entries.items()}
            is_same = all(map(is_, entries.values(), node.entries.values()))
            return node if is_same else MapNode(entries, node.place, node.keys_at)


def _expand_scalar(node: Scalar, macros: Macros) -> Scalar:
    value, text = node.value, node.text
    for name in reversed(tuple(macros)):
        slug = f"${{{name}}}"
        if text == slug:
            value, text = macros[name].value, macros[name].text
        elif slug in text:
            value = text = text.replace(slug, macros[name].text)
    return node if text == node.text else Scalar(value, text, node.plain, node.place)


def expand_keys(node: MapNode, macros: Macros) -> tuple[MapNode, tuple[Problem, ...]]:
    """Return the mapping with macros replaced in its keys; two keys that become the same are a problem."""
    entries: dict[str, Node] = {}
    keys_at = {}
    problems = []
    for key, child in node.entries.items():
        place = node.key_place(key)
        new = _expand_scalar(Scalar(key, key), macros).text
        if new in entries:
            problems.append(place.problem(f"this key becomes '{new}', which is there already", "remove one of them"))
        else:
            entries[new], keys_at[new] = child, place
    return evolve(node, entries=entries, keys_at=keys_at), tuple(problems)


def scalars(node: Node) -> Iterator[Scalar]:
    """Walk over all values below a node."""
    match node:
        case Scalar():
            yield node
        case ListNode():
            for item in node.items:
                yield from scalars(item)
        case MapNode():
            for child in node.entries.values():
                yield from scalars(child)


def uses(node: Node, name: str) -> bool:
    """Is `${name}` somewhere below this node?"""
    slug = f"${{{name}}}"
    return any(slug in scalar.text for scalar in scalars(node))


def leftovers(node: Node, macros: Macros, known: Mapping[str, str] = MappingProxyType({})) -> Iterator[Problem]:
    """Report each `${name}` that is still there when everything has been expanded.

    `known` holds better advice for some names; a name with the advice "" is allowed to stay.
    """
    for scalar in scalars(node):
        if "${" not in scalar.text:
            continue
        for name in dict.fromkeys(_USE.findall(scalar.text)):
            if advice := known.get(name, _advice(name, macros)):
                yield scalar.place.problem(f"unknown macro '${{{name}}}'", advice)


def _advice(name: str, macros: Macros) -> str:
    if name in macros:
        return f"'{name}' uses itself, through other macros: break the circle"
    if name == "PID":
        return "the process id is only known in cmdStop"
    if name == "MODEL_ID":
        return "the model's id is only known in a model"
    if near := did_you_mean(name, macros):
        return near
    if name.isupper():
        return f"for the environment variable write ${{env.{name}}}"
    return f"define it below `macros:`; defined here: {names(macros)}"
