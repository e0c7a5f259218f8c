"""Which tag is newer, and which is a release: tags of container images in order. Pure.

A tag is a version when it holds numbers with dots (`1.3.0rc3`, `v0.11.0`, `26.01-py3`) or a build number (`b8000`);
what stands around the number is its variant, and versions are compared within one. Release candidates, alphas and the
like come before their release, posts behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

_VERSION = re.compile(
    r"(?P<before>(?:[a-z][a-z0-9_]*?[-_.])*?)(?P<v>[vb]?)(?P<numbers>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<word>rc|alpha|beta|dev|nightly|preview|pre|a|b)[-_.]?(?P<count>\d*))?"
    r"(?:[-_.]?post(?P<post>\d+))?(?P<after>(?:[-_.].*)?)",
    re.IGNORECASE,
)
_WORDS = {"dev": 0, "nightly": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "pre": 3, "preview": 3, "rc": 4}
_FINAL = 9
_UNSTABLE = re.compile(r"(?:^|[-_.])(?:nightly|dev|edge|main|master|canary|snapshot)(?:$|[-_.])", re.IGNORECASE)


@frozen
class Version:
    """A tag that is a version. `variant` is what stands around the number, `order` what is compared."""

    tag: str
    variant: str
    order: tuple[tuple[int, ...], int, int, int]
    is_stable: bool


def read(tag: str) -> Version | None:
    """Read a tag; None when it is no version."""
    match = _VERSION.fullmatch(tag)
    if match is None or (not match["v"] and "." not in match["numbers"]):
        return None
    numbers = tuple(map(int, match["numbers"].split(".")))
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    word = _WORDS[match["word"].lower()] if match["word"] else _FINAL
    order = (numbers, word, int(match["count"] or 0), int(match["post"] or 0))
    variant = f"{match['before']}{'b' if match['v'].lower() == 'b' else ''}*{match['after']}"
    return Version(tag, variant, order, word == _FINAL and not _UNSTABLE.search(tag))


def channel(tag: str) -> str:
    """`stable`, `pre-release`, or `other` for what is no version."""
    version = read(tag)
    if version is None:
        return "pre-release" if _UNSTABLE.search(tag) else "other"
    return "stable" if version.is_stable else "pre-release"


def newest_first(tags: Iterable[str]) -> tuple[str, ...]:
    """Order tags: versions, the newest first, then everything else by name."""
    unique = dict.fromkeys(tags)
    versions = [version for tag in unique if (version := read(tag)) is not None]
    versions.sort(key=lambda version: version.tag)
    versions.sort(key=lambda version: version.order, reverse=True)
    known = {version.tag for version in versions}
    return (*(version.tag for version in versions), *sorted(tag for tag in unique if tag not in known))


def newer(current: str, tags: Iterable[str]) -> str:
    """The newest release of the variant of `current` when it is newer, "" otherwise.

    A candidate is followed by newer candidates only where there is no newer release.
    """
    mine = read(current)
    if mine is None:
        return ""
    same = [version for tag in tags if (version := read(tag)) is not None and version.variant == mine.variant]
    ahead = [version for version in same if version.order > mine.order]
    releases = [version for version in ahead if version.is_stable]
    candidates = releases or ([] if mine.is_stable else ahead)
    return max(candidates, key=lambda version: version.order).tag if candidates else ""
