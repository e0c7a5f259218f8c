"""One running upstream as the supervisor keeps it, what others may see of it, and who hears what becomes of it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from attrs import define, field, frozen

from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL, NodeId
from swaplab_core.ports import Process
from swaplab_core.runtime.logs import LineReader, LogHistory

MOST_STAGES = 50
"""An engine whose log names more stages than that does not get longer for them."""


@define(eq=False)
class Upstream:
    """One start of one model, from the decision to start it until its process group is gone.

    `furthest` is how far each stage of its load has come, in per cent, and `further_at` when it last came further.
    """

    model: ModelId
    incarnation: Incarnation
    started_at: float
    log: LogHistory = field(factory=LogHistory)
    spec: LaunchSpec | None = None
    process: Process | None = None
    progress: Progress | None = None
    furthest: dict[str, int] = field(factory=dict)
    further_at: float = 0.0
    loading: LineReader | None = field(factory=LineReader)
    failure: str = ""
    outdated: bool = False
    stop_wanted: bool = False
    exited: bool = False
    task: asyncio.Task[None] | None = None
    preparing: asyncio.Task[None] | None = None
    canary: str | None = None
    sleeps: int = 0

    def advance(self, progress: Progress, now: float) -> None:
        """Note how far its load is. Further is a new stage, or a whole per cent more of one; so it has an end."""
        self.progress = progress
        percent = int(100 * min(1.0, max(0.0, progress.fraction or 0.0)))  # a plugin may say NaN
        is_new = progress.stage not in self.furthest and len(self.furthest) < MOST_STAGES
        if is_new or percent > self.furthest.get(progress.stage, 100):
            self.furthest[progress.stage] = percent
            self.further_at = now

    def running(self) -> tuple[LaunchSpec, Process]:
        """What it was started with, and its process; only once it is started."""
        assert self.spec is not None
        assert self.process is not None
        return self.spec, self.process

    def is_stopping(self) -> bool:
        """Whether somebody has asked for it to go; a method, since the answer changes across an await."""
        return self.stop_wanted

    def failed_because(self) -> str:
        """What went wrong, "" for nothing yet; a method, as `is_stopping`."""
        return self.failure

    def is_leaving(self, base_url: str) -> bool:
        """Whether it holds this address, and will not for long."""
        return self.spec is not None and self.spec.base_url == base_url and (self.stop_wanted or self.outdated)


@frozen
class UpstreamStatus:
    """What can be seen of a running upstream. `elapsed_seconds` counts from the start."""

    pid: int | None
    base_url: str
    argv: tuple[str, ...]
    elapsed_seconds: float
    progress: Progress | None
    node: NodeId = LOCAL


class Listener(Protocol):
    """Hears what becomes of upstreams; must be quick, and must not raise."""

    def printed(self, model: ModelId, chunk: bytes) -> None:
        """Output has come."""
        ...

    def progressed(self, model: ModelId) -> None:
        """Its load has come further."""
        ...

    def loaded(self, model: ModelId, seconds: float) -> None:
        """It is ready, so long after its start."""
        ...

    def failed(self, model: ModelId, *, was_ready: bool) -> None:
        """It ended by itself: before it was ready, or while it served."""
        ...


class Nobody:
    """A listener that does not listen."""

    def printed(self, model: ModelId, chunk: bytes) -> None:
        """Not heard."""

    def progressed(self, model: ModelId) -> None:
        """Not heard."""

    def loaded(self, model: ModelId, seconds: float) -> None:
        """Not heard."""

    def failed(self, model: ModelId, *, was_ready: bool) -> None:
        """Not heard."""


NOBODY = Nobody()
