"""Container images: the grammar of names, so that no option and no line break passes for one, and what is known."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PATH = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PATH}(?:/{_PATH})*(?::(?P<tag>\w[\w.-]{{0,127}}))?(?P<digest>@sha256:[0-9a-f]{{64}})?", re.ASCII
)
_LONGEST = 512


@frozen
class KnownImages:
    """Which images there are, as far as somebody knows.

    `local` are the names of this machine's, None when they are not known. `tags` are those that registries have, by
    repository.
    """

    local: tuple[str, ...] | None = None
    tags: Mapping[str, tuple[str, ...]] = field(factory=dict)


def is_image(reference: str) -> bool:
    """Is this `[registry[:port]/]path[:tag][@sha256:…]`?"""
    return len(reference) <= _LONGEST and _IMAGE.fullmatch(reference) is not None


def with_tag(reference: str) -> str:
    """Return the reference with `:latest` when it names neither a tag nor a digest."""
    match = _IMAGE.fullmatch(reference)
    return f"{reference}:latest" if match and not match["tag"] and not match["digest"] else reference


def repository_of(reference: str) -> str:
    """Return the reference without tag and digest."""
    match = _IMAGE.fullmatch(reference)
    if match is None:
        return reference
    end = match.start("tag") - 1 if match["tag"] else match.start("digest") if match["digest"] else len(reference)
    return reference[:end]
