"""Checks that a plugin offers, and what they find."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable

from attrs import field, frozen


class Health(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@frozen
class Finding:
    """What a check has found: one sentence, and what to do about it. `action` is one that mends it, `plugin:action`."""

    health: Health
    message: str
    advice: str = ""
    action: str = ""


@frozen
class Diagnostic:
    """A check. `run` looks (read-only, a few seconds at most) and answers its findings, at least one."""

    id: str
    title: str
    run: Callable[[], Awaitable[Iterable[Finding]]] = field(eq=False, repr=False)
