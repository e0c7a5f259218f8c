"""The canary of OpenAI-compatible engines: one short completion, without chance."""

from __future__ import annotations

import json

from swaplab_core.domain.launch import Canary, HttpCall

PROMPT = "1 2 3 4 5 6 7"


def completion_canary(model: str, timeout_seconds: float = 60.0) -> Canary:
    """Ask for a few tokens at temperature 0; `model` is the name under which the engine answers."""
    body = json.dumps({"model": model, "prompt": PROMPT, "max_tokens": 8, "temperature": 0, "seed": 1}).encode()
    return Canary(HttpCall("POST", "/v1/completions", timeout_seconds, body), ("choices", 0, "text"))
