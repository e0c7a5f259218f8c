"""What a client is told while it waits for a model: the words, and the chunks they travel in. Pure."""

from __future__ import annotations

import orjson
from attrs import define, field, frozen

from swaplab_core.domain.metering import Progress

RULE = "━━━━━"


@frozen
class Waiting:
    """What there is to say at one moment. `expected_seconds` comes from earlier loads, None before the first."""

    position: int
    elapsed_seconds: float
    loading_seconds: float | None
    expected_seconds: float | None
    progress: Progress | None


@define
class Narrator:
    """Tells one client about its wait, as reasoning text of chat chunks; says nothing twice."""

    id: str
    model: str
    created: int
    _said: str = field(default="", init=False)

    def begin(self) -> bytes:
        """The opening."""
        return self._chunk(f"{RULE}\nswaplab is loading {self.model}\n", role="assistant")

    def update(self, now: Waiting) -> bytes:
        """What is new, b"" when nothing is."""
        text = describe(now)
        if text == self._said:
            return b""
        self._said = text
        return self._chunk(text + "\n")

    def end(self, elapsed_seconds: float) -> bytes:
        """The closing; the model's own words follow."""
        return self._chunk(f"Done! ({elapsed_seconds:.2f}s)\n{RULE}\n \n")

    def _chunk(self, text: str, *, role: str = "") -> bytes:
        delta = {"reasoning_content": text} | ({"role": role} if role else {})
        event = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        return b"data: " + orjson.dumps(event) + b"\n\n"


def describe(now: Waiting) -> str:
    """One line: the place in the queue, or how far the load is."""
    if now.loading_seconds is None:
        return f"Queue position: #{now.position}"
    parts = [_progress(now.progress)] if now.progress else []
    if now.expected_seconds is not None:
        parts.append(f"{now.loading_seconds:.0f} s of about {now.expected_seconds:.0f} s")
    else:
        parts.append(f"{now.loading_seconds:.0f} s")
    return " · ".join(parts)


def comment(now: Waiting) -> bytes:
    """A line that keeps the connection alive and that clients ignore."""
    return f": {describe(now)}\n\n".encode()


def error_event(body: bytes) -> bytes:
    """An error as the last event of a stream that has begun; `body` is the JSON of an error response."""
    return b"event: error\ndata: " + body + b"\n\n"


def _progress(progress: Progress) -> str:
    return progress.stage if progress.fraction is None else f"{progress.stage} {progress.fraction:.0%}"
