"""`${env.NAME}`: environment variables put into the text before it is read as YAML, so `[${env.KEY}]` works.

A value may not hold a line break; backslash and double quote are escaped, which is right inside double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from swaplab_core.config.document import Place
from swaplab_core.config.outline import scalars_in
from swaplab_core.domain.problem import Problem

_MACRO = re.compile(r"\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")
_FORBIDDEN = ("\n", "\r", "\0")


def substitute(text: str, environment: Mapping[str, str], file: str) -> tuple[str, tuple[Problem, ...]]:
    """Return the text with all variables put in, and a problem for each that cannot be.

    A macro in a comment does not matter; in a text that is no YAML at all nobody can tell, so there all do.
    """
    problems = []
    if bad := [match for match in _MACRO.finditer(text) if not _is_usable(environment.get(match[1]))]:
        values = scalars_in(_MACRO.sub(_marker, text))
        used = [match for match in bad if values is None or any(_marker(match) in value for value in values)]
        problems = [_problem(match, environment, text, file) for match in used]
    return _MACRO.sub(lambda match: _escaped(environment.get(match[1], "")), text), tuple(problems)


def stood_in(text: str) -> str:
    """Return the text with a plain word for each macro, so that it can be read without knowing any variable."""
    return _MACRO.sub(lambda match: f"swaplab-env-{match[1]}-vne", text)


def restored(text: str) -> str:
    """Put the macros back into a text made of `stood_in`."""
    return re.sub(r"swaplab-env-([A-Za-z0-9_]+)-vne", r"${env.\1}", text)


def _is_usable(value: str | None) -> bool:
    return value is not None and not any(character in value for character in _FORBIDDEN)


def _escaped(value: str) -> str:
    value = value if _is_usable(value) else ""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _marker(match: re.Match[str]) -> str:
    """Return a word that stands in for this very macro, and nothing else."""
    return f"swaplab-env-{match.start()}-"


def _problem(match: re.Match[str], environment: Mapping[str, str], text: str, file: str) -> Problem:
    line_start = text.rfind("\n", 0, match.start()) + 1
    place = Place(line=text.count("\n", 0, match.start()) + 1, column=match.start() - line_start + 1, file=file)
    if match[1] not in environment:
        return place.problem(f"environment variable '{match[1]}' is not set", "set it where swaplab is started")
    return place.problem(f"environment variable '{match[1]}' holds a line break", "put its value on one line")
