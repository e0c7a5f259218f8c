"""What entries of the configuration say, as words and with the macros of the file put in. Pure.

The core has its own, exact reading; this one is for telling people who uses what, and leaves what it does not know.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_MACRO = re.compile(r"\$\{([\w.-]+)\}")
_DEPTH = 5


def words(command: object) -> tuple[str, ...]:
    """The words of a `cmd`: lines may be continued, and those that begin with # are comments."""
    if isinstance(command, list | tuple):
        return tuple(map(str, command))
    lines = str(command or "").replace("\\\n", " ").split("\n")
    try:
        return tuple(shlex.split(" ".join(line for line in lines if not line.lstrip().startswith("#"))))
    except ValueError:
        return ()


def expanded(text: str, macros: Mapping[str, object]) -> str:
    """Put in the macros that are known."""
    for _ in range(_DEPTH):
        new = _MACRO.sub(lambda match: str(macros.get(match[1], match[0])), text)
        if new == text:
            break
        text = new
    return text
