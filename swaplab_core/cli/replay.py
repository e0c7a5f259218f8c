"""`swaplab replay`: what the engine of another daemon was told, told to the engine of this one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.engine.effects import Effect
from swaplab_core.engine.facts import Fact
from swaplab_core.engine.recording import (
    Difference,
    Recording,
    Step,
    effect_to_json,
    fact_to_json,
    from_json,
    replay,
)


class BadRecording(SwaplabError):
    """A file is no recording of an engine."""

    code = "bad-recording"


class EngineDiffers(SwaplabError):
    """This engine does not do what the recorded one did."""

    code = "engine-differs"


def replayed(file: Path, *, show_all: bool) -> Iterator[str]:
    """The lines to print, of the steps that differ or of all. Raises BadRecording or, at the end, EngineDiffers."""
    recording = _read(file)
    differences = {difference.number: difference for difference in replay(recording)}
    for number, step in enumerate(recording.steps, start=1):
        if number in differences or show_all:
            yield from _lines(number, step, differences.get(number))
    count = f"{len(recording.steps)} fact{'s' * (len(recording.steps) != 1)}"
    if differences:
        raise EngineDiffers(f"{len(differences)} of {count} have other effects in this version")
    yield f"{count} replayed with {len(recording.start.slots)} models: all effects are the recorded ones"


def _read(file: Path) -> Recording:
    try:
        value = json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        if not isinstance(value, Mapping):
            raise ValueError("it is no JSON object")
        return from_json(value)
    except OSError as error:
        raise BadRecording(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        advice = "save what GET /api/debug/engine answers to the administrator"
        raise BadRecording(f"{file} is no recording of an engine: {error}", advice=advice) from error


def _lines(number: int, step: Step, difference: Difference | None) -> Iterator[str]:
    yield f"{number:5}. {-step.at:.3f} s before the end: {_fact(step.fact)}"
    yield from _effects("recorded" if difference else "", step.effects)
    if difference and difference.error:
        yield f"       now       the engine fails: {difference.error}"
    elif difference:
        yield from _effects("now", difference.answered)


def _effects(title: str, effects: Sequence[Effect] | None) -> Iterator[str]:
    if effects is None:
        yield f"       {title:9} the engine failed"
        return
    for text in [_words(effect_to_json(effect), "effect") for effect in effects] or ["(nothing)"]:
        yield f"       {title:9} {text}"


def _fact(fact: Fact) -> str:
    value = fact_to_json(fact)
    if "policy" in value:  # of a whole configuration only the names
        value = {"fact": value["fact"], "models": list(value["models"]), "changed": value["changed"]}
    return _words(value, "fact")


def _words(value: Mapping[str, Any], name: str) -> str:
    """`Requested ticket=1 model="a"`."""
    rest = " ".join(f"{key}={json.dumps(item)}" for key, item in value.items() if key != name and item != "")
    return f"{value[name]} {rest}"
