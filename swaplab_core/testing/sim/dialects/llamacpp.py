"""llama.cpp's own formats: `/completion` and `/infill`."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from swaplab_core.testing.sim.dialects.interface import Dialect, Json, data_event
from swaplab_core.testing.sim.dialects.usage import speed_report
from swaplab_core.testing.sim.generation import Stopwatch


@frozen
class NativeCompletion(Dialect):
    """`/completion`: the text in `content`, `stop` in the last event, no `[DONE]`."""

    def piece(self, text: str) -> Iterator[bytes]:
        """Say one piece."""
        yield data_event({"index": 0, "content": text, "tokens": [], "stop": False})

    def closing(self, stopwatch: Stopwatch) -> Iterator[bytes]:
        """Stop, and account for it."""
        yield data_event(self._end("", stopwatch))

    def complete(self, stopwatch: Stopwatch) -> Json | list[Json]:
        """Reply in one piece."""
        return self._end(self.exchange.generation.text, stopwatch)

    def _end(self, text: str, stopwatch: Stopwatch) -> Json:
        generation = self.exchange.generation
        return {
            "index": 0,
            "content": text,
            "tokens": [],
            "stop": True,
            "model": self.exchange.model,
            "tokens_predicted": stopwatch.tokens,
            "tokens_evaluated": generation.prompt_tokens,
            "tokens_cached": generation.cached_tokens,
            "truncated": False,
            "stop_type": "limit" if generation.is_cut else "eos",
        } | speed_report(self.exchange, stopwatch)


@frozen
class Infill(NativeCompletion):
    """`/infill`: a list whose last member holds the speed report."""

    def complete(self, stopwatch: Stopwatch) -> list[Json]:
        """Reply in one piece."""
        end = self._end("", stopwatch)
        return [{"index": 0, "content": self.exchange.generation.text, "tokens": [], "stop": False}, end]
