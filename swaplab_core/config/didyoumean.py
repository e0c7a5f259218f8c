"""The nearest of several names, for advice."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?", or nothing when no name is near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[near[0]]}'?" if near else ""


def names(known: Iterable[str]) -> str:
    """Write a list of names for people."""
    return ", ".join(sorted(known)) or "none"
