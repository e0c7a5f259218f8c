"""Rules over several keys, all together, and the list of keys that are read but not acted on yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swaplab_core.config import check_names, check_values
from swaplab_core.config.document import MapNode, Place
from swaplab_core.config.schema import Config
from swaplab_core.domain.problem import Problem

NOT_YET: tuple[str, ...] = ()
"""Keys that are checked and then ignored; each use of one is a warning. `*` stands for any one step."""


def check(config: Config, root: MapNode) -> tuple[Problem, ...]:
    """Apply every rule; `root` only lends the places."""
    rules = (*check_names.RULES, *check_values.RULES)
    problems = [problem for rule in rules for problem in rule(config, root)]
    return (*problems, *not_supported(root))


def not_supported(root: MapNode, patterns: Sequence[str] = NOT_YET) -> Iterator[Problem]:
    """Warn once of each key that nothing acts on yet, at its first place."""
    for pattern in patterns:
        places = list(_places(root, pattern.split(".")))
        if places:
            times = f" ({len(places)} places in this file)" if len(places) > 1 else ""
            yield places[0].warning(
                f"not supported yet: it is checked and then ignored{times}", "leave it, or remove it"
            )


def _places(node: MapNode, steps: Sequence[str]) -> Iterator[Place]:
    first, *rest = steps
    for key in node if first == "*" else {first} & node.keys():
        child = node[key]
        if not rest:
            yield node.key_place(key)
        elif isinstance(child, MapNode):
            yield from _places(child, rest)
