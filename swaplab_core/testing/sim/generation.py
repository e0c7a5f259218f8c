"""What one request is answered with: decided before the first byte, then spoken at the rate asked for."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from attrs import define, frozen

from swaplab_core.testing.sim.options import SimOptions

LIMIT_KEYS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict")
PROMPT_KEYS = ("system", "instructions", "messages", "prompt", "input", "content", "input_prefix", "input_suffix")


@frozen
class Generation:
    """What to say: `count` tokens, the words again and again. And what the reply claims about the prompt."""

    words: tuple[str, ...]
    count: int
    prompt_tokens: int
    cached_tokens: int
    is_cut: bool

    def pieces(self) -> Iterator[str]:
        """Each token's text. There may be very many."""
        return itertools.islice(itertools.cycle(self.words), self.count)

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces())


def plan_generation(options: SimOptions, body: Mapping[str, Any]) -> Generation:
    """Decide the answer to one request.

    The text once, or `options.tokens` tokens of it; never more than the request's limit, which is reached exactly when
    the request asks to ignore the end of text.
    """
    words = tuple(pieces_of(options.say))
    natural = len(words) if options.tokens is None else options.tokens
    limit = _limit(body)
    if limit is not None and body.get("ignore_eos"):
        natural = limit
    natural = max(natural, _number(body, "min_tokens") or 0) if words else 0
    count = natural if limit is None else min(natural, limit)
    return Generation(
        words=words,
        count=count,
        prompt_tokens=count_tokens(body) if options.prompt_tokens is None else options.prompt_tokens,
        cached_tokens=options.cached_tokens,
        is_cut=limit is not None and count == limit,
    )


def pieces_of(text: str) -> list[str]:
    """Cut a text into words, each with the space before it; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(body: Mapping[str, Any]) -> int:
    """Count the words of everything in a request that a model would read."""
    return sum(_words(body.get(key)) for key in PROMPT_KEYS)


def _words(value: Any) -> int:
    match value:
        case str():
            return len(value.split())
        case int():  # a prompt of token numbers
            return 1
        case list():
            return sum(map(_words, value))
        case {"content": content}:
            return _words(content)
        case {"text": text}:
            return _words(text)
        case _:
            return 0


def _limit(body: Mapping[str, Any]) -> int | None:
    limits = [_number(body, key) for key in LIMIT_KEYS]
    return min((limit for limit in limits if limit is not None and limit >= 0), default=None)


def _number(body: Mapping[str, Any], key: str) -> int | None:
    value = body.get(key)
    return value if isinstance(value, int) else None


@define
class Stopwatch:
    """When a request was begun, said its first token and ended: seconds on the monotonic clock."""

    began: float
    first: float | None = None
    ended: float | None = None
    tokens: int = 0

    def tick(self) -> None:
        """Count one token."""
        now = time.monotonic()
        self.first = now if self.first is None else self.first
        self.ended = now
        self.tokens += 1

    @property
    def prompt_seconds(self) -> float:
        """From the begin to the first token."""
        return (self.first or self.began) - self.began

    @property
    def generation_seconds(self) -> float:
        """From the first token to the last."""
        return (self.ended or self.began) - (self.first or self.began)


async def speak(options: SimOptions, generation: Generation, stopwatch: Stopwatch) -> AsyncIterator[str]:
    """Say the pieces at the configured rate, which holds on average however slow the listener is."""
    pause = 1 / options.tokens_per_second if options.tokens_per_second > 0 else 0.0
    due = stopwatch.began + options.first_token_seconds
    for piece in generation.pieces():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        stopwatch.tick()
        yield piece
        due += pause
