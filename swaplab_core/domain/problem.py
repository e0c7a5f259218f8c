"""A problem: one located mistake in what a person wrote, with what to do about it."""

from __future__ import annotations

import enum

from attrs import frozen


class Severity(enum.Enum):
    """An error refuses the file; a warning is shown and the file is used."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Problem:
    """What is wrong, where, and what to do.

    `path` is the dotted key (`models.qwen.ttl`), "" for the file as a whole. `line` and `column` count from 1;
    0 means that the place has no line (a missing file, a rule over several keys). `file` is the name the person gave.
    """

    message: str
    advice: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    file: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """Render as one line: `config.yaml:12:5: models.qwen.ttl: must be a number (write ttl: 300)`."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        kind = "warning: " if self.severity is Severity.WARNING else ""
        key = f"{self.path}: " if self.path else ""
        advice = f" ({self.advice})" if self.advice else ""
        return f"{place + ': ' if place else ''}{kind}{key}{self.message}{advice}"
