"""The world, as Protocols. Adapters implement them; `swaplab_core.testing` holds one fake for each.

Every fake passes the same contract suite as the real adapter, so a fake cannot lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from swaplab_core.domain.activity import (
    ActivityFilter,
    ActivityGroup,
    ActivityQuery,
    ActivityRow,
    ActivityStats,
    GroupKey,
    Heat,
    Measure,
    Retention,
)
from swaplab_core.domain.hardware import HardwareSnapshot
from swaplab_core.domain.job import Job, JobId
from swaplab_core.domain.launch import HttpCall, LaunchSpec, StopStrategy
from swaplab_core.domain.node import NodeId
from swaplab_core.domain.performance import GpuSample, SystemSample
from swaplab_core.domain.plan import ReadyCommand

_HINTS = {
    4: "illegal instruction: the program is built for another kind of processor",
    9: "often the system's doing, when memory runs out",
}
"""What a signal that nobody sent usually means, for whoever reads the message."""


@frozen
class ExitStatus:
    """How a process ended: `code` of its own, or `signal` that killed it (the other is None)."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        """Say it the way a person would."""
        return f"killed by signal {self.signal}" if self.signal is not None else f"exit code {self.code}"

    @property
    def explained(self) -> str:
        """The same, with what usually lies behind it when nobody of ours did it."""
        hint = _HINTS.get(self.signal or 0)
        return f"{self} ({hint})" if hint else str(self)


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


class Commands(Protocol):
    """Runs commands to their end, here or on another node."""

    async def run(
        self, node: NodeId, command: ReadyCommand, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None]
    ) -> ExitStatus:
        """Return how it ended. A cancelled call ends the whole process group before it raises. Raises SwaplabError."""
        ...


class Http(Protocol):
    """Short control requests to upstreams (readiness, sleep, wake): never the data path."""

    async def call(self, base_url: str, call: HttpCall) -> int | None:
        """Answer the status of one request, or None when nobody answered in `call.timeout_seconds`."""
        ...

    async def ask(self, base_url: str, call: HttpCall) -> bytes | None:
        """Answer the body of a 200 of at most 1 MiB; None when something else came, or nothing in time."""
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


class HttpReader(Protocol):
    """Reads small documents of upstreams, such as their metrics."""

    async def read(self, base_url: str, path: str, *, timeout_seconds: float, limit_bytes: int) -> bytes | None:
        """Answer the body of a GET that was answered 200.

        None when something else came, nothing in time, or more than `limit_bytes`.
        """
        ...


class SystemProbe(Protocol):
    """Looks how busy the system is."""

    async def sample(self) -> SystemSample | None:
        """One look, never blocking the loop; None when the system does not tell."""
        ...


class ProcessProbe(Protocol):
    """Looks what running programs hold of the system's memory."""

    async def memory(self, pids: Sequence[int]) -> Mapping[int, int]:
        """Bytes held by each of these processes and everything that descends from it; none for one that is gone."""
        ...


class GpuSource(Protocol):
    """One of the ways to learn how busy the GPUs are. `name` is for people."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report samples until cancelled, or until it cannot go on; answers why, for the log.

        Answers at once where there is no such source. Whatever it started has ended when it returns.
        """
        ...


class HardwareProbe(Protocol):
    """Finds out what the machine is."""

    async def detect(self) -> HardwareSnapshot | None:
        """Look at everything; None when not even the memory can be told. May be cancelled when it takes too long."""
        ...


class Store(Protocol):
    """Keeps the activity. Every method raises StoreFailed."""

    async def insert(self, rows: Sequence[ActivityRow]) -> list[int]:
        """Write rows, all or none; answers their ids, in order. What is written survives a crash."""
        ...

    async def prune(self) -> None:
        """Drop what is older than is kept."""
        ...

    async def rows(self, query: ActivityQuery) -> list[ActivityRow]:
        """One page."""
        ...

    async def count(self, where: ActivityFilter) -> int:
        """How many rows there are."""
        ...

    async def stats(self, where: ActivityFilter) -> ActivityStats:
        """Sums and histograms."""
        ...

    async def groups(self, where: ActivityFilter, by: GroupKey, limit: int) -> list[ActivityGroup]:
        """What rows have in common, the most frequent first."""
        ...

    async def heat(self, where: ActivityFilter, of: Measure) -> Heat:
        """How many took how long, over time."""
        ...


class HistoryStore(Store, Protocol):
    """A store that says how much it keeps, and can be emptied. `place` is memory, file or database."""

    retention: Retention

    @property
    def place(self) -> str:
        """Where the rows are."""
        ...

    async def clear(self) -> int:
        """Drop every row; answers how many."""
        ...


class JobFiles(Protocol):
    """Keeps jobs and their logs. Everything happens in the order of the calls; a failure is logged, never raised."""

    async def load(self) -> list[Job]:
        """Every job that is kept, oldest first."""
        ...

    def save(self, job: Job) -> None:
        """Keep a job as it stands; returns before that is done."""
        ...

    def append(self, job: JobId, data: bytes) -> None:
        """Add to its log; returns before that is done."""
        ...

    async def read(self, job: JobId, offset: int, limit: int) -> bytes:
        """Read of its log at most `limit` bytes from `offset` on."""
        ...

    def delete(self, job: JobId) -> None:
        """Forget a job and its log."""
        ...
