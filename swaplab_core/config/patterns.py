"""Regular expressions in the configuration: RE2's, as in llama-swap, so none takes long. The only importer of re2."""

from __future__ import annotations

from typing import Protocol

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False


class BadPattern(ValueError):
    """What is written is no regular expression; the message says where it goes wrong."""


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None:
        """Something if it is found anywhere in `text`."""
        ...


def compile_pattern(text: str) -> Pattern:
    """Compile. Raises BadPattern."""
    try:
        pattern: Pattern = re2.compile(text, _QUIET)
    except re2.error as error:
        reason = error.args[0]
        raise BadPattern(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    return pattern
