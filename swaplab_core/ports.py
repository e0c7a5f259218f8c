"""The world, as Protocols. Adapters implement them; `swaplab_core.testing` holds one fake for each.

Every fake passes the same contract suite as the real adapter, so a fake cannot lie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from swaplab_core.domain.launch import HttpCall, LaunchSpec, StopStrategy


@frozen
class ExitStatus:
    """How a process ended: `code` of its own, or `signal` that killed it (the other is None)."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        """Say it the way a person would."""
        return f"killed by signal {self.signal}" if self.signal is not None else f"exit code {self.code}"


class Process(Protocol):
    """One running process group that we started."""

    @property
    def pid(self) -> int:
        """The leader's pid, which is also its process group."""
        ...

    async def wait(self) -> ExitStatus:
        """Return when no process of the group is alive and the output is closed; may be awaited by several."""
        ...

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask it to go, wait the grace, kill the group, wait. Never raises; a second call joins the first."""
        ...


class Processes(Protocol):
    """Starts processes."""

    async def start(self, spec: LaunchSpec, output: Callable[[bytes], None]) -> Process:
        """Start `spec.argv` in a process group of its own.

        `output` is called on the event loop with each chunk of stdout and stderr, as it comes, and must not block.
        Raises StartFailed when the program is missing or cannot be run, with what to do about it.
        """
        ...


class Http(Protocol):
    """Short control requests to upstreams (readiness, sleep, wake): never the data path."""

    async def call(self, base_url: str, call: HttpCall) -> int | None:
        """Answer the status of one request, or None when nobody answered in `call.timeout_seconds`."""
        ...

    async def is_taken(self, base_url: str) -> bool:
        """Is somebody already listening there? Always False for an address of another machine."""
        ...


class Timer(Protocol):
    """A call that has been scheduled."""

    def cancel(self) -> None:
        """Take it back; harmless when it has already happened."""
        ...


class Clock(Protocol):
    """Time, monotonic, in seconds."""

    def now(self) -> float:
        """Seconds since an arbitrary point."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`, on the event loop."""
        ...
