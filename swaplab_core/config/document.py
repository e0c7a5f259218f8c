"""What a configuration file holds before anybody knows what it means: values, each with its place.

A document is a tree of `Scalar`, `ListNode` and `MapNode`. The two containers are ordinary Python sequences and
mappings, so that cattrs can read them; every node remembers where the person wrote it, whatever is done to it later.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Any, overload

from attrs import field, frozen

from swaplab_core.domain.problem import Problem, Severity

ScalarValue = str | int | float | bool | None


@frozen
class Place:
    """Where something was written: `path` is the dotted key, `line` and `column` count from 1 (0: nowhere)."""

    path: str = ""
    line: int = 0
    column: int = 0
    file: str = ""

    def problem(self, message: str, advice: str = "") -> Problem:
        """Make an error of what stands here."""
        return self._problem(message, advice, Severity.ERROR)

    def warning(self, message: str, advice: str = "") -> Problem:
        """Make a warning of what stands here."""
        return self._problem(message, advice, Severity.WARNING)

    def _problem(self, message: str, advice: str, severity: Severity) -> Problem:
        return Problem(message, advice, self.path, self.line, self.column, self.file, severity)


@frozen
class Scalar:
    """One value. `text` is what was written (without quotes), `value` what YAML 1.2 makes of it.

    `plain` is True when it was written without quotes and not as a block.
    """

    value: ScalarValue
    text: str
    plain: bool = True
    place: Place = Place()

    @property
    def is_null(self) -> bool:
        """Was nothing written, or `~` or `null`?"""
        return self.value is None


@frozen
class ListNode(Sequence["Node"]):
    """A list, in order."""

    items: tuple[Node, ...] = ()
    place: Place = Place()

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


@frozen
class MapNode(Mapping[str, "Node"]):
    """A mapping in the order of the file. `keys_at` tells where each key stands; it is empty for made-up keys.

    The methods below that `Mapping` has as well are here for speed.
    """

    entries: Mapping[str, Node] = field(factory=dict)
    place: Place = Place()
    keys_at: Mapping[str, Place] = field(factory=dict)

    def __getitem__(self, key: str) -> Node:
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def items(self) -> ItemsView[str, Node]:
        """Return the entries in order."""
        return self.entries.items()

    def values(self) -> ValuesView[Node]:
        """Return the values in order."""
        return self.entries.values()

    def key_place(self, key: str) -> Place:
        """Where the key stands, or the nearest place known."""
        if key in self.keys_at:
            return self.keys_at[key]
        return self.entries[key].place if key in self.entries else self.place

    def with_entry(self, key: str, node: Node) -> MapNode:
        """Return a copy in which `key` is `node`; an existing key keeps its position."""
        return MapNode({**self.entries, key: node}, self.place, self.keys_at)

    def without(self, keys: Collection[str]) -> MapNode:
        """Return a copy that lacks `keys`."""
        kept = {key: node for key, node in self.entries.items() if key not in keys}
        return MapNode(kept, self.place, self.keys_at)


Node = Scalar | ListNode | MapNode

EMPTY = MapNode()


def child_map(node: MapNode, *path: str) -> MapNode:
    """Return the mapping below `path`; an empty one where something else stands or nothing."""
    for key in path:
        child = node.entries.get(key)
        if not isinstance(child, MapNode):
            return EMPTY
        node = child
    return node


def is_written(node: MapNode, key: str) -> bool:
    """Does the mapping say something about `key`? An empty value says nothing."""
    child = node.get(key)
    return child is not None and not (isinstance(child, Scalar) and (child.is_null or child.text == ""))


def place_of(root: Node, *path: str | int) -> Place:
    """Return the place of the value below `path`, or of the deepest ancestor there is."""
    node = root
    for step in path:
        match node:
            case MapNode() if isinstance(step, str) and step in node:
                node = node[step]
            case ListNode() if isinstance(step, int) and step < len(node):
                node = node[step]
            case _:
                break
    return node.place


def join_path(parent: str, step: str | int) -> str:
    """Write a dotted path: `models.qwen.aliases[2]`."""
    if isinstance(step, int):
        return f"{parent}[{step}]"
    return f"{parent}.{step}" if parent else step


def to_python(node: Node) -> Any:
    """Return plain values, lists and dicts."""
    match node:
        case Scalar():
            return node.value
        case ListNode():
            return [to_python(item) for item in node]
        case MapNode():
            return {key: to_python(child) for key, child in node.items()}


def moved(node: Node, *, file: str, lines: int) -> Node:
    """Return the same node `lines` further down and in `file`."""
    match node:
        case Scalar():
            return Scalar(node.value, node.text, node.plain, _moved(node.place, file, lines))
        case ListNode():
            items = tuple(moved(item, file=file, lines=lines) for item in node.items)
            return ListNode(items, _moved(node.place, file, lines))
        case MapNode():
            entries = {key: moved(child, file=file, lines=lines) for key, child in node.entries.items()}
            keys_at = {key: _moved(place, file, lines) for key, place in node.keys_at.items()}
            return MapNode(entries, _moved(node.place, file, lines), keys_at)


def _moved(place: Place, file: str, lines: int) -> Place:
    return Place(place.path, place.line + lines, place.column, file)
