"""Line-precise edits: make a file mean something else, and touch only the lines that differ.

Comments, blank lines, order, quotes and spacing of everything else stay as the person wrote them, byte for byte. An
edit is told as the whole document it shall become (`rewrite`): what is equal is left alone, a changed value is replaced
in its place, a new key goes to the end of its mapping, a removed one takes the comment right above it along.

What the outcome means is read back and compared, so an edit either does exactly what was asked or raises CannotEdit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, define, frozen

from swaplab_core.config.document import ListNode, MapNode, Node, Place, Scalar, to_python
from swaplab_core.config.emit import emit_entry, emit_item, emit_key, emit_scalar
from swaplab_core.config.environment import restored, stood_in
from swaplab_core.config.outline import KeySpan, Span, outline
from swaplab_core.config.scalars import resolve
from swaplab_core.config.text import parse
from swaplab_core.domain.errors import ConfigError
from swaplab_core.domain.problem import Problem, Severity

BEFORE: Mapping[str, str] = {"macros": "models"}
"""Where a new top-level key goes when it does not go to the end: before this one."""

_PLAIN = re.compile(r"(?:[A-Za-z0-9_./$(+^~]|-(?=[^\s]))[^\t\r\n]*")
_NOT_PLAIN = re.compile(r": |:$| #|^---|^\.\.\.| $")
_COMMENT_BEHIND = re.compile(r"\s+(#.*)$")


class CannotEdit(ConfigError):
    """The file is written in a way that cannot be edited line by line."""

    code = "cannot-edit"


def document(text: str, file: str = "") -> dict[str, Any]:
    """Read what a file says, as plain values; macros and `${env.X}` are not expanded. Raises ConfigError."""
    value: dict[str, Any] = _put_back(_read(stood_in(text), file))
    return value


def rewrite(text: str, new: Mapping[str, Any], file: str = "") -> str:
    """Return the text changed so that it means `new`. Raises ConfigError when it cannot be read, and CannotEdit."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = stood_in(text.removeprefix(mark))
    wanted = _stand_in(new)
    old = _read(body, file)
    if is_same(old, wanted):
        return text
    edited = _rewritten(body, old, wanted)
    if not is_same(_read_or_nothing(edited), wanted):
        message = "this change cannot be made line by line: the file uses anchors, merge keys or unusual syntax there"
        raise CannotEdit([Problem(message, "edit the file by hand, or `swaplab config convert` it first", file=file)])
    return mark + restored(edited)


def is_same(one: Any, other: Any) -> bool:
    """Do two documents mean the same? 1, 1.0, True and "1" are four different things; the order of keys is none."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124 - NaN


def _read(text: str, file: str) -> dict[str, Any]:
    parsed = parse(text, file)
    errors = [problem for problem in parsed.problems if problem.severity is Severity.ERROR]
    if parsed.root is None or errors:
        raise ConfigError(errors)
    value: dict[str, Any] = to_python(parsed.root)
    return value


def _read_or_nothing(text: str) -> dict[str, Any] | None:
    try:
        return _read(text, "")
    except ConfigError:
        return None


def _put_back(value: Any) -> Any:
    return _each_text(value, restored)


def _stand_in(value: Any) -> Any:
    return _each_text(value, stood_in)


def _each_text(value: Any, change: Any) -> Any:
    match value:
        case str():
            return change(value)
        case Mapping():
            return {change(str(key)): _each_text(item, change) for key, item in value.items()}
        case list() | tuple():
            return [_each_text(item, change) for item in value]
        case _:
            return value


# the edits


def _anew(wanted: Mapping[str, Any]) -> str:
    lines = [line for key, value in wanted.items() for line in emit_entry(f"{emit_key(key)}:", as_node(value), "")]
    return "\n".join([*lines, ""])


def _rewritten(text: str, old: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    lines = text.split("\n")
    root = outline(text.replace("\r\n", "\n"))
    if root is None or (root.is_inline and not old):
        return _appended(lines, wanted)
    if not root.is_block_mapping:
        return _anew(wanted)
    editor = _Editor(lines)
    editor.mapping(root, old, wanted, root.start[1])
    return editor.done()


def _appended(lines: Sequence[str], wanted: Mapping[str, Any]) -> str:
    """Nothing but comments was there."""
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join([*kept, _anew(wanted)])


@frozen
class _Splice:
    """Lines from `first` up to, not including, `stop` become others."""

    first: int
    stop: int
    lines: tuple[str, ...]


@define
class _Editor:
    """Gathers splices, which never overlap, and makes them from the bottom up."""

    lines: Sequence[str]
    splices: list[_Splice] = Factory(list)

    def done(self) -> str:
        lines = list(self.lines)
        end = "\r" if sum(line.endswith("\r") for line in lines[:-1]) * 2 > len(lines) - 1 else ""
        if lines and lines[-1] and any(splice.stop >= len(lines) for splice in self.splices):
            lines.append("")
        numbered = [(splice.first, splice.stop, number) for number, splice in enumerate(self.splices)]
        for *_, number in sorted(numbered, reverse=True):  # of those for one place the last one first
            splice = self.splices[number]
            lines[splice.first : splice.stop] = [line + end for line in splice.lines]
        return "\n".join(lines)

    def mapping(self, span: Span, old: Mapping[str, Any], wanted: Mapping[str, Any], column: int) -> None:
        """Turn a block mapping, which has keys before and after, into another."""
        for key, (at, value) in span.entries.items():
            if key not in wanted:
                self.replace(self._first_comment(at), value.last + 1)
            elif key in old and not is_same(old[key], wanted[key]):
                self.value(at, value, old[key], wanted[key])
        added = {
            key: value for key, value in wanted.items() if key not in span.entries and not _merged_in(old, key, value)
        }
        for key, value in added.items():
            place = self._place_for(key, span)
            self.replace(place, place, *emit_entry(f"{' ' * column}{emit_key(key)}:", as_node(value), " " * column))

    def value(self, at: KeySpan, span: Span, old: Any, wanted: Any) -> None:
        """Turn the value of a key into another."""
        if isinstance(old, Mapping) and isinstance(wanted, Mapping) and span.is_block_mapping and wanted:
            self.mapping(span, old, wanted, span.start[1])
            return
        if isinstance(old, list) and isinstance(wanted, list | tuple) and self._list(span, old, wanted):
            return
        node = as_node(wanted)
        if span.is_inline and span.start[0] == at.line and isinstance(node, Scalar) and _fits_in_line(node):
            self._inline(at, span, node)
            return
        self._whole(at, span, node)

    def replace(self, first: int, stop: int, *lines: str) -> None:
        self.splices.append(_Splice(first, stop, lines))

    def _inline(self, at: KeySpan, span: Span, node: Scalar) -> None:
        """Change what stands behind the key; what follows it stays."""
        line = self.lines[at.line].removesuffix("\r")
        before, behind = line[: span.start[1]], line[span.end[1] :]
        text = emit_scalar(node)
        space = " " if text and not before.endswith(" ") else ""
        self.replace(at.line, at.line + 1, f"{before}{space}{text}{behind}".rstrip())

    def _whole(self, at: KeySpan, span: Span, node: Node) -> None:
        """Write key and value anew; the comment behind the key stays."""
        line = self.lines[at.line].removesuffix("\r")
        head, rest = line[: at.end], line[at.end :].lstrip().removeprefix(":")
        written = emit_entry(f"{head}:", node, " " * at.column)
        is_behind_key = not rest.strip() or rest.lstrip().startswith("#") or span.is_inline
        if is_behind_key and (comment := _COMMENT_BEHIND.search(line[span.end[1] :] if span.is_inline else rest)):
            written[0] += f"  {comment[1]}"
        self.replace(at.line, span.last + 1, *written)

    def _list(self, span: Span, old: Sequence[Any], wanted: Sequence[Any]) -> bool:
        """Take items out of a block list, or add some at its end; False when it takes more than that."""
        if not span.items or not wanted or any(self._dash(item) is None for item in span.items):
            return False
        kept = _kept(old, wanted)
        if kept is None:
            return False
        for number, item in enumerate(span.items):
            if number not in kept:
                self.replace(self._first_comment_above(item.start[0], self._dash(item) or 0), item.last + 1)
        indent = " " * (self._dash(span.items[0]) or 0)
        for value in wanted[len(kept) :]:
            self.replace(span.last + 1, span.last + 1, *emit_item(as_node(value), indent))
        return True

    def _dash(self, item: Span) -> int | None:
        """The column of the item's dash; None when it does not stand in the same line, first of all."""
        line = self.lines[item.start[0]][: item.start[1]]
        return line.index("-") if line.strip() == "-" else None

    def _place_for(self, key: str, span: Span) -> int:
        """The line before which a new key of a mapping goes."""
        follower = span.entries.get(BEFORE.get(key, "")) if span.start[1] == 0 else None
        return span.last + 1 if follower is None else self._first_comment(follower[0])

    def _first_comment(self, at: KeySpan) -> int:
        return self._first_comment_above(at.line, at.column)

    def _first_comment_above(self, number: int, column: int) -> int:
        """The first of the comment lines right above, indented alike; the line itself when there are none."""
        while number > 0 and re.fullmatch(rf" {{{column}}}#.*", self.lines[number - 1].removesuffix("\r")):
            number -= 1
        return number


def _merged_in(old: Mapping[str, Any], key: str, value: Any) -> bool:
    """Comes the key from a merged mapping, and stays what it is?"""
    return key in old and is_same(old[key], value)


def _kept(old: Sequence[Any], wanted: Sequence[Any]) -> set[int] | None:
    """Which of the old items the wanted list begins with, in order; None when it begins with something else."""
    kept: set[int] = set()
    rest = iter(wanted)
    value = next(rest)
    for number, item in enumerate(old):
        if is_same(item, value):
            kept.add(number)
            try:
                value = next(rest)
            except StopIteration:
                return kept
    return kept or None


# values as nodes


def as_node(value: Any) -> Node:
    """Make the node of a plain value, written so that it is read as the same value again."""
    match value:
        case Mapping():
            return MapNode({str(key): as_node(item) for key, item in value.items()}, Place())
        case list() | tuple():
            return ListNode(tuple(as_node(item) for item in value))
        case None:
            return Scalar(None, "~")
        case bool():
            return Scalar(value, "true" if value else "false")
        case int() | float():
            return Scalar(value, _number(value))
        case _:
            text = str(value)
            return Scalar(text, text, plain=_is_plain(text))


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124 - NaN
        return ".nan"
    if value in {float("inf"), float("-inf")}:
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _is_plain(text: str) -> bool:
    """May it be written without quotes? Only what reads back as the same text, and surprises nobody."""
    return bool(_PLAIN.fullmatch(text)) and not _NOT_PLAIN.search(text) and text.isprintable() and resolve(text) == text


def _fits_in_line(node: Scalar) -> bool:
    return not isinstance(node.value, str) or "\n" not in node.text
