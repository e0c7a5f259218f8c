"""Tokens and speeds out of an engine's JSON: the shapes that several engines share, for drivers to build on.

Pure and total: any mapping is accepted, what is missing or makes no sense counts as not said.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from attrs import fields

from swaplab_core.domain.metering import Usage

_NOTHING = Usage()
_EMPTY: Mapping[str, Any] = {}
_MAPPINGS, _NUMBERS = (dict, Mapping), (int, float)  # an `A | B` in place would be made anew with each question
_values = attrgetter(*(field.name for field in fields(Usage)))
_LARGEST = 1e15  # far above any count or speed; keeps infinities and absurd integers out


def read_usage(message: Mapping[str, Any]) -> Usage | None:
    """Read one response or stream event of an OpenAI-compatible engine; None when it tells nothing.

    Looks at `usage` (also inside `response`, as OpenAI's Responses have it, and `message`, as Anthropic's), then at
    llama.cpp's `timings` and vLLM's `metrics`; what a later one says wins. With `timings`, `input_tokens` are the
    tokens that were really processed, those from the cache not included.
    """
    usage = _from_usage(part) if (part := _mapping(message, "usage")) else _NOTHING
    for name in ("response", "message"):
        if (place := _mapping(message, name)) and (part := _mapping(place, "usage")):
            usage = merge_usage(usage, _from_usage(part))
    if timings := _mapping(message, "timings"):
        usage = merge_usage(usage, _from_timings(timings))
    if metrics := _mapping(message, "metrics"):
        usage = merge_usage(usage, _from_metrics(metrics, usage))
    return None if usage is _NOTHING or usage == _NOTHING else usage


def merge_usage(earlier: Usage, later: Usage) -> Usage:
    """Combine what two events of one stream tell: the later one wins, but its zero never hides a positive value."""
    if earlier is _NOTHING:
        return later
    if later == _NOTHING:
        return earlier
    pairs = zip(_values(earlier), _values(later), strict=True)
    return Usage(*(after if after or before is None else before for before, after in pairs))


def _from_usage(usage: Mapping[str, Any]) -> Usage:
    """OpenAI's chat and Responses names, and Anthropic's. SGLang tells its drafts where OpenAI tells predictions."""
    read, written, cached = (
        _count(usage, "prompt_tokens", "input_tokens"),
        _count(usage, "completion_tokens", "output_tokens"),
        _cached(usage),
    )
    if details := _mapping(usage, "completion_tokens_details"):
        return Usage(read, written, cached, **_predictions(details))
    return Usage(read, written, cached)


def _predictions(details: Mapping[str, Any]) -> dict[str, Any]:
    accepted, rejected = (_count(details, f"{name}_prediction_tokens") or 0 for name in ("accepted", "rejected"))
    return _draft(accepted + rejected, accepted) if accepted + rejected else {}


def _cached(usage: Mapping[str, Any]) -> int | None:
    if (told := _count(usage, "cache_read_input_tokens")) is not None:
        return told
    for name in ("input_tokens_details", "prompt_tokens_details"):
        if (details := _mapping(usage, name)) and (told := _count(details, "cached_tokens")) is not None:
            return told
    return None


def _from_timings(timings: Mapping[str, Any]) -> Usage:
    """llama.cpp, in the response itself or in the last event of a stream."""
    return Usage(
        input_tokens=_count(timings, "prompt_n"),
        output_tokens=_count(timings, "predicted_n"),
        cached_tokens=_count(timings, "cache_n"),
        prompt_per_second=_number(timings, "prompt_per_second"),
        output_per_second=_number(timings, "predicted_per_second"),
        **_draft(_count(timings, "draft_n"), _count(timings, "draft_n_accepted")),
    )


def _from_metrics(metrics: Mapping[str, Any], known: Usage) -> Usage:
    """vLLM, when it is told to send them; its own `tokens_per_second` is not used, it is inaccurate."""
    fresh_tokens = (known.input_tokens or 0) - (known.cached_tokens or 0)
    drafts = _mapping(metrics, "speculative_decoding")
    return Usage(
        prompt_per_second=_per_second(fresh_tokens, _number(metrics, "time_to_first_token_ms")),
        output_per_second=_per_second(1, _number(metrics, "mean_itl_ms")),
        **_draft(_count(drafts, "num_draft_tokens"), _count(drafts, "num_accepted_draft_tokens")),
    )


def _draft(drafted: int | None, accepted: int | None) -> dict[str, Any]:
    """Tokens of speculative decoding mean something only together."""
    if drafted is None or accepted is None:
        return {}
    return {"draft_tokens": drafted, "draft_accepted_tokens": accepted}


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if value is not None and isinstance(value, _MAPPINGS) else _EMPTY


def _count(parent: Mapping[str, Any], *keys: str) -> int | None:
    """Read the first of the keys that holds a number."""
    for key in keys:
        value = parent.get(key)
        if type(value) is int and 0 <= value <= _LARGEST:
            return value
        if value is not None and (number := _number(parent, key)) is not None:
            return int(number)
    return None


def _number(parent: Mapping[str, Any], key: str) -> float | None:
    value = parent.get(key)
    if value is None or isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    return value if 0 <= value <= _LARGEST else None


def _per_second(tokens: int, milliseconds: float | None) -> float | None:
    return tokens * 1000 / milliseconds if milliseconds and tokens > 0 else None
