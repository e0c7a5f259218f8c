"""Regular expressions in the configuration: RE2's, as in llama-swap, so none takes long. The only importer of re2."""

from __future__ import annotations

from typing import Protocol


class BadPattern(ValueError):
    """What is written is no regular expression; the message says where it goes wrong."""


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None:
        """Something if it is found anywhere in `text`."""
        ...


def compile_pattern(text: str) -> Pattern:
    """Compile. Raises BadPattern."""
    import re2  # noqa: PLC0415 - only who writes a pattern, or asks for a path that may fit one, pays for the library

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        pattern: Pattern = re2.compile(text, quiet)
    except re2.error as error:
        reason = error.args[0]
        raise BadPattern(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    return pattern
