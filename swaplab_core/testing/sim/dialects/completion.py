"""OpenAI text completions."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from swaplab_core.testing.sim.dialects.interface import DONE, Dialect, Json, data_event
from swaplab_core.testing.sim.dialects.usage import openai_usage, speed_report
from swaplab_core.testing.sim.generation import Stopwatch


@frozen
class Completion(Dialect):
    """`/v1/completions`: text, then finish reason with usage and speed, `[DONE]`."""

    def piece(self, text: str) -> Iterator[bytes]:
        """Say one piece."""
        yield data_event(self._reply(text, None))

    def closing(self, stopwatch: Stopwatch) -> Iterator[bytes]:
        """Finish."""
        yield data_event(self._reply("", self._finish_reason) | self._account(stopwatch))
        yield DONE

    def complete(self, stopwatch: Stopwatch) -> Json:
        """Reply in one piece."""
        return self._reply(self.exchange.generation.text, self._finish_reason) | self._account(stopwatch)

    @property
    def _finish_reason(self) -> str:
        return "length" if self.exchange.generation.is_cut else "stop"

    def _reply(self, text: str, finish_reason: str | None) -> Json:
        return {
            "id": self.exchange.identifier("cmpl-"),
            "object": "text_completion",
            "created": self.exchange.created,
            "model": self.exchange.model,
            "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}],
        }

    def _account(self, stopwatch: Stopwatch) -> Json:
        return {"usage": openai_usage(self.exchange, stopwatch)} | speed_report(self.exchange, stopwatch)
