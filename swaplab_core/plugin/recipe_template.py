"""Command templates of recipes: `str.format` without what makes it dangerous.

A field is a plain name in braces, `{port}`; a literal brace is doubled. What `str.format` would also do (attributes,
indices, conversions, widths) is refused, since it evaluates what a stranger wrote.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterable, Iterator, Mapping

from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import RecipeValue

_FORMATTER = string.Formatter()


class BadTemplate(Exception):
    """The template cannot be used; `fix` is the template that was probably meant, "" when nobody can tell."""

    def __init__(self, message: str, advice: str, fix: str = "") -> None:
        super().__init__(message)
        self.message, self.advice, self.fix = message, advice, fix

    def __str__(self) -> str:
        """Message and advice."""
        return f"{self.message} ({self.advice})"


def placeholders(template: str) -> tuple[str, ...]:
    """Return the names in a template, each once, in order. Raises BadTemplate."""
    return tuple(dict.fromkeys(name for _, name in _parts(template) if name is not None))


def render(template: str, values: Mapping[str, RecipeValue], *, keep_unknown: bool = False) -> str:
    """Put the values in. Raises BadTemplate for a name without a value, unless unknown ones are to stay as text."""

    def one(literal: str, name: str | None) -> str:
        if name is None:
            return literal
        if name in values:
            return literal + str(values[name])
        if keep_unknown:
            return f"{literal}{{{name}}}"
        raise BadTemplate(f"the command uses {{{name}}}, which has no value", f"add {name} to defaults")

    return "".join(one(literal, name) for literal, name in _parts(template))


def escape(text: str) -> str:
    """Write literal text so that a template gives it back unchanged."""
    return text.replace("{", "{{").replace("}", "}}")


def join_lines(command: str) -> str:
    """Join the lines that end with a backslash, as a shell does."""
    return command.replace("\\\n", " ").strip()


def unknown_name(name: str, known: Iterable[str]) -> Problem:
    """Say that a template uses a name nobody gives a value."""
    guess = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {{{guess[0]}}}?" if guess else f"add `{name}:` to defaults"
    return Problem(f"the command uses {{{name}}}, which defaults do not define", hint, "command")


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield literal text and the name that follows it."""
    try:
        for literal, name, spec, conversion in _FORMATTER.parse(template):
            _check(template, name, spec, conversion)
            yield literal, name
    except ValueError as error:
        raise BadTemplate(f"the command cannot be read: {error}", "double braces that stand for themselves") from None


def _check(template: str, name: str | None, spec: str | None, conversion: str | None) -> None:
    if name is None:
        return
    if _looks_like_json(name, spec):
        raise BadTemplate(
            f"{{{name} is read as a placeholder",
            "double the braces of JSON: '{{\"key\": 1}}'",
            fix=_double_json(template),
        )
    if spec or conversion or not name.isidentifier():
        shown = f"{{{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"
        raise BadTemplate(f"{shown[:80]} is no plain placeholder", "only names are allowed in braces, like {port}")


def _looks_like_json(name: str, spec: str | None) -> bool:
    return name.lstrip()[:1] in {'"', "'"} or (not name.strip() and bool((spec or "").strip()))


def _double_json(template: str) -> str:
    """Double every brace that does not enclose a plain name."""
    result: list[str] = []
    position = 0
    while position < len(template):
        if template[position : position + 2] in {"{{", "}}"}:
            result.append(template[position : position + 2])
            position += 2
            continue
        end = template.find("}", position)
        if template[position] == "{" and end > 0 and template[position + 1 : end].isidentifier():
            result.append(template[position : end + 1])
            position = end + 1
            continue
        result.append(escape(template[position]))
        position += 1
    return "".join(result)
