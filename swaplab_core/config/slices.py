"""Cut a file's text where that is obviously right: at its top-level keys and, below `models:`, at the models.

Each slice is YAML by itself. When every slice can be read, together they mean what the file means; when one cannot, the
cut was wrong or the file is, and the caller looks at the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen


@frozen
class Slice:
    """Some lines of a file: one top-level entry, or one model (then `prefix` is "models").

    `first_line` counts from 0.
    """

    text: str
    first_line: int
    prefix: str = ""


_CONTINUES = re.compile(r"[ \t]*(#.*)?$|[\]}]|-( |$)")
_KEY = re.compile(r""" *(?:"[^"\\]*" *|'[^']*' *|[\w.~/<$][^#:{}\[\]"']*(?::[^\s#:{}\[\]"']+)*):(?:[ \t]|$)""")
_MODELS = re.compile(r"models:[ \t]*(#.*)?$")
_START = re.compile(r"---[ \t]*(#.*)?$")


def cut(text: str) -> list[Slice]:
    """Return the slices in order; none when some line makes the cut doubtful."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if not _CONTINUES.match(line)), 0)
    if _START.match(lines[first]):
        lines[first] = ""
    starts = _starts(lines, indent=0)
    return [piece for start, end in _spans(starts, len(lines)) for piece in _cut_entry(lines, start, end)]


def _cut_entry(lines: Sequence[str], start: int, end: int) -> Iterator[Slice]:
    body = lines[start + 1 : end]
    models = _starts(body, _indent(body)) if _MODELS.match(lines[start]) else []
    if not models:
        yield Slice(_text(lines, start, end), start)
        return
    yield Slice(lines[start], start)
    for model, model_end in _spans(models, len(body)):
        first = start + 1 + model
        yield Slice(_text(lines, first, start + 1 + model_end), first, "models")


def _text(lines: Sequence[str], start: int, end: int) -> str:
    """Join some lines; the last one keeps its end, which may belong to a block of text."""
    return "\n".join(lines[start:end]) + ("\n" if end < len(lines) else "")


def _indent(body: Sequence[str]) -> int:
    """Return the indentation of the first line that says something."""
    return next((len(line) - len(line.lstrip(" ")) for line in body if not _CONTINUES.match(line)), 0)


def _starts(lines: Sequence[str], indent: int) -> list[int]:
    """Return the numbers of the lines with a key at this indentation; none when some line there is something else."""
    found: list[int] = []
    for number, line in enumerate(lines):
        if line[:indent].strip(" ") and not line.lstrip(" ").startswith("#"):
            return []
        rest = line[indent:]
        if rest.startswith((" ", "#")) or (found and _CONTINUES.match(rest)) or not rest.strip():
            continue
        if not _KEY.match(rest):
            return []
        found.append(number)
    return found


def _spans(starts: Sequence[int], end: int) -> Iterable[tuple[int, int]]:
    return zip(starts, [*starts[1:], end], strict=True) if starts else ()
