"""Selectors: virtual models whose target is chosen at each request.

`pin` always the first target · `warm` the first that is loaded, else the first that is loading, else the first ·
`spillover` fills loaded targets up to a number of requests each before another one is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import define, field

from swaplab_core.config.schema import Selector
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.phases import COMING_UP, GOING_DOWN, Phase
from swaplab_core.routing.names import Local, Names

_UP = COMING_UP | {Phase.READY}


class NoTarget(SwaplabError):
    """Every target of a selector is on its way out."""

    code = "no-target"


@define
class Selectors:
    """The selectors of a configuration. `phase_of` tells how far up one of our models is.

    For spillover it counts, per selector and target, the requests that are under way.
    """

    selectors: Mapping[str, Selector]
    names: Names
    phase_of: Callable[[ModelId], Phase]
    _reserved: dict[str, Counter[str]] = field(factory=dict, init=False)
    _turn: Counter[str] = field(factory=Counter, init=False)

    @contextmanager
    def choose(self, name: str) -> Iterator[str]:
        """Choose a target and hold it until the block ends. Raises NoTarget."""
        selector = self.selectors[name]
        target = self._spill(name, selector) if selector.strategy == "spillover" else self.prefer(selector)
        reserved = self._reserved.setdefault(name, Counter())
        reserved[target] += 1
        try:
            yield target
        finally:
            reserved[target] -= 1

    def prefer(self, selector: Selector) -> str:
        """The target of `pin` and `warm`."""
        if selector.strategy == "pin":
            return selector.targets[0]
        phases = [(target, self._phase(target)) for target in selector.targets]
        ready = [target for target, phase in phases if phase is Phase.READY]
        coming = [target for target, phase in phases if phase in COMING_UP]
        return next(iter([*ready, *coming, *selector.targets]))

    def is_loaded(self, selector: Selector) -> bool:
        """Whether a target that would be considered is up or coming up."""
        considered = selector.targets[:1] if selector.strategy == "pin" else selector.targets
        return any(self._phase(target) in _UP for target in considered)

    def _spill(self, name: str, selector: Selector) -> str:
        reserved = self._reserved.setdefault(name, Counter())
        staying = [target for target in selector.targets if self._phase(target) not in GOING_DOWN]
        active = [target for target in staying if reserved[target] > 0 or self._phase(target) in _UP]
        cold = [target for target in staying if target not in active]
        if not staying:
            raise NoTarget(f"every target of the selector {name!r} is stopping", advice="try again in a moment")
        fewest = min((reserved[target] for target in active), default=0)
        if active and (fewest < selector.settings.spillover or not cold):
            return self._next_of(name, [target for target in active if reserved[target] == fewest])
        return cold[0]

    def _next_of(self, name: str, equals: Sequence[str]) -> str:
        """Take turns among targets with the same load."""
        turn = self._turn[name]
        self._turn[name] += 1
        return equals[turn % len(equals)]

    def _phase(self, target: str) -> Phase | None:
        """None for a peer's model, whose state we do not know."""
        found = self.names.find(target)
        return self.phase_of(found.id) if isinstance(found, Local) else None
