"""Background tasks that cannot get lost: the reference is kept and a failure is reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

_log = logging.getLogger(__name__)
_running: set[asyncio.Task[None]] = set()


def spawn(work: Coroutine[None, None, None], *, name: str) -> asyncio.Task[None]:
    """Run `work` in the background; an exception is logged with its traceback under `name`."""
    task = asyncio.create_task(_guarded(work, name), name=name)  # noqa: TID251 - this is the one place
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def _guarded(work: Coroutine[None, None, None], name: str) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - nobody awaits it: the log is the only place left to say so
        _log.exception("background task %r failed", name)
