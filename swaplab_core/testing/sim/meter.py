"""Counts requests and tokens, as every engine does for its metrics, and lets only so many requests work at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator

from attrs import define, field

from swaplab_core.testing.sim.generation import Generation, Stopwatch

LATENCY_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
TOKEN_BOUNDS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
FINISHED_REASONS = ("stop", "length", "abort")


@define
class Histogram:
    """How many observations were at most each bound; `total` is their sum."""

    bounds: tuple[float, ...]
    total: float = 0.0
    count: int = 0
    _at_most: Counter[float] = field(factory=Counter)

    def observe(self, value: float) -> None:
        """Add one observation."""
        self.total += value
        self.count += 1
        self._at_most.update(bound for bound in self.bounds if value <= bound)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Each bound as Prometheus writes it, with its count; `+Inf` last."""
        for bound in self.bounds:
            yield str(bound), self._at_most[bound]
        yield "+Inf", self.count


@define
class Speeds:
    """Histograms of one engine; seconds, but for the two that count tokens."""

    first_token: Histogram = field(factory=lambda: Histogram(LATENCY_BOUNDS))
    per_token: Histogram = field(factory=lambda: Histogram(LATENCY_BOUNDS))
    whole: Histogram = field(factory=lambda: Histogram(LATENCY_BOUNDS))
    prompt_tokens: Histogram = field(factory=lambda: Histogram(TOKEN_BOUNDS))
    generation_tokens: Histogram = field(factory=lambda: Histogram(TOKEN_BOUNDS))


@define
class Meter:
    """`running` are being worked on, `waiting` wait for a slot; `totals` counts tokens and outcomes since the start."""

    slots: int = 0
    running: int = 0
    waiting: int = 0
    totals: Counter[str] = field(factory=Counter)
    speeds: Speeds = field(factory=Speeds)
    numbers: Iterator[int] = field(factory=lambda: itertools.count(1))
    _free: asyncio.Semaphore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.slots or sys.maxsize)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it inside the block."""
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._free.release()

    def record(self, generation: Generation, stopwatch: Stopwatch, reason: str) -> None:
        """Count one request that ended for `reason`, one of FINISHED_REASONS."""
        self.totals[reason] += 1
        self.totals["prompt"] += generation.prompt_tokens
        self.totals["cached"] += generation.cached_tokens
        self.totals["generation"] += stopwatch.tokens
        self.speeds.first_token.observe(stopwatch.prompt_seconds)
        self.speeds.per_token.observe(stopwatch.generation_seconds / max(1, stopwatch.tokens - 1))
        self.speeds.whole.observe(stopwatch.prompt_seconds + stopwatch.generation_seconds)
        self.speeds.prompt_tokens.observe(generation.prompt_tokens)
        self.speeds.generation_tokens.observe(stopwatch.tokens)
