"""What the engine was told and what it answered, as data: written, read again, and played to a fresh engine.

So a moment of a daemon that went wrong becomes a test. Lives here: the values, their JSON form, and the replay. Who
keeps the tape is `runtime.tape`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from attrs import define, frozen
from cattrs import Converter
from cattrs.strategies import configure_tagged_union

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine.effects import Effect
from swaplab_core.engine.facts import Fact
from swaplab_core.engine.groups import DEFAULT, Group, GroupPolicy, group_policy
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.matrix import MatrixPolicy, WrittenMatrix, compile_matrix
from swaplab_core.engine.phases import Phase
from swaplab_core.engine.policy import Policy
from swaplab_core.engine.slot import Fate, Slot, Waiting
from swaplab_core.engine.swap import SwapEngine

FORMAT = 1


@define
class Step:
    """One fact, when it was told, and what was answered; None: the engine failed over it. `at` counts seconds."""

    at: float
    fact: Fact
    effects: tuple[Effect, ...] | None = None


@frozen
class SlotState:
    """One model, as `Slot` has it."""

    model: ModelId
    limits: Limits
    phase: Phase
    fate: Fate
    incarnation: Incarnation
    generation: int
    passed: int
    serving: tuple[TicketId, ...]
    waiting: tuple[Waiting, ...]


@frozen
class EngineState:
    """Everything that decides what an engine does next."""

    policy: Policy
    patience: int
    ticks: int
    starts: int
    live: frozenset[ModelId]
    queued: tuple[ModelId, ...]
    retiring: tuple[ModelId, ...]
    slots: tuple[SlotState, ...]


@frozen
class Recording:
    """The state before the first step, and the steps."""

    start: EngineState
    steps: Sequence[Step]


@frozen
class Difference:
    """A step that an engine answers otherwise than the recorded one did. `number` counts from 1."""

    number: int
    step: Step
    answered: tuple[Effect, ...] | None
    error: str = ""


def capture(engine: SwapEngine) -> EngineState:
    """The state an engine is in."""
    slots = tuple(
        SlotState(
            *(slot.model, slot.limits, slot.phase, slot.fate, slot.incarnation, slot.generation, slot.passed),
            tuple(sorted(slot.serving)),
            tuple(slot.waiting.values()),
        )
        for slot in engine.slots.values()
    )
    return EngineState(
        *(engine.policy, engine.patience, engine.ticks, engine.starts, engine.live),
        tuple(engine.queued),
        tuple(engine.retiring),
        slots,
    )


def restore(state: EngineState) -> SwapEngine:
    """A fresh engine in that state."""
    slots = {slot.model: _slot(slot) for slot in state.slots}
    return SwapEngine(
        policy=state.policy,
        slots=slots,
        patience=state.patience,
        tickets={ticket: slot for slot in slots.values() for ticket in (*slot.serving, *slot.waiting)},
        ticks=state.ticks,
        starts=state.starts,
        queued={model: slots[model] for model in state.queued},
        retiring={model: slots[model] for model in state.retiring},
        live=state.live,
    )


def _slot(state: SlotState) -> Slot:
    return Slot(
        *(state.model, state.limits, state.phase, state.fate, state.incarnation, state.generation, state.passed),
        set(state.serving),
        OrderedDict((waiting.ticket, waiting) for waiting in state.waiting),
    )


def replay(recording: Recording) -> Iterator[Difference]:
    """Tell a fresh engine the same facts, and answer where its effects differ from the recorded ones."""
    engine = restore(recording.start)
    for number, step in enumerate(recording.steps, start=1):
        try:
            answered = engine.step(step.fact)
        except (LookupError, AttributeError, TypeError, ValueError, AssertionError) as error:
            yield Difference(number, step, None, f"{type(error).__name__}: {error}")
            return
        if answered != step.effects:
            yield Difference(number, step, answered)


def to_json(recording: Recording, now: float) -> dict[str, Any]:
    """The recording as JSON has it; `at` of a step becomes the seconds that have passed until `now`."""
    return {
        "format": FORMAT,
        "start": state_to_json(recording.start),
        "steps": [_step_to_json(step, now) for step in recording.steps],
    }


def from_json(value: Mapping[str, Any]) -> Recording:
    """Read what `to_json` wrote; `at` is below 0, counted from the end. Raises ValueError for anything else."""
    if value.get("format") != FORMAT:
        raise ValueError(f"its format is {value.get('format')!r}, and {FORMAT} is understood")
    try:
        return Recording(
            _converter().structure(value["start"], EngineState), tuple(map(_step_from_json, value["steps"]))
        )
    except (LookupError, TypeError, ExceptionGroup) as error:
        raise ValueError(f"it is incomplete: {error!r}") from error


def state_to_json(state: EngineState) -> dict[str, Any]:
    """A state as JSON has it."""
    return dict(_converter().unstructure(state, EngineState))


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """A fact as JSON has it, its name under `fact`."""
    return dict(_converter().unstructure(fact, Fact))


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """An effect as JSON has it, its name under `effect`."""
    return dict(_converter().unstructure(effect, Effect))


def _step_to_json(step: Step, now: float) -> dict[str, Any]:
    effects = None if step.effects is None else [effect_to_json(effect) for effect in step.effects]
    return {"seconds_ago": round(now - step.at, 3), "fact": fact_to_json(step.fact), "effects": effects}


def _step_from_json(value: Mapping[str, Any]) -> Step:
    converter, effects = _converter(), value["effects"]
    return Step(
        -float(value["seconds_ago"]),
        converter.structure(value["fact"], Fact),  # type: ignore[arg-type]  # a union is no class
        None if effects is None else tuple(converter.structure(effect, Effect) for effect in effects),  # type: ignore[arg-type]  # see above
    )


@cache
def _converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={frozenset: sorted})
    converter.register_unstructure_hook_func(lambda cls: cls is Policy, _policy_to_json)
    converter.register_structure_hook_func(lambda cls: cls is Policy, lambda value, _: _policy_from_json(value))
    configure_tagged_union(Fact, converter, tag_name="fact")
    configure_tagged_union(Effect, converter, tag_name="effect")
    return converter


def _policy_to_json(policy: Policy) -> dict[str, Any]:
    """As it was written. A policy that is unknown here can be shown, and not replayed."""
    converter = _converter()
    match policy:
        case GroupPolicy(homes=homes):
            groups = [group for group in dict.fromkeys(homes.values()) if group.name != DEFAULT.name]
            return {"use": "group", "groups": converter.unstructure(groups), "models": list(homes)}
        case MatrixPolicy(written=written):
            return {"use": "matrix", **converter.unstructure(written)}
        case _:
            return {"use": type(policy).__name__}


def _policy_from_json(value: Mapping[str, Any]) -> Policy:
    match value:
        case {"use": "group", "groups": groups, "models": models}:
            return group_policy([_converter().structure(group, Group) for group in groups], models)
        case {"use": "matrix", **written}:
            matrix = _converter().structure(written, WrittenMatrix)
            policy = compile_matrix(matrix.sets, matrix.variables, matrix.evict_costs, matrix.models)
            if not isinstance(policy, tuple):
                return policy
        case _:
            pass
    raise TypeError(f"the policy {value!r} is not understood")
