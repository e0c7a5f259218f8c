"""The parser's events → nodes with their places, and what strict YAML would not allow.

Anchors, aliases, merge keys and tags are resolved all the same, with a warning that names the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import Factory, define, evolve
from strictyaml import ruamel

from swaplab_core.config.document import EMPTY, ListNode, MapNode, Node, Place, Scalar, join_path
from swaplab_core.config.scalars import resolve
from swaplab_core.domain.problem import Problem

CONVERT = "`swaplab config convert` writes it without"
_DEEPEST = 60
_MOST_ALIASED_VALUES = 500_000


class Unusable(Exception):
    """The text cannot become a document."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@define
class Entries:
    """The entries of a mapping that is being put together; of a key that comes twice the first counts."""

    problems: list[Problem]
    say_where: Callable[[Place, Place], str]
    entries: dict[str, Node] = Factory(dict)
    keys_at: dict[str, Place] = Factory(dict)

    def add(self, key: str, node: Node, at: Place) -> None:
        """Take one entry, and note it when its key was there before."""
        if key not in self.entries:
            self.entries[key], self.keys_at[key] = node, at
            return
        before = self.say_where(self.keys_at[key], at)
        self.problems.append(at.problem(f"'{key}' is written twice, first {before}", "remove one of them"))

    def extend(self, other: MapNode) -> None:
        """Take all entries of another mapping."""
        for key, node in other.items():
            self.add(key, node, other.key_place(key))

    def as_map(self, at: Place, merged: Sequence[MapNode] = ()) -> MapNode:
        """Return the mapping; of merged ones an earlier wins over a later, and what is written here over all."""
        entries: dict[str, Node] = {}
        keys_at: dict[str, Place] = {}
        for base in reversed(merged):
            entries |= base.entries
            keys_at |= base.keys_at
        return MapNode(entries | self.entries, at, keys_at | self.keys_at)


def _above(before: Place, at: Place) -> str:
    """Count lines instead of naming one: a slice does not know where it stands."""
    lines = at.line - before.line
    return "in the same line" if lines == 0 else f"{lines} line{'s' * (lines > 1)} above"


@define
class Builder:
    """Makes nodes of the parser's events, and notes what strict YAML would not allow."""

    prefix: str
    problems: list[Problem] = Factory(list)
    lacks_anchor: bool = False
    events: Iterator[ruamel.Event] = Factory(lambda: iter(()))
    anchors: dict[str, tuple[Node, int]] = Factory(dict)
    values: int = 0

    def document(self, events: Iterator[ruamel.Event]) -> MapNode | None:
        """Return the root mapping of the only document; an empty one when there is none."""
        self.events = events
        next(events)
        if isinstance(next(events), ruamel.StreamEndEvent):
            return EMPTY
        first = next(events)
        root = self._node(first, self._at(first, self.prefix), depth=0)
        next(events)
        after = next(events)
        if not isinstance(after, ruamel.StreamEndEvent):
            advice = "remove the '---', or use one file for each"
            raise Unusable(self._at(after, "").problem("a second document starts here", advice))
        if isinstance(root, Scalar) and root.is_null:
            return EMPTY
        if not isinstance(root, MapNode):
            raise Unusable(root.place.problem("a configuration is a mapping of keys", "write `key: value` lines"))
        return root

    def _node(self, event: ruamel.Event, below: Place, depth: int) -> Node:
        """Make the node of an event. A list or a mapping stands where its key stands, a scalar where it begins."""
        at = below if isinstance(event, _CONTAINERS) else self._at(event, below.path)
        if isinstance(event, ruamel.AliasEvent):
            return self._aliased(event.anchor, at)
        if depth > _DEEPEST:
            raise Unusable(at.problem(f"this is nested more than {_DEEPEST} levels deep", "flatten it"))
        before = self.values
        self.values += 1
        node = self._new_node(event, at, depth)
        if event.anchor is not None:
            self.problems.append(at.warning("uses a YAML anchor", CONVERT))
            self.anchors[event.anchor] = node, self.values - before
        return node

    def _new_node(self, event: ruamel.Event, at: Place, depth: int) -> Node:
        if event.tag is not None:
            tag = event.tag.replace(_STANDARD_TAG, "!!")
            self.problems.append(at.warning(f"uses a YAML tag, {tag}", CONVERT))
        if isinstance(event, ruamel.ScalarEvent):
            return _scalar(event, at)
        if isinstance(event, ruamel.SequenceStartEvent):
            return self._list(at, depth)
        return self._map(at, depth)

    def _aliased(self, anchor: str, at: Place) -> Node:
        if anchor not in self.anchors:
            self.lacks_anchor = True
            self.problems.append(at.problem(f"no anchor '&{anchor}' stands before this alias", "define it further up"))
            return Scalar(None, "", place=at)
        node, size = self.anchors[anchor]
        self.values += size
        if self.values > _MOST_ALIASED_VALUES:
            raise Unusable(at.problem(f"aliases blow this up to more than {_MOST_ALIASED_VALUES} values"))
        return node

    def _list(self, at: Place, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), ruamel.SequenceEndEvent):
            items.append(self._node(event, self._at(event, join_path(at.path, len(items))), depth + 1))
        return ListNode(tuple(items), at)

    def _map(self, at: Place, depth: int) -> MapNode:
        entries = Entries(self.problems, _above)
        merged: list[MapNode] = []
        while not isinstance(event := next(self.events), ruamel.MappingEndEvent):
            key = self._node(event, at, depth + 1)
            if not isinstance(key, Scalar):
                raise Unusable(key.place.problem("a key cannot be a list or a mapping", "write a plain key"))
            key_at = evolve(key.place, path=join_path(at.path, key.text))
            value = self._node(next(self.events), key_at, depth + 1)
            if key.text == "<<" and key.plain:
                merged.extend(self._merged(value, key.place))
            else:
                entries.add(key.text, value, key_at)
        return entries.as_map(at, merged)

    def _merged(self, value: Node, at: Place) -> Sequence[MapNode]:
        self.problems.append(at.warning("uses a YAML merge key", CONVERT))
        candidates = value.items if isinstance(value, ListNode) else (value,)
        maps = [node for node in candidates if isinstance(node, MapNode)]
        if len(maps) < len(candidates) and not self.lacks_anchor:
            self.problems.append(at.problem("only mappings can be merged", "let '<<' name an anchored mapping"))
        return maps

    def _at(self, event: ruamel.Event, path: str) -> Place:
        mark = event.start_mark
        return Place(path, mark.line + 1, mark.column + 1)


_CONTAINERS = (ruamel.MappingStartEvent, ruamel.SequenceStartEvent)
_STANDARD_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = ("!", f"{_STANDARD_TAG}str")


def _scalar(event: ruamel.ScalarEvent, at: Place) -> Scalar:
    text = event.value
    plain = event.style in {None, ""} and event.tag not in _TEXT_TAGS
    is_typed = plain or (event.tag not in _TEXT_TAGS and (event.tag or "").startswith(_STANDARD_TAG))
    return Scalar(resolve(text) if is_typed else text, text, plain, at)
