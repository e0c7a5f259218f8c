"""Reading progress off log lines: a table of patterns for each engine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from swaplab_core.domain.metering import Progress

LONGEST_LINE = 8_192


@frozen
class Mark:
    """A pattern of an engine's log. `stage` is what people are told; the groups `pct`, or `n` and `total`, say how far.

    `fraction` is where a mark without such groups stands within its stage.
    """

    stage: str
    pattern: re.Pattern[str]
    fraction: float | None = None


def mark(stage: str, pattern: str, fraction: float | None = None) -> Mark:
    """Make a mark; the pattern is searched for, not matched from the start."""
    return Mark(stage, re.compile(pattern), fraction)


def read_marks(line: str, marks: Sequence[Mark]) -> Progress | None:
    """Return what the first mark that is in the line says."""
    for known in marks:
        if found := known.pattern.search(line[:LONGEST_LINE]):
            return Progress(known.stage, _fraction(found.groupdict(), known.fraction))
    return None


def _fraction(groups: dict[str, str | None], otherwise: float | None) -> float | None:
    percent, done, total = groups.get("pct"), groups.get("n"), groups.get("total")
    if percent:
        return min(float(percent) / 100, 1.0)
    if done and total and float(total) > 0:
        return min(float(done) / float(total), 1.0)
    return otherwise
