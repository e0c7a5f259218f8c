"""Several files → one document, by llama-swap's rules.

Mappings merge, lists join, equal scalars agree; different ones are a conflict. An empty value (`key:`) yields to
anything. What has a name of its own (a model, a group, a peer …) may be defined in one file only.
"""

from __future__ import annotations

from collections.abc import Sequence

from swaplab_core.config.document import EMPTY, ListNode, MapNode, Node, Scalar
from swaplab_core.domain.problem import Problem

_IDENTITY_MAPS = frozenset(
    {
        ("models",),
        ("groups",),
        ("profiles",),
        ("selectors",),
        ("peers",),
        ("matrix",),
        ("routing", "router", "settings", "groups"),
        ("routing", "router", "settings", "matrix"),
    }
)


def merge(roots: Sequence[MapNode]) -> tuple[MapNode, tuple[Problem, ...]]:
    """Return the merged document and every conflict; the first file wins then."""
    problems: list[Problem] = []
    merged = EMPTY
    for root in roots:
        merged = _maps(merged, root, (), problems) if merged else root
    return merged, tuple(problems)


def _maps(first: MapNode, second: MapNode, path: tuple[str, ...], problems: list[Problem]) -> MapNode:
    entries = dict(first.entries)
    for key, node in second.items():
        if key not in entries:
            entries[key] = node
        elif path in _IDENTITY_MAPS:
            problems.append(_duplicate(first, second, key, path))
        else:
            entries[key] = _nodes(entries[key], node, (*path, key), problems)
    return MapNode(entries, first.place, {**second.keys_at, **first.keys_at})


def _nodes(first: Node, second: Node, path: tuple[str, ...], problems: list[Problem]) -> Node:
    if _is_empty(first):
        return second
    if _is_empty(second):
        return first
    match first, second:
        case MapNode(), MapNode():
            return _maps(first, second, path, problems)
        case ListNode(), ListNode():
            return ListNode(first.items + second.items, first.place)
        case Scalar(), Scalar():
            if (first.text, type(first.value)) != (second.text, type(second.value)):
                problems.append(_conflict(first, second))
        case _:
            problems.append(_conflict(first, second))
    return first


def _is_empty(node: Node) -> bool:
    """Is nothing written? A spelled-out `~` or `null` is something."""
    return isinstance(node, Scalar) and node.is_null and node.text == ""


def _conflict(first: Node, second: Node) -> Problem:
    where = f"{first.place.file}, line {first.place.line}"
    return second.place.problem(f"this conflicts with {where}", "two files may only say the same, or add to each other")


def _duplicate(first: MapNode, second: MapNode, key: str, path: tuple[str, ...]) -> Problem:
    before = first.key_place(key)
    return second.key_place(key).problem(
        f"'{key}' of {path[-1]} is defined in {before.file}, line {before.line}, too", "keep one of them"
    )
