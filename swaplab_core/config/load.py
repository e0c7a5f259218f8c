"""From texts to a configuration: the whole pipeline. Pure; slow enough for large files to belong in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from attrs import field, frozen

from swaplab_core.config.assembly import assemble
from swaplab_core.config.check import check
from swaplab_core.config.document import EMPTY, MapNode, Place, place_of
from swaplab_core.config.environment import substitute
from swaplab_core.config.expansion import expand_file
from swaplab_core.config.legacy import modernise
from swaplab_core.config.merge import merge
from swaplab_core.config.schema import BackendSchema, Config
from swaplab_core.config.switches import NOBODY_OFF, SwitchedOff
from swaplab_core.config.text import parse
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem, Severity

__all__ = ["BackendSchema", "Loaded", "Source", "load"]

_NO_PORTS: Mapping[ModelId, int] = MappingProxyType({})
_NO_SECTIONS: Mapping[str, type] = MappingProxyType({})


@frozen
class Source:
    """One file: `name` as the person knows it, and its text."""

    name: str
    text: str


@frozen
class Loaded:
    """The configuration, None when there is an error, and all problems; a good configuration may have warnings."""

    config: Config | None
    problems: tuple[Problem, ...]
    root: MapNode = field(default=EMPTY, eq=False, repr=False)

    def place(self, *path: str | int) -> Place:
        """Return where a value stands, for problems found later: `place("models", "qwen", "aliases", 0)`.

        The path is the canonical one, also for older shapes. The deepest place known is returned.
        """
        return place_of(self.root, *path)


def load(
    sources: Sequence[Source],
    *,
    environment: Mapping[str, str],
    backends: Mapping[str, BackendSchema],
    sections: Mapping[str, type] = _NO_SECTIONS,
    keep_ports: Mapping[ModelId, int] = _NO_PORTS,
    off: SwitchedOff = NOBODY_OFF,
) -> Loaded:
    """Load the files in their order; never raises, whatever they hold.

    `backends` are the installed ones by name, `sections` the classes of plugins' settings by plugin.
    `keep_ports` are the ports that models have now, so that they keep them. A model whose backend is `off` is kept,
    with a warning: it cannot be started, everything else can.
    """
    roots, unset, problems = _read(sources, environment)
    if roots is None:
        return Loaded(None, _in_order(unset + problems))
    merged, merge_problems = merge(roots)
    modern, legacy_problems = modernise(merged)
    expanded = expand_file(modern, backends, keep_ports)
    config, misfits = assemble(expanded.root, backends, sections, expanded.ports, off)
    problems += merge_problems + legacy_problems + expanded.problems + misfits + check(config, expanded.root)
    problems = unset + _without_consequences(problems, unset)
    return Loaded(None if _has_errors(problems) else config, _in_order(problems), expanded.root)


def _read(
    sources: Sequence[Source], environment: Mapping[str, str]
) -> tuple[Sequence[MapNode] | None, tuple[Problem, ...], tuple[Problem, ...]]:
    """Read every file: the roots (None when one cannot be read), problems of variables, and all others."""
    roots = []
    unset: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    for source in sources:
        text, unset_here = substitute(source.text, environment, source.name)
        parsed = parse(text, source.name)
        roots.append(parsed.root)
        unset += unset_here
        problems += parsed.problems
    good = [root for root in roots if root is not None]
    return (good if len(good) == len(roots) else None), unset, problems


def _without_consequences(problems: Sequence[Problem], unset: Sequence[Problem]) -> tuple[Problem, ...]:
    """Leave out what stands in the line of an unset variable: without its value, that line says nothing."""
    lines = {(problem.file, problem.line) for problem in unset}
    return tuple(problem for problem in problems if (problem.file, problem.line) not in lines)


def _has_errors(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Sort by file and line, errors first, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.severity is not Severity.ERROR, p.file, p.line, p.column)))
