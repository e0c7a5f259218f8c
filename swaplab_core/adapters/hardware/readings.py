"""Numbers and names out of what a tool prints: whatever is no number, or no name, is not known."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

MIB = 2**20

_NO_NAME = frozenset({"", "n/a", "none", "unknown", "[n/a]", "[not supported]", "not supported"})


def number(text: str) -> float | None:
    """A finite number, None for "[N/A]", "ERR!" and their kind."""
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def amount(text: str, unit: int = 1) -> int | None:
    """A number of bytes, given in `unit`s; None for what is none."""
    value = number(text)
    return None if value is None or value < 0 else int(value * unit)


def positive(text: str) -> float | None:
    """A number above zero: a capacity or limit of zero is one that nobody told."""
    value = number(text)
    return value if value is not None and value > 0 else None


def word(text: str) -> str | None:
    """A name, None for a placeholder."""
    text = text.strip()
    return None if text.lower() in _NO_NAME else text


def row(line: str) -> Sequence[str]:
    """The fields of one line of CSV, without the blanks around them."""
    try:
        fields = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        return []
    return [field.strip() for field in fields]
