"""Whether an upstream may be put to sleep, and whether it is still itself when it wakes."""

from __future__ import annotations

import json

from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.ports import Http


def cannot_sleep(spec: LaunchSpec, sleeps: int, canary: str | None) -> str:
    """Return why an upstream is stopped instead, "" when it may sleep."""
    calls = spec.sleep
    if calls is None:
        return "its launch says nothing of sleep"
    if calls.cycles and sleeps >= calls.cycles:
        return f"it has slept {sleeps} times since its start"
    if calls.canary is not None and canary is None:
        return "nobody could tell afterwards whether it is itself: it did not answer the canary"
    return ""


async def hear_canary(http: Http, spec: LaunchSpec) -> str | None:
    """Ask what a waking upstream must answer as before; None when there is nothing to ask, or no answer."""
    canary = spec.sleep.canary if spec.sleep is not None else None
    if canary is None:
        return None
    body = await http.ask(spec.base_url, canary.call)
    return None if body is None else _picked(body, canary.pick)


def _picked(body: bytes, pick: tuple[str | int, ...]) -> str | None:
    try:
        value = json.loads(body)
        for step in pick:
            value = value[step]
    except (ValueError, LookupError, TypeError):
        return None
    return value if isinstance(value, str) else None
