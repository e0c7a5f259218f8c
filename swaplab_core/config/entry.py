"""The entry of one model in a file: its lines cut out and put back, and a form for its simple keys. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from swaplab_core.config.environment import stood_in
from swaplab_core.config.outline import outline
from swaplab_core.domain.problem import Problem

Schema = dict[str, Any]
_SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@frozen
class Lines:
    """Where an entry's value lies: from line `first` to before `end` (from 0), indented by so many blanks."""

    first: int
    end: int
    indent: int


def entry_lines(text: str, model: str) -> Lines | None:
    """Find the lines of a model's entry; None when it is not there, or not written as an indented block."""
    root = outline(stood_in(text))
    models = root.entries.get("models") if root else None
    found = models[1].entries.get(model) if models else None
    if found is None:
        return None
    key, value = found
    if not value.is_block_mapping or value.start[0] <= key.line:
        return None
    return Lines(value.start[0], value.last + 1, value.start[1])


def cut_out(text: str, where: Lines) -> str:
    """The entry by itself."""
    return textwrap.dedent("\n".join(text.split("\n")[where.first : where.end])) + "\n"


def put_back(text: str, where: Lines, entry: str) -> str:
    """The file with this entry in the place of the old one."""
    lines = text.split("\n")
    new = [f"{' ' * where.indent}{line}" if line.strip() else "" for line in entry.rstrip().split("\n")]
    return "\n".join([*lines[: where.first], *new, *lines[where.end :]])


def within(problems: Iterable[Problem], where: Lines, count: int) -> list[Problem]:
    """The problems of an entry of so many lines that was put back there, at its own lines and columns."""
    return [
        evolve(each, line=each.line - where.first, column=max(each.column - where.indent, 1), file="")
        for each in problems
        if where.first < each.line <= where.first + count
    ]


def form_of_model(file_schema: Schema, backend: str) -> Schema:
    """The keys of a model that a form can hold: texts, numbers, switches, lists of texts; the rest is for a text."""
    model = file_schema["properties"]["models"]["additionalProperties"]
    own = {key: value for part in model.get("allOf", ()) if _is_for(part, backend) for key, value in _keys(part)}
    common = {key: value for key, value in model["properties"].items() if key not in {"backend", *own}}
    fields = {
        **{key: simple for key, value in own.items() if (simple := _simple(value)) is not None},
        **{key: simple for key, value in common.items() if (simple := _simple(value)) is not None},
    }
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _is_for(part: Schema, backend: str) -> bool:
    return bool(part.get("if", {}).get("properties", {}).get("backend", {}).get("const") == backend)


def _keys(part: Schema) -> Iterator[tuple[str, Schema]]:
    yield from part.get("then", {}).get("properties", {}).items()


def _simple(schema: Schema) -> Schema | None:
    """The schema without the ways that only a file has; a number that may be a macro is typed as text."""
    notes: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    members = [each for each in schema.get("anyOf", [schema]) if "pattern" not in each and each.get("type") != "null"]
    if len(members) == 2 and members[0].get("type") == "boolean":
        members = members[:1]
    if len(members) != 1:
        return None
    (member,) = members
    kind = member.get("type")
    if "enum" in member:
        return {"enum": member["enum"], **notes}
    if isinstance(kind, list):
        return {"type": "string", **notes} if "string" in kind else None
    if kind in _SIMPLE:
        return {"type": kind, **{key: member[key] for key in ("minimum", "maximum") if key in member}, **notes}
    if kind == "array" and _simple(member.get("items", {})) == {"type": "string"}:
        return {"type": "array", "items": {"type": "string"}, **notes}
    return None


def changed_entry(entry: Mapping[str, Any], keys: frozenset[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the values of a form, which has these keys: what was emptied goes, what the form lacks stays."""
    kept = {key: value for key, value in entry.items() if key not in keys or values.get(key) not in (None, "", [])}
    return kept | {key: value for key, value in values.items() if key in keys and value not in (None, "", [])}
