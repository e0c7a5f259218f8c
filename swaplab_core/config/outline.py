"""Text → where everything in it lies: values and keys for edits, scalars for redaction, comments for conversion. Pure.

Of the content nothing is kept but what a place needs. All of it takes a text that can be read (see `text.parse`), and
uses the same parser's events as the builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define, frozen
from strictyaml import ruamel


def scalars_in(text: str) -> tuple[str, ...] | None:
    """Return all keys and values of a YAML text, and nothing of its comments; None when it is no YAML."""
    try:
        events = list(ruamel.parse(text, Loader=ruamel.SafeLoader))
    except ruamel.YAMLError:
        return None
    return tuple(event.value for event in events if isinstance(event, ruamel.ScalarEvent))


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


@frozen
class Layout:
    """What YAML does not count as content: comments by line, on a line of their own (blank lines are "") or behind
    something, and the lines on which a flow collection begins. Lines count from 1.
    """

    own_lines: Mapping[int, str]
    behind: Mapping[int, str]
    flow_lines: frozenset[int]


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
