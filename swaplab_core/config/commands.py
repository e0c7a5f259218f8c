"""A command string of the file → argv. No shell is involved: only quotes, backslashes and line breaks mean something.

Lines that begin with `#` are comments; a backslash at the end of a line continues it, and a line break separates words.
"""

from __future__ import annotations

import shlex
from functools import lru_cache


def without_comments(text: str) -> str:
    """Drop the comment lines; done before macros expand, so that a macro named in a comment does not leak."""
    if "#" not in text:
        return text
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str, ...] | None:
    """Split like a POSIX shell; None when a quote or an escape is not closed."""
    lines = (_uncontinued(line) for line in without_comments(text).split("\n"))
    try:
        return tuple(shlex.split("\n".join(lines)))
    except ValueError:
        return None


def _uncontinued(line: str) -> str:
    stripped = line.rstrip()
    return stripped.removesuffix("\\") + " " if stripped.endswith("\\") else line
