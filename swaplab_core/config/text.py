"""Text → document. The only file that knows strictyaml and the YAML parser inside it.

strictyaml *accepts*: it refuses duplicate keys, ragged indentation and every YAML feature that surprises. Its parser's
events give exact places and tell quoted from plain text, so the document is made from those. A file is read in slices,
and each slice is remembered by its text: an edit of one model reads one slice.

Anchors, aliases, merge keys and tags are resolved all the same, with a warning that names the line. A file that cannot
be sliced is read as a whole, for example when aliases reach from one model to another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import strictyaml
from attrs import Factory, define, evolve, frozen
from strictyaml import ruamel
from strictyaml.ruamel.reader import ReaderError

from swaplab_core.config.document import EMPTY, ListNode, MapNode, Node, Place, Scalar, join_path, moved
from swaplab_core.config.scalars import resolve
from swaplab_core.config.slices import Slice, cut
from swaplab_core.config.yaml_errors import explain
from swaplab_core.domain.problem import Problem, Severity

_DEEPEST = 60
_MOST_ALIASED_VALUES = 500_000
_REMEMBERED_SLICES = 8192
_STRICTYAML_STUMBLES = (
    AssertionError,
    NotImplementedError,
    TypeError,
    AttributeError,
    LookupError,
    ValueError,
    RecursionError,
)
_CONVERT = "`swaplab config convert` writes it without"


@frozen
class Parsed:
    """The root mapping and what there is to say about it.

    `root` is None when the text cannot be read, and empty when there is nothing in it. It is present beside errors that
    do not hide the rest, such as a duplicate key.
    """

    root: MapNode | None
    problems: tuple[Problem, ...] = ()
    lacks_anchor: bool = False


def parse(text: str, file: str) -> Parsed:
    """Read one file; never raises, whatever the text."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    slices = cut(text)
    parts = [_read(piece.text, piece.prefix) for piece in slices]
    if slices and all(part.root is not None and not part.lacks_anchor for part in parts):
        return _tidy(_join(slices, parts, file))
    whole = _read(text, "")
    if whole.root is None and (failures := _failures(slices, parts, file)):
        return Parsed(None, failures)
    return _tidy(_placed(whole, file, 0))


def scalars_in(text: str) -> tuple[str, ...] | None:
    """Return all keys and values of a YAML text, and nothing of its comments; None when it is no YAML."""
    try:
        events = list(ruamel.parse(text, Loader=ruamel.SafeLoader))
    except ruamel.YAMLError:
        return None
    return tuple(event.value for event in events if isinstance(event, ruamel.ScalarEvent))


@frozen
class Layout:
    """What YAML does not count as content: comments by line, on a line of their own (blank lines are "") or behind
    something, and the lines on which a flow collection begins. Lines count from 1.
    """

    own_lines: Mapping[int, str]
    behind: Mapping[int, str]
    flow_lines: frozenset[int]


@frozen
class Span:
    """Where a value of the text lies; lines and columns count from 0, and `last` is its last line.

    `start` and `end` are (line, column). `entries` are those of a block mapping by key, `items` those of a block list;
    a value in brackets or written as an alias has neither. `is_inline`: a scalar on one line, not a block.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    last: int
    is_inline: bool = False
    is_block_mapping: bool = False
    entries: Mapping[str, tuple[KeySpan, Span]] = Factory(dict)
    items: tuple[Span, ...] = ()


@frozen
class KeySpan:
    """Where a key lies, in one line."""

    line: int
    column: int
    end: int


def outline(text: str) -> Span | None:
    """Return where everything lies in a text that can be read; None when nothing is in it."""
    events = iter(ruamel.parse(text, Loader=ruamel.SafeLoader))
    next(events)
    if isinstance(next(events), ruamel.StreamEndEvent):
        return None
    return _Outliner(text.split("\n"), events).span(next(events))


@frozen
class Leaf:
    """One scalar of a text: the keys and numbers that lead to it, its value as text, and where it lies (from 0)."""

    path: tuple[str | int, ...]
    text: str
    start: tuple[int, int]
    end: tuple[int, int]


def leaves(text: str) -> list[Leaf]:
    """Return every scalar that is a value, in order; a text that can be read is needed."""
    events = iter(ruamel.parse(text, Loader=ruamel.SafeLoader))
    next(events)
    found: list[Leaf] = []
    if not isinstance(next(events), ruamel.StreamEndEvent):
        _gather(events, next(events), (), _Outliner(text.split("\n"), events), found)
    return found


def _gather(
    events: Iterator[ruamel.Event],
    event: ruamel.Event,
    path: tuple[str | int, ...],
    outliner: _Outliner,
    found: list[Leaf],
) -> None:
    if isinstance(event, ruamel.ScalarEvent):
        span = outliner.span(event)
        end = span.end if span.end[0] == span.last else (span.last, len(outliner.lines[span.last]))
        found.append(Leaf(path, event.value, span.start, end))
    elif isinstance(event, ruamel.SequenceStartEvent):
        number = 0
        while not isinstance(item := next(events), ruamel.SequenceEndEvent):
            _gather(events, item, (*path, number), outliner, found)
            number += 1
    elif isinstance(event, ruamel.MappingStartEvent):
        while not isinstance(key := next(events), ruamel.MappingEndEvent):
            _gather(events, next(events), (*path, str(getattr(key, "value", ""))), outliner, found)


@define
class _Outliner:
    lines: Sequence[str]
    events: Iterator[ruamel.Event]

    def span(self, event: ruamel.Event) -> Span:
        start = (event.start_mark.line, event.start_mark.column)
        if isinstance(event, ruamel.MappingStartEvent):
            return self._mapping(start, is_flow=bool(event.flow_style))
        if isinstance(event, ruamel.SequenceStartEvent):
            return self._list(start, is_flow=bool(event.flow_style))
        end = (event.end_mark.line, event.end_mark.column)
        if isinstance(event, ruamel.ScalarEvent) and event.style in {"|", ">"}:
            return Span(start, end, self._last_of_block(start[0], end))
        is_plain_value = isinstance(event, ruamel.ScalarEvent) and event.anchor is None and event.tag is None
        return Span(start, end, end[0], is_inline=is_plain_value and start[0] == end[0])

    def _mapping(self, start: tuple[int, int], *, is_flow: bool) -> Span:
        entries: dict[str, tuple[KeySpan, Span]] = {}
        last = start[0]
        while not isinstance(event := next(self.events), ruamel.MappingEndEvent):
            key, value = self.span(event), self.span(next(self.events))
            last = max(last, key.last, value.last)
            entries[getattr(event, "value", "")] = (KeySpan(key.start[0], key.start[1], key.end[1]), value)
        end = (event.end_mark.line, event.end_mark.column)
        return Span(start, end, end[0]) if is_flow else Span(start, end, last, False, True, entries)

    def _list(self, start: tuple[int, int], *, is_flow: bool) -> Span:
        items: list[Span] = []
        while not isinstance(event := next(self.events), ruamel.SequenceEndEvent):
            items.append(self.span(event))
        end = (event.end_mark.line, event.end_mark.column)
        if is_flow:
            return Span(start, end, end[0])
        return Span(start, end, items[-1].last if items else start[0], items=tuple(items))

    def _last_of_block(self, header: int, end: tuple[int, int]) -> int:
        """The last line of a block scalar: its mark points behind the blank lines and comments that follow."""
        stop = min(end[0] + (1 if end[1] else 0), len(self.lines))
        inside = [line for line in self.lines[header + 1 : stop] if line.strip()]
        if not inside:
            return header
        indent = len(inside[0]) - len(inside[0].lstrip(" "))
        if "+" in self.lines[header]:
            return max(header, stop - 1)
        for number in range(stop - 1, header, -1):
            line = self.lines[number]
            if line.strip() and len(line) - len(line.lstrip(" ")) >= indent:
                return number
        return header


_COMMENT = re.compile(r"(?:^|\s)(#.*)$")


def layout(text: str) -> Layout:
    """Return the layout of a text that can be read."""
    events = list(ruamel.parse(text, Loader=ruamel.SafeLoader))
    ends = {0: 0}
    inside: set[int] = set()
    for event in events:
        if isinstance(event, ruamel.ScalarEvent):
            first, last, column = event.start_mark.line, event.end_mark.line, event.end_mark.column
            inside.update(range(first + 1, last + 1 if column else last))
            ends[last] = max(ends.get(last, 0), column)
    own_lines: dict[int, str] = {}
    behind: dict[int, str] = {}
    for number, line in enumerate(text.split("\n")):
        found = _COMMENT.search(line, ends.get(number, 0))
        if number not in inside and (found or not line.strip()):
            is_own = not line[: found.start(1)].strip() if found else True
            (own_lines if is_own else behind)[number + 1] = found[1] if found else ""
    flow = frozenset(event.start_mark.line + 1 for event in events if getattr(event, "flow_style", None))
    return Layout(own_lines, behind, flow)


def _join(slices: Sequence[Slice], parts: Sequence[Parsed], file: str) -> Parsed:
    """Put the slices of one file together again."""
    problems: list[Problem] = []
    top, models = _Entries(problems, _in_line), _Entries(problems, _in_line)
    for piece, part in zip(slices, parts, strict=True):
        placed = _placed(part, file, piece.first_line)
        problems.extend(placed.problems)
        (models if piece.prefix else top).extend(placed.root or EMPTY)
    if models.entries:
        top.entries["models"] = models.as_map(top.keys_at["models"])
    return Parsed(top.as_map(Place(line=1, column=1, file=file)), tuple(problems))


def _failures(slices: Sequence[Slice], parts: Sequence[Parsed], file: str) -> tuple[Problem, ...]:
    """Name a mistake where it is: an unclosed quote ends with its model, though YAML looks further."""
    pairs = zip(slices, parts, strict=True)
    failed = [_placed(part, file, piece.first_line) for piece, part in pairs if part.root is None]
    return tuple(problem for part in failed for problem in part.problems)


def _placed(part: Parsed, file: str, lines: int) -> Parsed:
    """Give a slice, which counts its lines from its own first one, its place in the file."""
    problems = tuple(evolve(problem, file=file, line=problem.line + lines) for problem in part.problems)
    root = None if part.root is None else moved(part.root, file=file, lines=lines)
    assert root is None or isinstance(root, MapNode)
    return Parsed(root, problems, part.lacks_anchor)


def _tidy(parsed: Parsed) -> Parsed:
    """Say each kind of warning once, at its first place."""
    first: dict[str, Problem] = {}
    counts: dict[str, int] = {}
    for problem in parsed.problems:
        if problem.severity is Severity.WARNING:
            first.setdefault(problem.message, problem)
            counts[problem.message] = counts.get(problem.message, 0) + 1
    warnings = [
        problem
        if counts[message] == 1
        else evolve(problem, message=f"{message} ({counts[message]} places in this file)")
        for message, problem in first.items()
    ]
    errors = [problem for problem in parsed.problems if problem.severity is Severity.ERROR]
    return evolve(parsed, problems=(*errors, *warnings))


@lru_cache(maxsize=_REMEMBERED_SLICES)
def _read(text: str, prefix: str) -> Parsed:
    """Read a slice, or a whole file, its lines counted from its own first one."""
    builder = _Builder(prefix)
    try:
        root = builder.document(ruamel.parse(text, Loader=ruamel.SafeLoader))
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        return Parsed(None, (Place(line=line + 1).problem("a control character cannot stand in YAML", "remove it"),))
    except ruamel.YAMLError as error:
        return Parsed(None, (_syntax_problem(error),))
    except _Unusable as error:
        return Parsed(None, (error.problem,))
    if root is not None and not builder.problems:
        builder.problems.extend(_not_accepted(text))
    return Parsed(root, tuple(builder.problems), builder.lacks_anchor)


def _not_accepted(text: str) -> Iterator[Problem]:
    """Ask strictyaml; what it minds beyond the builder's own complaints is worth a warning."""
    try:
        strictyaml.dirty_load(text, _anything, allow_flow_style=True)
    except _STRICTYAML_STUMBLES:
        return  # over comments in odd places; the parser has read the text all the same
    except ruamel.YAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Place(line=mark.line + 1, column=mark.column + 1).warning(
            f"not strict YAML: {error.problem or error.context}", _CONVERT
        )


def _anything(chunk: Any) -> Any:
    """Be a schema that asks nothing: the refusals come before it, and `strictyaml.Any()` takes twice as long."""
    return chunk


def _syntax_problem(error: ruamel.YAMLError) -> Problem:
    message, advice = explain(f"{error.context or ''} {error.problem or ''}".strip())
    opened = error.context_mark if "opened here" in message else None
    mark = opened or error.problem_mark or error.context_mark
    return Place(line=mark.line + 1, column=mark.column + 1).problem(message, advice)


class _Unusable(Exception):
    """The text cannot become a document."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@define
class _Entries:
    """The entries of a mapping that is being put together; of a key that comes twice the first counts."""

    problems: list[Problem]
    say_where: Callable[[Place, Place], str]
    entries: dict[str, Node] = Factory(dict)
    keys_at: dict[str, Place] = Factory(dict)

    def add(self, key: str, node: Node, at: Place) -> None:
        if key not in self.entries:
            self.entries[key], self.keys_at[key] = node, at
            return
        before = self.say_where(self.keys_at[key], at)
        self.problems.append(at.problem(f"'{key}' is written twice, first {before}", "remove one of them"))

    def extend(self, other: MapNode) -> None:
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


def _in_line(before: Place, _: Place) -> str:
    return f"in line {before.line}"


def _above(before: Place, at: Place) -> str:
    """Count lines instead of naming one: a slice does not know where it stands."""
    lines = at.line - before.line
    return "in the same line" if lines == 0 else f"{lines} line{'s' * (lines > 1)} above"


@define
class _Builder:
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
            raise _Unusable(self._at(after, "").problem("a second document starts here", advice))
        if isinstance(root, Scalar) and root.is_null:
            return EMPTY
        if not isinstance(root, MapNode):
            raise _Unusable(root.place.problem("a configuration is a mapping of keys", "write `key: value` lines"))
        return root

    def _node(self, event: ruamel.Event, below: Place, depth: int) -> Node:
        """Make the node of an event. A list or a mapping stands where its key stands, a scalar where it begins."""
        at = below if isinstance(event, _CONTAINERS) else self._at(event, below.path)
        if isinstance(event, ruamel.AliasEvent):
            return self._aliased(event.anchor, at)
        if depth > _DEEPEST:
            raise _Unusable(at.problem(f"this is nested more than {_DEEPEST} levels deep", "flatten it"))
        before = self.values
        self.values += 1
        node = self._new_node(event, at, depth)
        if event.anchor is not None:
            self.problems.append(at.warning("uses a YAML anchor", _CONVERT))
            self.anchors[event.anchor] = node, self.values - before
        return node

    def _new_node(self, event: ruamel.Event, at: Place, depth: int) -> Node:
        if event.tag is not None:
            tag = event.tag.replace(_STANDARD_TAG, "!!")
            self.problems.append(at.warning(f"uses a YAML tag, {tag}", _CONVERT))
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
            raise _Unusable(at.problem(f"aliases blow this up to more than {_MOST_ALIASED_VALUES} values"))
        return node

    def _list(self, at: Place, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), ruamel.SequenceEndEvent):
            items.append(self._node(event, self._at(event, join_path(at.path, len(items))), depth + 1))
        return ListNode(tuple(items), at)

    def _map(self, at: Place, depth: int) -> MapNode:
        entries = _Entries(self.problems, _above)
        merged: list[MapNode] = []
        while not isinstance(event := next(self.events), ruamel.MappingEndEvent):
            key = self._node(event, at, depth + 1)
            if not isinstance(key, Scalar):
                raise _Unusable(key.place.problem("a key cannot be a list or a mapping", "write a plain key"))
            key_at = evolve(key.place, path=join_path(at.path, key.text))
            value = self._node(next(self.events), key_at, depth + 1)
            if key.text == "<<" and key.plain:
                merged.extend(self._merged(value, key.place))
            else:
                entries.add(key.text, value, key_at)
        return entries.as_map(at, merged)

    def _merged(self, value: Node, at: Place) -> Sequence[MapNode]:
        self.problems.append(at.warning("uses a YAML merge key", _CONVERT))
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
