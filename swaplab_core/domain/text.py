"""Text from outside, made fit to be kept."""

from __future__ import annotations

import difflib


def storable(text: str) -> str:
    """The text without what databases and JSON refuse: NUL, and the bytes of a header that were no UTF-8 (now `?`)."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def unified(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return the difference of two texts as a unified diff, "" for none."""
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(one, other, before_name, after_name))
