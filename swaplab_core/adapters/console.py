"""Writing to the daemon's own standard output without ever waiting for it.

A terminal that is paused, or a log collector that is slow, must not stop the event loop: a thread of its own writes,
and what does not fit into its queue is dropped with a mark.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from typing import BinaryIO

from attrs import define, field

QUEUE_CHUNKS = 1024


@define(eq=False)
class Console:
    """One writer thread, started with the first chunk. `close` writes what is queued and ends it."""

    stream: BinaryIO = field(factory=lambda: sys.stdout.buffer)
    _queue: queue.Queue[bytes | None] = field(factory=lambda: queue.Queue(QUEUE_CHUNKS), init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _dropped: int = field(default=0, init=False)

    def write(self, data: bytes) -> None:
        """Queue a chunk; never blocks."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="console", daemon=True)
            self._thread.start()
        try:
            if self._dropped:
                self._queue.put_nowait(b"\n\xe2\x80\x94 %d chunks dropped \xe2\x80\x94\n" % self._dropped)
                self._dropped = 0
            self._queue.put_nowait(data)
        except queue.Full:
            self._dropped += 1

    def close(self, within_seconds: float = 1.0) -> None:
        """Let the thread finish what is queued, at most this long."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=within_seconds)
            self._thread.join(within_seconds)
            self._thread = None

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            with contextlib.suppress(OSError, ValueError):  # closed by whoever read it: the logs are still in memory
                self.stream.write(data)
                self.stream.flush()
