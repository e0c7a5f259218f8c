"""OpenAI responses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from attrs import field, frozen

from swaplab_core.testing.sim.dialects.interface import Dialect, Json, named_event
from swaplab_core.testing.sim.dialects.usage import responses_usage, speed_report
from swaplab_core.testing.sim.generation import Stopwatch


@frozen
class Responses(Dialect):
    """`/v1/responses`: numbered events; usage is in the last, inside `response`."""

    _numbers: Iterator[int] = field(factory=itertools.count, init=False)

    def opening(self) -> Iterator[bytes]:
        """Create the response, its one message and the message's one part."""
        response = {"response": self._response("in_progress", [])}
        yield self._event("response.created", response)
        yield self._event("response.in_progress", response)
        item = {"output_index": 0, "item": self._message("in_progress", [])}
        yield self._event("response.output_item.added", item)
        yield self._part_event("response.content_part.added", {"part": _text_part("")})

    def piece(self, text: str) -> Iterator[bytes]:
        """Say one piece."""
        yield self._part_event("response.output_text.delta", {"delta": text, "logprobs": []})

    def closing(self, stopwatch: Stopwatch) -> Iterator[bytes]:
        """End part, message and response."""
        text = self.exchange.generation.text
        part = _text_part(text)
        yield self._part_event("response.output_text.done", {"text": text, "logprobs": []})
        yield self._part_event("response.content_part.done", {"part": part})
        item = {"output_index": 0, "item": self._message("completed", [part])}
        yield self._event("response.output_item.done", item)
        end = "response.incomplete" if self.exchange.generation.is_cut else "response.completed"
        yield self._event(end, {"response": self.complete(stopwatch)} | speed_report(self.exchange, stopwatch))

    def complete(self, stopwatch: Stopwatch) -> Json:
        """Reply in one piece."""
        output = [self._message("completed", [_text_part(self.exchange.generation.text)])]
        status = "incomplete" if self.exchange.generation.is_cut else "completed"
        return self._response(status, output) | {"usage": responses_usage(self.exchange, stopwatch)}

    def _response(self, status: str, output: list[Json]) -> Json:
        return {
            "id": self.exchange.identifier("resp_"),
            "object": "response",
            "created_at": self.exchange.created,
            "status": status,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "error": None,
            "model": self.exchange.model,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }

    @property
    def _message_id(self) -> str:
        return self.exchange.identifier("msg_")

    def _message(self, status: str, content: list[Json]) -> Json:
        return {
            "type": "message",
            "id": self._message_id,
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _part_event(self, kind: str, fields: Json) -> bytes:
        return self._event(kind, {"item_id": self._message_id, "output_index": 0, "content_index": 0} | fields)

    def _event(self, kind: str, fields: Json) -> bytes:
        return named_event({"type": kind, "sequence_number": next(self._numbers)} | fields)


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
