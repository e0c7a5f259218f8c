"""A thread for calls that block: libraries that read /proc, or talk to a driver that may hang.

Not the pool of the event loop: that is waited for at exit, and a driver that hangs would keep the daemon from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from attrs import define, field

T = TypeVar("T")
Job = Callable[[], None]


@define(eq=False)
class SamplingThread:
    """Makes one call after the other on a thread of its own, which begins with the first call.

    Use from one event loop at a time. A call that hangs takes nothing with it but the calls after it: they are refused.
    """

    name: str
    _jobs: queue.SimpleQueue[Job] = field(factory=queue.SimpleQueue, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _busy: bool = field(default=False, init=False)

    async def call(self, work: Callable[[], T], timeout_seconds: float) -> T | None:
        """Answer what `work` answers, None when it raised: that is a mistake, and shown as any thread's is.

        Raises TimeoutError when it takes longer, or an earlier one still hangs.
        """
        if self._busy:
            raise TimeoutError(f"{self.name}: an earlier call still hangs")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T | None] = loop.create_future()
        self._busy = True
        self._begin(lambda: self._work(work, answer, loop))
        async with asyncio.timeout(timeout_seconds):
            return await answer

    def _begin(self, job: Job) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            self._jobs.get()()

    def _work(self, work: Callable[[], T], answer: asyncio.Future[T | None], loop: asyncio.AbstractEventLoop) -> None:
        result: T | None = None
        raised = True
        try:
            result = work()
            raised = False
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile: nobody waits
                loop.call_soon_threadsafe(self._settle, answer, result, raised)

    def _settle(self, answer: asyncio.Future[T | None], result: T | None, raised: bool) -> None:
        self._busy = False
        if raised:
            self._thread = None  # it ends with that exception
        if not answer.done():
            answer.set_result(result)
