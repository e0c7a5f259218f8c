"""Text → document. With `builder` and `outline` the only files that know strictyaml and the YAML parser inside it.

strictyaml *accepts*: it refuses duplicate keys, ragged indentation and every YAML feature that surprises. Its parser's
events give exact places and tell quoted from plain text, so the document is made from those. A file is read in slices,
and each slice is remembered by its text: an edit of one model reads one slice.

Anchors, aliases, merge keys and tags are resolved all the same, with a warning that names the line. A file that cannot
be sliced is read as a whole, for example when aliases reach from one model to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import strictyaml
from attrs import evolve, frozen
from strictyaml import ruamel
from strictyaml.ruamel.reader import ReaderError

from swaplab_core.config.builder import CONVERT, Builder, Entries, Unusable
from swaplab_core.config.document import EMPTY, MapNode, Place, moved
from swaplab_core.config.slices import Slice, cut
from swaplab_core.config.yaml_errors import explain
from swaplab_core.domain.problem import Problem, Severity

_REMEMBERED_SLICES = 8192
_STRICTYAML_STUMBLES = (
    AssertionError,
    NotImplementedError,
    TypeError,
    AttributeError,
    LookupError,
    ValueError,
    RecursionError,
)


@frozen
class Parsed:
    """The root mapping and what there is to say about it.

    `root` is None when the text cannot be read, and empty when there is nothing in it. It is present beside errors that
    do not hide the rest, such as a duplicate key.
    """

    root: MapNode | None
    problems: tuple[Problem, ...] = ()
    lacks_anchor: bool = False


def parse(text: str, file: str) -> Parsed:
    """Read one file; never raises, whatever the text."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    slices = cut(text)
    parts = [_read(piece.text, piece.prefix) for piece in slices]
    if slices and all(part.root is not None and not part.lacks_anchor for part in parts):
        return _tidy(_join(slices, parts, file))
    whole = _read(text, "")
    if whole.root is None and (failures := _failures(slices, parts, file)):
        return Parsed(None, failures)
    return _tidy(_placed(whole, file, 0))


def _join(slices: Sequence[Slice], parts: Sequence[Parsed], file: str) -> Parsed:
    """Put the slices of one file together again."""
    problems: list[Problem] = []
    top, models = Entries(problems, _in_line), Entries(problems, _in_line)
    for piece, part in zip(slices, parts, strict=True):
        placed = _placed(part, file, piece.first_line)
        problems.extend(placed.problems)
        (models if piece.prefix else top).extend(placed.root or EMPTY)
    if models.entries:
        top.entries["models"] = models.as_map(top.keys_at["models"])
    return Parsed(top.as_map(Place(line=1, column=1, file=file)), tuple(problems))


def _failures(slices: Sequence[Slice], parts: Sequence[Parsed], file: str) -> tuple[Problem, ...]:
    """Name a mistake where it is: an unclosed quote ends with its model, though YAML looks further."""
    pairs = zip(slices, parts, strict=True)
    failed = [_placed(part, file, piece.first_line) for piece, part in pairs if part.root is None]
    return tuple(problem for part in failed for problem in part.problems)


def _placed(part: Parsed, file: str, lines: int) -> Parsed:
    """Give a slice, which counts its lines from its own first one, its place in the file."""
    problems = tuple(evolve(problem, file=file, line=problem.line + lines) for problem in part.problems)
    root = None if part.root is None else moved(part.root, file=file, lines=lines)
    assert root is None or isinstance(root, MapNode)
    return Parsed(root, problems, part.lacks_anchor)


def _tidy(parsed: Parsed) -> Parsed:
    """Say each kind of warning once, at its first place."""
    first: dict[str, Problem] = {}
    counts: dict[str, int] = {}
    for problem in parsed.problems:
        if problem.severity is Severity.WARNING:
            first.setdefault(problem.message, problem)
            counts[problem.message] = counts.get(problem.message, 0) + 1
    warnings = [
        problem
        if counts[message] == 1
        else evolve(problem, message=f"{message} ({counts[message]} places in this file)")
        for message, problem in first.items()
    ]
    errors = [problem for problem in parsed.problems if problem.severity is Severity.ERROR]
    return evolve(parsed, problems=(*errors, *warnings))


@lru_cache(maxsize=_REMEMBERED_SLICES)
def _read(text: str, prefix: str) -> Parsed:
    """Read a slice, or a whole file, its lines counted from its own first one."""
    builder = Builder(prefix)
    try:
        root = builder.document(ruamel.parse(text, Loader=ruamel.SafeLoader))
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        return Parsed(None, (Place(line=line + 1).problem("a control character cannot stand in YAML", "remove it"),))
    except ruamel.YAMLError as error:
        return Parsed(None, (_syntax_problem(error),))
    except Unusable as error:
        return Parsed(None, (error.problem,))
    if root is not None and not builder.problems:
        builder.problems.extend(_not_accepted(text))
    return Parsed(root, tuple(builder.problems), builder.lacks_anchor)


def _not_accepted(text: str) -> Iterator[Problem]:
    """Ask strictyaml; what it minds beyond the builder's own complaints is worth a warning."""
    try:
        strictyaml.dirty_load(text, _anything, allow_flow_style=True)
    except _STRICTYAML_STUMBLES:
        return  # over comments in odd places; the parser has read the text all the same
    except ruamel.YAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Place(line=mark.line + 1, column=mark.column + 1).warning(
            f"not strict YAML: {error.problem or error.context}", CONVERT
        )


def _anything(chunk: Any) -> Any:
    """Be a schema that asks nothing: the refusals come before it, and `strictyaml.Any()` takes twice as long."""
    return chunk


def _syntax_problem(error: ruamel.YAMLError) -> Problem:
    message, advice = explain(f"{error.context or ''} {error.problem or ''}".strip())
    opened = error.context_mark if "opened here" in message else None
    mark = opened or error.problem_mark or error.context_mark
    return Place(line=mark.line + 1, column=mark.column + 1).problem(message, advice)


def _in_line(before: Place, _: Place) -> str:
    return f"in line {before.line}"
