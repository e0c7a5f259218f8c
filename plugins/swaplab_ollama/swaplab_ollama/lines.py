"""What a model said as Ollama writes it: a JSON object for each piece, the last one with how it went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from attrs import frozen

from swaplab_ollama.answers import NOTHING, Figures, Piece
from swaplab_ollama.requests import Voice


@frozen
class Times:
    """When, in nanoseconds of any one clock: asked, the head of the answer came, its first word, its end."""

    asked: int
    head: int
    first: int
    end: int


def line(voice: Voice, model: str, now: datetime, piece: Piece) -> dict[str, Any]:
    """Write one piece of a stream."""
    return {"model": model, "created_at": timestamp(now), **_said(voice, piece), "done": False}


def last_line(
    voice: Voice,
    model: str,
    now: datetime,
    piece: Piece = NOTHING,
    *,
    reason: str,
    figures: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Write the end of a stream, or with all that was said as its piece a whole answer."""
    said = line(voice, model, now, piece)
    return {**said, "done": True, "done_reason": reason or "stop", **(figures or {})}


def work(said: Figures, times: Times) -> dict[str, int]:
    """Write how the work went: counts of tokens, durations in nanoseconds.

    Where the engine tells nothing our clock does. `load_duration` is the time before the engine began: queue and load.
    """
    prompt_ns = said.prompt_ns if said.prompt_ns is not None else times.first - times.head
    counts = {"prompt_eval_count": said.prompt_tokens, "eval_count": said.output_tokens}
    return {
        "total_duration": times.end - times.asked,
        "load_duration": max(0, times.first - times.asked - prompt_ns),
        "prompt_eval_duration": prompt_ns,
        "eval_duration": said.output_ns if said.output_ns is not None else times.end - times.first,
        **{name: count for name, count in counts.items() if count is not None},
    }


def timestamp(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encoded(value: Mapping[str, Any]) -> bytes:
    """Write one line of NDJSON."""
    return orjson.dumps(value) + b"\n"


def _said(voice: Voice, piece: Piece) -> dict[str, Any]:
    more = {"thinking": piece.thinking} if piece.thinking else {}
    calls = {"tool_calls": list(piece.tool_calls)} if piece.tool_calls else {}
    logprobs = {"logprobs": list(piece.logprobs)} if piece.logprobs else {}
    match voice:
        case Voice.CHAT:
            return {"message": {"role": "assistant", "content": piece.text, **more, **calls}, **logprobs}
        case Voice.GENERATE:
            return {"response": piece.text, **more, **calls, **logprobs}
