"""Jobs: one run of a plan each, from the queue to a result that stays."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, NewType

from attrs import field, frozen

from swaplab_core.domain.metering import Progress

JobId = NewType("JobId", str)


class JobState(enum.Enum):
    """SCHEDULED: waits for its time. QUEUED: waits for a lock. INTERRUPTED: the daemon ended while it ran."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {JobState.SCHEDULED, JobState.QUEUED, JobState.RUNNING}


@frozen
class Job:
    """One job as it stands. Times are unix seconds, None when they are not there yet.

    `kind` is `<plugin>:<action>`, `target` what it is about (a backend's folder, a model). `step` counts from 0.
    `waits_for` are the locks it waits for. `result` is JSON that the steps answered; `error` one sentence.
    `command` is the argv of the running (or last) command as shown to people, `log_bytes` the offset at which its log
    ends. `author` is who started it, `retry_of` the job that it repeats.
    """

    id: JobId
    kind: str
    title: str
    state: JobState
    created: float
    target: str = ""
    started: float | None = None
    ended: float | None = None
    start_at: float | None = None
    step: int = 0
    steps: tuple[str, ...] = ()
    progress: Progress | None = None
    eta_seconds: float | None = None
    waits_for: tuple[str, ...] = ()
    input: Mapping[str, Any] = field(factory=dict)
    result: Mapping[str, Any] = field(factory=dict)
    error: str = ""
    command: str = ""
    exit_code: int | None = None
    log_bytes: int = 0
    author: str = ""
    retry_of: str = ""
