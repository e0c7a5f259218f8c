"""Small pieces of Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table; a pipe inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def code(text: object) -> str:
    """Show as code."""
    return f"`{text}`"


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets: its words in small letters, joined by hyphens."""
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in " -_")
    return kept.strip().replace(" ", "-")


def summary(thing: object) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def sentence(text: str) -> str:
    """Begin with a capital (but for names such as llama-swap) and end with a full stop; nothing stays nothing."""
    if not text:
        return ""
    if text.partition(" ")[0].rstrip(",;:").isalpha():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "…", "?")) else f"{text}."


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
