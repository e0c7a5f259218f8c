"""OpenAI chat completions."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from swaplab_core.testing.sim.dialects.interface import DONE, Dialect, Json, data_event
from swaplab_core.testing.sim.dialects.usage import openai_usage, speed_report
from swaplab_core.testing.sim.generation import Stopwatch


@frozen
class Chat(Dialect):
    """`/v1/chat/completions`: role, content, finish reason, usage when it is wanted, `[DONE]`."""

    def opening(self) -> Iterator[bytes]:
        """Name the speaker."""
        yield self._chunk({"role": "assistant", "content": None})

    def piece(self, text: str) -> Iterator[bytes]:
        """Say one piece."""
        yield self._chunk({"content": text})

    def closing(self, stopwatch: Stopwatch) -> Iterator[bytes]:
        """Finish; the speed report is in the last JSON event, as llama-server does it."""
        speed = speed_report(self.exchange, stopwatch)
        if self.exchange.wants_usage:
            yield self._chunk({}, self._finish_reason)
            usage = {"usage": openai_usage(self.exchange, stopwatch)}
            yield data_event(self._envelope("chat.completion.chunk") | {"choices": []} | usage | speed)
        else:
            yield self._chunk({}, self._finish_reason, speed)
        yield DONE

    def complete(self, stopwatch: Stopwatch) -> Json:
        """Reply in one piece."""
        message = {"role": "assistant", "content": self.exchange.generation.text}
        return (
            self._envelope("chat.completion")
            | {"choices": [{"index": 0, "message": message, "finish_reason": self._finish_reason}]}
            | {"usage": openai_usage(self.exchange, stopwatch)}
            | speed_report(self.exchange, stopwatch)
            | ({"sim": self.exchange.echo} if self.exchange.echo else {})
        )

    @property
    def _finish_reason(self) -> str:
        return "length" if self.exchange.generation.is_cut else "stop"

    def _envelope(self, kind: str) -> Json:
        return {
            "id": self.exchange.identifier("chatcmpl-"),
            "object": kind,
            "created": self.exchange.created,
            "model": self.exchange.model,
        }

    def _chunk(self, delta: Json, finish_reason: str | None = None, more: Json | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return data_event(self._envelope("chat.completion.chunk") | {"choices": [choice]} | (more or {}))
