"""A configuration's text without its secrets, for people who may look but not touch. Pure.

Everything stays where it is; only secret values become a word. What is secret follows from the place (`apiKeys`), from
the name of a key, of an environment variable or of an option (`…key`, `…token`, `…secret`, `…password`), and from being
written elsewhere as a secret. References such as `${env.KEY}` hold none. A text that cannot be read is not shown at
all: nobody can tell where its secrets are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from swaplab_core.config.edit import document
from swaplab_core.config.environment import restored, stood_in
from swaplab_core.config.outline import Leaf, leaves
from swaplab_core.domain.errors import ConfigError

HIDDEN = "<redacted>"
UNREADABLE = "# This text cannot be read as YAML, so only the administrator can see it.\n"
LONG_ENOUGH = 6
"""A value that is as long as this is hidden wherever it stands; shorter ones would hide innocent words."""

_WORD = r"[A-Za-z0-9_-]*(?:key|token|secret|passw(?:or)?d|credentials?|authorization|bearer)"
_NAME = re.compile(rf"{_WORD}s?", re.IGNORECASE)
_INNOCENT = re.compile(
    r"(?i)^(max|min|n|num|context|output|input|prompt|special|eos|bos|pad).*tokens?$|^tokens$|^monkey$"
)
_IN_TEXT = re.compile(rf"(?P<name>{_WORD}s?)(?P<between>[\"']?\s*[=: ]\s*[\"']?)(?P<value>[^\s\"',;]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{[^}]*\}|swaplab-env-\w+-vne")


@frozen
class _Cut:
    """A part of one line, or of several, that is not shown; `shown` stands there instead."""

    start: tuple[int, int]
    end: tuple[int, int]
    shown: str


def redacted(text: str) -> str:
    """Return the text without secrets."""
    body = stood_in(text.removeprefix("\ufeff")).replace("\r\n", "\n")
    try:
        document(text)
    except ConfigError:
        return UNREADABLE
    found = leaves(body)
    secrets = {leaf.text for leaf in found if _is_secret_place(leaf.path) and _holds_secret(leaf.text)}
    lines = body.split("\n")
    cuts = [cut for leaf in found if (cut := _cut(leaf, lines)) is not None]
    shown = _without(body, cuts)
    for secret in sorted(_long(secrets | _inner_secrets(found)), key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    return restored("\n".join(_comment_hidden(line) for line in shown.split("\n")))


def without_secrets(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line to show: values of options and variables that are named like secrets are hidden."""
    shown: list[str] = []
    for word in argv:
        before = shown[-1] if shown else ""
        is_value = before.startswith("-") and "=" not in before and is_secret_name(before.lstrip("-"))
        hides = is_value and not word.startswith("-") and _holds_secret(word)
        shown.append(HIDDEN if hides else _IN_TEXT.sub(_hide_value, word))
    return tuple(shown)


def hidden_in(text: str) -> str:
    """A text of any kind, such as a log: the values of assignments and options named like secrets are hidden."""
    return _IN_TEXT.sub(_hide_value, text)


def _is_secret_place(path: tuple[str | int, ...]) -> bool:
    if path[:1] == ("apiKeys",):
        return path[-1] != "admin"
    names = [step for step in path if isinstance(step, str)]
    return bool(names) and is_secret_name(names[-1])


def is_secret_name(name: str) -> bool:
    """Is what has this name a secret?"""
    return bool(_NAME.fullmatch(name)) and not _INNOCENT.search(name)


def _holds_secret(text: str) -> bool:
    """References and switches are no secrets."""
    rest = _REFERENCE.sub("", text).strip()
    return bool(rest) and rest.lower() not in {"true", "false", "null", "~"}


def _cut(leaf: Leaf, lines: list[str]) -> _Cut | None:
    """What to hide of one scalar: all of it, or the value of an assignment or option inside."""
    if _is_secret_place(leaf.path):
        return _Cut(leaf.start, leaf.end, HIDDEN) if _holds_secret(leaf.text) else None
    if not _NAME.search(leaf.text):
        return None
    written = _part(lines, leaf.start, leaf.end)
    hidden = _IN_TEXT.sub(_hide_value, written)
    return None if hidden == written else _Cut(leaf.start, leaf.end, hidden)


def _hide_value(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"].lstrip("-")) or not _holds_secret(match["value"]):
        return match[0]
    is_option = match["name"].startswith("-") or "=" in match["between"] or ":" in match["between"]
    return f"{match['name']}{match['between']}{HIDDEN}" if is_option else match[0]


def _inner_secrets(found: list[Leaf]) -> set[str]:
    """The values of assignments and options, to be hidden wherever else they stand."""
    return {value for leaf in found for value in _values_in(leaf.text)}


def _values_in(text: str) -> Iterator[str]:
    for match in _IN_TEXT.finditer(text):
        if _hide_value(match) != match[0]:
            yield match["value"]


def _long(secrets: set[str]) -> set[str]:
    return {secret for secret in secrets if len(secret) >= LONG_ENOUGH and "\n" not in secret}


def _part(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    part = lines[start[0] : end[0] + 1]
    part[-1] = part[-1][: end[1]]
    part[0] = part[0][start[1] :]
    return "\n".join(part)


def _without(text: str, cuts: list[_Cut]) -> str:
    lines = text.split("\n")
    for cut in sorted(cuts, key=lambda cut: cut.start, reverse=True):
        head, tail = lines[cut.start[0]][: cut.start[1]], lines[cut.end[0]][cut.end[1] :]
        lines[cut.start[0] : cut.end[0] + 1] = f"{head}{cut.shown}{tail}".split("\n")
    return "\n".join(lines)


def _comment_hidden(line: str) -> str:
    """Somebody may have commented a key out."""
    before, mark, comment = line.partition("#")
    return f"{before}{mark}{_IN_TEXT.sub(_hide_value, comment)}" if mark else line
