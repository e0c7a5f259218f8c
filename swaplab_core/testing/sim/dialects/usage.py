"""How token counts and speeds are written in replies."""

from __future__ import annotations

from swaplab_core.testing.sim.dialects.interface import Exchange, Json
from swaplab_core.testing.sim.generation import Stopwatch
from swaplab_core.testing.sim.options import TimingsStyle


def openai_usage(exchange: Exchange, stopwatch: Stopwatch) -> Json:
    """Count as chat and text completions do."""
    generation = exchange.generation
    return {
        "prompt_tokens": generation.prompt_tokens,
        "completion_tokens": stopwatch.tokens,
        "total_tokens": generation.prompt_tokens + stopwatch.tokens,
        "prompt_tokens_details": {"cached_tokens": generation.cached_tokens},
    }


def responses_usage(exchange: Exchange, stopwatch: Stopwatch) -> Json:
    """Count as OpenAI's responses do."""
    generation = exchange.generation
    return {
        "input_tokens": generation.prompt_tokens,
        "input_tokens_details": {"cached_tokens": generation.cached_tokens},
        "output_tokens": stopwatch.tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": generation.prompt_tokens + stopwatch.tokens,
    }


def anthropic_usage(exchange: Exchange, output_tokens: int) -> Json:
    """Count as Anthropic does: input without what was cached."""
    generation = exchange.generation
    return {
        "input_tokens": generation.prompt_tokens - generation.cached_tokens,
        "cache_read_input_tokens": generation.cached_tokens,
        "output_tokens": output_tokens,
    }


def speed_report(exchange: Exchange, stopwatch: Stopwatch) -> Json:
    """Return the engine's own words about speed, as keys to lay over the reply."""
    match exchange.timings:
        case TimingsStyle.LLAMACPP:
            return {"timings": _timings(exchange, stopwatch)}
        case TimingsStyle.VLLM:
            return {"metrics": _metrics(stopwatch)}
        case TimingsStyle.NONE:
            return {}


def _timings(exchange: Exchange, stopwatch: Stopwatch) -> Json:
    evaluated = exchange.generation.prompt_tokens - exchange.generation.cached_tokens
    return {
        "cache_n": exchange.generation.cached_tokens,
        "prompt_n": evaluated,
        "prompt_ms": 1000 * stopwatch.prompt_seconds,
        "prompt_per_second": _rate(evaluated, stopwatch.prompt_seconds),
        "predicted_n": stopwatch.tokens,
        "predicted_ms": 1000 * stopwatch.generation_seconds,
        "predicted_per_second": _rate(stopwatch.tokens, stopwatch.generation_seconds),
    }


def _metrics(stopwatch: Stopwatch) -> Json:
    gaps = max(1, stopwatch.tokens - 1)
    return {
        "time_to_first_token_ms": 1000 * stopwatch.prompt_seconds,
        "mean_itl_ms": 1000 * stopwatch.generation_seconds / gaps,
        "tokens_per_second": _rate(stopwatch.tokens, stopwatch.generation_seconds),
    }


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0
