"""Text from outside, made fit to be kept."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text without what databases and JSON refuse: NUL, and the bytes of a header that were no UTF-8 (now `?`)."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "replace").decode().replace("\0", "")
