"""An old file → the same file in strict form: no anchors, merge keys, tags, flow style or older shapes.

Macros and `${env.X}` stay as they are, and so do comments: those on lines of their own go before what follows them.
Empty lists and mappings stay `[]` and `{}`, for which YAML has no other form. Nothing is overwritten here; the caller
shows what is different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from swaplab_core.config.document import MapNode
from swaplab_core.config.emit import emit
from swaplab_core.config.environment import restored, stood_in
from swaplab_core.config.legacy import modernise
from swaplab_core.config.load import Source
from swaplab_core.config.outline import Layout, layout
from swaplab_core.config.schema import Config
from swaplab_core.config.structure import file_keys
from swaplab_core.config.text import parse
from swaplab_core.domain.problem import Problem, Severity

_BARE_VARIABLE = re.compile(r"[\[,{:] *\$\{env\.")


@frozen
class Converted:
    """The strict text, None when the file cannot be read; what was changed, one sentence each; and all problems."""

    text: str | None
    changes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def convert(source: Source) -> Converted:
    """Write the strict form of one file; a file that is strict already comes back with no changes."""
    text = stood_in(source.text.removeprefix("\ufeff").replace("\r\n", "\n"))
    parsed = parse(text, source.name)
    old = parsed.root
    if old is None or any(problem.severity is Severity.ERROR for problem in parsed.problems):
        return Converted(None, (), parsed.problems)
    new, legacy_problems = modernise(old)
    seen = layout(text)
    holders = _anchor_holders(new, parsed.problems)
    changes = (*_yaml_changes(parsed.problems, seen, text), *_legacy_changes(old, new), *_removed(holders))
    problems = (*parsed.problems, *legacy_problems)
    if not changes:
        return Converted(source.text, (), problems)
    return Converted(restored(emit(new.without(holders), seen)), changes, problems)


def _yaml_changes(problems: tuple[Problem, ...], seen: Layout, text: str) -> Iterator[str]:
    for problem in problems:
        yield f"line {problem.line}: {problem.message}; written out"
    if seen.flow_lines:
        yield f"lines {', '.join(map(str, sorted(seen.flow_lines)))}: lists and mappings in brackets; written in lines"
    lines = text.split("\n")
    for number in sorted(seen.flow_lines):
        if _BARE_VARIABLE.search(restored(lines[number - 1])):
            yield f"line {number}: a variable in brackets now stands for one value, even if it holds a comma"


def _legacy_changes(old: MapNode, new: MapNode) -> Iterator[str]:
    for key in ("groups", "matrix"):
        if key in old and key not in new:
            yield f"line {old.key_place(key).line}: {key} moved to routing.router.settings.{key}"
    models = old.get("models")
    for model, node in models.items() if isinstance(models, MapNode) else ():
        filters = node.get("filters") if isinstance(node, MapNode) else None
        if isinstance(filters, MapNode) and "strip_params" in filters:
            place = filters.key_place("strip_params")
            yield f"line {place.line}: strip_params of {model} renamed to stripParams"


def _anchor_holders(root: MapNode, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    """Return the entries that were only there to hold anchors: unknown ones, in a file that uses anchors."""
    has_anchors = any("anchor" in problem.message for problem in problems)
    return tuple(key for key in root if key not in file_keys(Config)) if has_anchors else ()


def _removed(holders: tuple[str, ...]) -> Iterator[str]:
    return (f"{key}: removed, it only held anchors" for key in holders)
