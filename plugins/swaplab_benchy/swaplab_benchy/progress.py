"""How far a run is, from the events that llama-benchy writes (`--emit-progress`, schema llama-benchy-progress.v1)."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field

from swaplab_benchy.options import RunOptions
from swaplab_core.plugin import Progress


def requests_expected(options: RunOptions) -> int:
    """How many requests a run makes: all sizes at all depths, each concurrency with that many, `runs` times.

    With prefix caching a depth above 0 is measured twice, the context's own load first.
    """
    levels = sum(options.concurrency or (1,))
    depths = options.depth or (0,)
    phases = sum(2 if options.enable_prefix_caching and depth > 0 else 1 for depth in depths)
    return len(options.pp) * len(options.tg) * phases * levels * options.runs


@define(eq=False)
class ProgressReader:
    """Reads the events of one run; `expected` requests are all of it."""

    expected: int
    done: int = field(default=0, init=False)
    errors: list[str] = field(factory=list, init=False)
    status: str = field(default="", init=False)
    version: str = field(default="", init=False)

    def read(self, line: str) -> Progress | None:
        """Take in one line; answers the progress when it moved. What is no event is passed over."""
        try:
            event = json.loads(line)
        except ValueError:
            return None
        return self._take(event) if isinstance(event, dict) else None

    def _take(self, event: dict[str, Any]) -> Progress | None:
        match event.get("type"):
            case "header":
                self.version = str(event.get("llama_benchy_version", ""))
            case "request_start":
                return Progress(_stage(event), self._fraction)
            case "request_end":
                self.done += 1
                if error := event.get("error"):
                    self.errors.append(str(error))
                return Progress(f"request {self.done} of {self.expected}", self._fraction)
            case "bench_complete":
                self.status = str(event.get("status", ""))
            case _:
                pass  # tokens, first responses: more often than anyone looks
        return None

    @property
    def _fraction(self) -> float:
        return min(1.0, self.done / self.expected) if self.expected else 0.0


def _stage(event: dict[str, Any]) -> str:
    sizes = f"pp {event.get('prompt_size', '?')} · tg {event.get('response_size', '?')}"
    depth = event.get("context_size") or 0
    return sizes + (f" · depth {depth}" if depth else "") + f" · x{event.get('concurrency', 1)}"
