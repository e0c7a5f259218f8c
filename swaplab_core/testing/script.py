"""Scripts for the swap engine: facts, each with everything that the engine must answer to it, and nothing else.

script(
    engine,
    (Requested(1, "a"), [StartUpstream("a", 1)]),
    (UpstreamReady("a", 1), [Grant(1, "a", 1)]),
)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swaplab_core.domain.ids import ModelId, TicketId
from swaplab_core.engine import Phase, SwapEngine
from swaplab_core.engine.effects import Effect, Grant
from swaplab_core.engine.facts import Fact, Released, Requested, UpstreamReady
from swaplab_core.engine.slot import Slot

Line = tuple[Fact, Sequence[Effect]]

_EARLIER = TicketId(-1)


def script(engine: SwapEngine, *lines: Line) -> None:
    """Tell the facts one after the other, and compare all effects of each, in order.

    Raises AssertionError at the first difference, with the play so far and the state the engine is in.
    """
    played: list[Line] = []
    for fact, expected in lines:
        effects = engine.step(fact)
        played.append((fact, effects))
        if list(effects) != list(expected):
            raise AssertionError("\n".join(_difference(engine, played, expected)))


def bring_up(engine: SwapEngine, *models: ModelId) -> None:
    """Have each model ready and idle, as an earlier request leaves it; its ticket is -1, out of a script's way.

    Raises AssertionError when one cannot be served at once: they must be able to run together, and nobody may wait.
    """
    for model in models:
        engine.step(Requested(_EARLIER, model))
        incarnation = engine.slots[model].incarnation
        if Grant(_EARLIER, model, incarnation) not in engine.step(UpstreamReady(model, incarnation)):
            raise AssertionError(f"{model} does not come up beside the others:\n" + "\n".join(_state(engine)))
        engine.step(Released(_EARLIER))


def _difference(engine: SwapEngine, played: Sequence[Line], expected: Sequence[Effect]) -> Iterator[str]:
    yield f"the engine does not keep to line {len(played)} of the script"
    for number, (fact, effects) in enumerate(played[:-1], start=1):
        yield f"{number:4}. {fact}"
        yield from _listed("", effects)
    fact, effects = played[-1]
    yield f"{len(played):4}. {fact}"
    yield from _listed("expected", expected)
    yield from _listed("answered", effects)
    yield "after that:"
    yield from _state(engine)


def _listed(title: str, effects: Sequence[Effect]) -> Iterator[str]:
    for effect in [str(effect) for effect in effects] or ["(nothing)"]:
        yield f"      {title:8} {effect}"


def _state(engine: SwapEngine) -> Iterator[str]:
    for slot in engine.slots.values():
        if slot.phase is not Phase.STOPPED or slot.waiting:
            yield f"      {_described(slot)}"


def _described(slot: Slot) -> str:
    parts = [f"{slot.model} {slot.phase.value}, incarnation {slot.incarnation}"]
    if slot.serving:
        parts.append(f"serving {', '.join(map(str, sorted(slot.serving)))}")
    if slot.waiting:
        parts.append(f"waiting {', '.join(map(str, slot.waiting))}")
    return "; ".join(parts)
