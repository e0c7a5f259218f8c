"""Node → value: plain types, and the few keys that are written in a way of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from swaplab_core.config.commands import split
from swaplab_core.config.document import ListNode, Node, Scalar
from swaplab_core.config.misfit import Misfit, described
from swaplab_core.domain.problem import Problem

YES = frozenset({"yes", "y", "on"})
NO = frozenset({"no", "n", "off"})


def read_text(node: Node) -> str:
    """Read text; a number or a word stands for what was written."""
    if isinstance(node, Scalar) and not node.is_null:
        return node.text
    raise Misfit.at(node.place, f"must be text, not {described(node)}", "write one value")


def read_bool(node: Node) -> bool:
    """Read true or false; llama-swap also takes yes, no, on and off here."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return node.value
        if node.plain and node.text.lower() in YES | NO:
            return node.text.lower() in YES
    raise Misfit.at(node.place, f"must be true or false, not {described(node)}", _unquote(node, "true", "false"))


def read_int(node: Node) -> int:
    """Read a whole number."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Misfit.at(node.place, f"must be a whole number, not {described(node)}", _unquote(node))


def read_number(node: Node) -> float:
    """Read a number; a whole one stays whole."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise Misfit.at(node.place, f"must be a number, not {described(node)}", _unquote(node))


def _unquote(node: Node, *words: str) -> str:
    """Advise to take the quotes off when they are all that is wrong."""
    if (
        isinstance(node, Scalar)
        and not node.plain
        and (node.text in words or re.fullmatch(r"-?\d+(\.\d+)?", node.text))
    ):
        return f"remove the quotes: {node.text}"
    return ""


def read_command(node: Node) -> tuple[str, ...]:
    """Read a command string into argv."""
    argv = split(read_text(node))
    if argv is None:
        raise Misfit.at(
            node.place, "a quote in this command is never closed", "close it, or write \\' for the character"
        )
    return argv


_ASSIGNMENT = re.compile(r"[^=\s\0]+=[^\0]*", re.DOTALL)


def read_assignments(node: Node) -> Mapping[str, str]:
    """Read a list of NAME=value; a later one wins."""
    if not isinstance(node, ListNode):
        raise Misfit.at(node.place, f"must be a list, not {described(node)}", "write `- NAME=value` lines")
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for item in node:
        text = item.text if isinstance(item, Scalar) else ""
        if _ASSIGNMENT.fullmatch(text):
            name, _, value = text.partition("=")
            values[name] = value
        else:
            problems.append(item.place.problem(f"{described(item)} is no NAME=value", "write it as NAME=value"))
    if problems:
        raise Misfit(problems, values)
    return values


def read_comma_list(node: Node) -> tuple[str, ...]:
    """Read comma-separated names: trimmed, once each, sorted; `model` is protected and left out."""
    names = {name.strip() for name in read_text(node).split(",")}
    return tuple(sorted(names - {"", "model"}))


_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_GO_PART = r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)"


def read_go_duration(node: Node) -> float:
    """Read a duration as Go writes it, `1h30m`, in seconds; a bare number counts nanoseconds there, 0 is fine."""
    text = read_text(node)
    if text == "0":
        return 0.0
    if not re.fullmatch(f"({_GO_PART})+", text):
        raise Misfit.at(node.place, f"must be a duration, not {described(node)}", "write 10s, 1m30s or 500ms")
    return sum(float(number) * _GO_UNITS[unit] for number, unit in re.findall(_GO_PART, text))


READERS: Mapping[str, Callable[[Node], Any]] = MappingProxyType(
    {
        "command": read_command,
        "assignments": read_assignments,
        "comma_list": read_comma_list,
        "go_duration": read_go_duration,
    }
)
