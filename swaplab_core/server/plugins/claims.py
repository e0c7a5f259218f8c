"""Whose path is it? Pure: patterns of paths, and whether two of them could answer the same request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Self

from attrs import define, field

ONE, REST = "{}", "{...}"
"""A segment that matches any one segment, and one that matches whatever follows."""

Pattern = tuple[str, ...]


def parse_pattern(path: str) -> Pattern:
    """Cut into segments; `{name}` is ONE, `{name:…}` is REST. A slash at the end does not matter."""
    return tuple(_segment(text) for text in path.strip("/").split("/"))


def _segment(text: str) -> str:
    if "{" not in text:
        return text
    return REST if ":" in text else ONE


def meet(a: Sequence[str], b: Sequence[str]) -> bool:
    """Could one path match both?"""
    for mine, other in zip_longest(a, b):
        if REST in (mine, other):
            return True
        if mine is None or other is None or (mine != other and ONE not in (mine, other)):
            return False
    return True


@define(eq=False)
class Claims:
    """Who has which path: first come, first served. A path has one owner, whatever its methods."""

    _owners: dict[Pattern, str] = field(factory=dict, init=False)
    _routes: set[tuple[str, Pattern]] = field(factory=set, init=False)

    @classmethod
    def of_core(cls, paths: Iterable[str]) -> Self:
        """Begin with the core's own paths. A pattern for everything, such as `/{path:.*}`, claims nothing."""
        claims = cls()
        patterns = map(parse_pattern, paths)
        claims._owners = {pattern: "swaplab itself" for pattern in patterns if pattern[0] != REST}
        return claims

    def take(self, owner: str, method: str, path: str) -> str | None:
        """Take a route for `owner`; answer who has it already, and then nothing is taken."""
        wanted = parse_pattern(path)
        for pattern, other in self._owners.items():
            if other != owner and meet(pattern, wanted):
                return other
        if (method, wanted) in self._routes:
            return "another route of its own"
        self._owners[wanted] = owner
        self._routes.add((method, wanted))
        return None
