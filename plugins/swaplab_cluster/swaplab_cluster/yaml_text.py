"""YAML text → values that remember their lines. The only file that knows strictyaml.

strictyaml accepts the text (no duplicate keys, no anchors, no surprises); the parser inside it tells the lines, which
strictyaml's own values get wrong beside comments. Every value is text, a list or a mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strictyaml
from attrs import field, frozen
from strictyaml import ruamel

from swaplab_core.domain.problem import Problem

DEEPEST = 20


@frozen
class Text:
    """A scalar, as it is written."""

    value: str
    line: int


@frozen
class Items:
    """A list."""

    values: tuple[Value, ...]
    line: int


@frozen
class Entries:
    """A mapping; `lines` are those of its keys."""

    values: Mapping[str, Value] = field(factory=dict)
    lines: Mapping[str, int] = field(factory=dict)
    line: int = 1


Value = Text | Items | Entries


def read(text: str) -> Entries | Problem:
    """Read a text whose root is a mapping; an empty one is an empty mapping. Never raises, whatever the text."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        root = ruamel.compose(text, Loader=ruamel.SafeLoader)
        if root is None:
            return Entries()
        strictyaml.dirty_load(text, strictyaml.Any(), allow_flow_style=True)
        value = _value(root, 0)
    except ruamel.YAMLError as error:
        return _problem(error)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        return Problem(f"cannot be read: {error}", advice="write it as plain YAML: keys, lists and text")
    if not isinstance(value, Entries):
        return Problem("it must be a mapping of keys", advice="write `key: value` lines", line=value.line)
    return value


def _value(node: Any, depth: int) -> Value:
    line = node.start_mark.line + 1
    if depth > DEEPEST:
        raise ValueError(f"line {line} is nested more than {DEEPEST} levels deep")
    if isinstance(node, ruamel.SequenceNode):
        return Items(tuple(_value(child, depth + 1) for child in node.value), line)
    if not isinstance(node, ruamel.MappingNode):
        return Text(str(node.value), line)
    pairs = [(str(key.value), key.start_mark.line + 1, _value(child, depth + 1)) for key, child in node.value]
    return Entries({key: child for key, _, child in pairs}, {key: at for key, at, _ in pairs}, line)


def _problem(error: Any) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(str(getattr(error, "problem", "") or error).split())
    return Problem(
        f"not strict YAML: {said}",
        advice="mend the line; anchors, tags and duplicate keys are not read",
        line=mark.line + 1 if mark else 0,
    )
