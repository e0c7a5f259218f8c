"""Writing recipes: block style, and quotes around every text that a YAML reader would take for something else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from swaplab_core.domain.recipe import Recipe
from swaplab_core.plugin.recipe_document import runner_value

_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./@+=,:%-]*(?: [A-Za-z0-9_./@+=,:%()-]+)*")
_BLOCK_LINE = re.compile(r"[\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def write_recipe(recipe: Recipe, *, version: str) -> str:
    """Write the keys that say something, in the usual order; `version` "" writes no recipe_version."""
    keys: dict[str, Any] = {
        "recipe_version": version,
        "recipe_ref": recipe.ref,
        "name": recipe.name,
        "description": recipe.description,
        "model": recipe.model,
        "model_revision": recipe.revision,
        "runtime": recipe.runtime,
        "backend": recipe.backend,
        "container": recipe.container,
        "solo_only": recipe.solo_only,
        "cluster_only": recipe.cluster_only,
        "min_nodes": recipe.min_nodes,
        "max_nodes": recipe.max_nodes,
        "mods": list(recipe.mods),
        "build_args": list(recipe.build_args),
        "defaults": dict(recipe.defaults),
        "env": dict(recipe.env),
        **recipe.extra,
        "command": recipe.command,
    }
    return write_yaml({key: value for key, value in keys.items() if value not in ("", False, 0, [], {})})


def write_yaml(values: Mapping[str, Any]) -> str:
    """Write a mapping of plain values in block style."""
    return "".join(f"{line}\n" for line in _mapping(values))


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield from _entry(f"{_text(str(key))}:", value)


def _entry(head: str, value: Any) -> Iterator[str]:
    match value:
        case dict() if value:
            yield head
            yield from (f"  {line}" for line in _mapping(value))
        case list() | tuple() if value:
            yield head
            yield from (f"  {line}" if line else "" for line in _items(value))
        case str() if _fits_a_block(value):
            yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
            yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        case _:
            yield f"{head} {_scalar(value)}".rstrip()


def _items(values: Any) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict | list | tuple) and value:
            first, *rest = _mapping(value) if isinstance(value, dict) else _items(value)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in rest)
        else:
            yield f"- {_scalar(value)}"


def _fits_a_block(text: str) -> bool:
    """A literal block can hold lines that begin with a letter and do not end in blanks; anything else is quoted."""
    lines = text.removesuffix("\n").split("\n")
    first_is_plain = bool(lines[0]) and not lines[0][0].isspace()
    return (
        "\n" in text
        and first_is_plain
        and not text.endswith("\n\n")
        and all(_BLOCK_LINE.fullmatch(line) and (line.strip() or not line) for line in lines)
    )


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case int():
            return str(value)
        case dict():
            return "{}"
        case list() | tuple():
            return "[]"
        case _:
            return _text(str(value))


def _float(value: float) -> str:
    """Write a float as YAML 1.1 reads one: with a point, and a sign in the exponent."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    mantissa, e, exponent = repr(value).partition("e")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}{e}{exponent}"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not text.endswith(":") and ": " not in text and runner_value(text) == text:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
