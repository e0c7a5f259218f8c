"""Background tasks of this plugin: the reference is kept until they end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Run `work` in the background; whoever needs its result awaits the task."""
    task = asyncio.create_task(work, name=name)  # noqa: TID251 - this is the one place of this plugin
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task
