"""Printing from a thread of its own, so that a reader who is slow, or gone, never delays an answer."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Iterator

from attrs import define, field

FLOOD_BLOCK_BYTES = 64 * 1024
FAREWELL_SECONDS = 0.2


@define
class Output:
    """Lines to a file descriptor, between them a flood of `flood_bytes`."""

    file_descriptor: int
    flood_bytes: int = 0
    _waiting: queue.SimpleQueue[bytes | None] = field(factory=queue.SimpleQueue, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to print."""
        self._thread = threading.Thread(target=self._print_all, name="output", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Print this soon; never blocks."""
        self._waiting.put(data)

    def close(self) -> None:
        """Print what waits, unless the reader does not take it; what is left of the flood is dropped."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(FAREWELL_SECONDS)

    def _print_all(self) -> None:
        flood = flood_blocks(self.flood_bytes)
        with contextlib.suppress(OSError):  # the reader has gone: nobody to print to
            while (data := self._next(flood)) is not None:
                while data:
                    data = data[os.write(self.file_descriptor, data) :]

    def _next(self, flood: Iterator[bytes]) -> bytes | None:
        with contextlib.suppress(queue.Empty):
            return self._waiting.get_nowait()
        block = next(flood, None)
        return self._waiting.get() if block is None else block


def flood_blocks(total_bytes: int) -> Iterator[bytes]:
    """Numbered-looking log lines, `total_bytes` in all, in large blocks."""
    line = b"swaplab-sim: flood " + b"." * 60 + b"\n"
    block = line * (FLOOD_BLOCK_BYTES // len(line))
    for _ in range(total_bytes // len(block)):
        yield block
    yield from filter(None, [block[: total_bytes % len(block)]])
