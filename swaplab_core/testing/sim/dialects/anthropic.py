"""Anthropic messages."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from swaplab_core.testing.sim.dialects.interface import Dialect, Json, named_event
from swaplab_core.testing.sim.dialects.usage import anthropic_usage
from swaplab_core.testing.sim.generation import Stopwatch


@frozen
class Messages(Dialect):
    """`/v1/messages`: input counted in `message_start`, output in `message_delta`."""

    def opening(self) -> Iterator[bytes]:
        """Start the message and its one text block."""
        yield named_event({"type": "message_start", "message": self._message([], None, 0)})
        block = {"type": "text", "text": ""}
        yield named_event({"type": "content_block_start", "index": 0, "content_block": block})
        yield named_event({"type": "ping"})

    def piece(self, text: str) -> Iterator[bytes]:
        """Say one piece."""
        delta = {"type": "text_delta", "text": text}
        yield named_event({"type": "content_block_delta", "index": 0, "delta": delta})

    def closing(self, stopwatch: Stopwatch) -> Iterator[bytes]:
        """End the block and the message."""
        yield named_event({"type": "content_block_stop", "index": 0})
        delta = {"stop_reason": self._stop_reason, "stop_sequence": None}
        yield named_event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": stopwatch.tokens}})
        yield named_event({"type": "message_stop"})

    def complete(self, stopwatch: Stopwatch) -> Json:
        """Reply in one piece."""
        content: list[Json] = [{"type": "text", "text": self.exchange.generation.text}]
        return self._message(content, self._stop_reason, stopwatch.tokens)

    @property
    def _stop_reason(self) -> str:
        return "max_tokens" if self.exchange.generation.is_cut else "end_turn"

    def _message(self, content: list[Json], stop_reason: str | None, output_tokens: int) -> Json:
        return {
            "id": self.exchange.identifier("msg_"),
            "type": "message",
            "role": "assistant",
            "model": self.exchange.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": anthropic_usage(self.exchange, output_tokens),
        }
