"""One step of a job: a command through its executor, or the code of a plugin's adapter; the output read on the way."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import Job
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL, NodeId
from swaplab_core.domain.plan import Command, LeaseContext, Step
from swaplab_core.plugin.hooks import guarded
from swaplab_core.ports import ExitStatus
from swaplab_core.runtime.jobs.transcript import LineCutter, Transcript
from swaplab_core.runtime.logs import clean
from swaplab_core.runtime.nodes import Nodes

SIGNAL_EXIT = 128
"""A shell's exit code for a program that was killed by a signal, to which the signal's number is added."""

LeaseModel = Callable[[ModelId], LeaseContext]


class StepFailed(NodeError):
    """A command of the step ended with an error; the message is for people."""

    code = "step-failed"


@define(eq=False)
class StepRun:
    """What a step may do; the protocol `Work`. `change` alters the job's record, `progress` is called as it goes."""

    step: Step
    nodes: Nodes
    lease_model: LeaseModel
    transcript: Transcript
    change: Callable[..., None]
    progress: Callable[[Progress], None]
    _last: str = field(default="", init=False)

    async def perform(self) -> Mapping[str, Any]:
        """Do the step; answers its part of the result. Raises whatever goes wrong, StepFailed for a bad exit code."""
        if self.step.work is not None:
            return await self.step.work(self) or {}
        assert self.step.command is not None
        code = await self.run(self.step.command, self.step.node)
        if code != 0:
            said = f": {self._last}" if self._last else ""
            raise StepFailed(f"{self.step.title} ended with exit code {code}{said}")
        return {}

    def log(self, text: str) -> None:
        """Add a line to the log."""
        for line in text.splitlines() or [""]:
            self.transcript.line(line)

    def hide(self, secret: str) -> None:
        """Hide a secret that no command names."""
        self.transcript.hide([secret])

    async def run(self, command: Command, node: NodeId = LOCAL) -> int:
        """Run a command; answers its exit code."""
        self.transcript.hide(command.secrets(os.environ))
        shown = self.transcript.masked(shlex.join(command.argv))
        self.change(command=shown, exit_code=None)
        self.transcript.line(f"$ {shown}")
        cutter = LineCutter()

        def hear(chunk: bytes) -> None:
            for line, redrawn in cutter.feed(chunk):
                self._heard(line, redrawn=redrawn)

        status = await self.nodes.run(node, command.ready(os.environ), hear, hear)
        for line, redrawn in cutter.end():
            self._heard(line, redrawn=redrawn)
        code = _exit_code(status)
        self.change(exit_code=code)
        return code

    def lease(self, model: ModelId) -> LeaseContext:
        """Have a model loaded and kept."""
        return self.lease_model(model)

    def _heard(self, line: str, *, redrawn: bool) -> None:
        self.transcript.line(line, redrawn=redrawn)
        text = clean(line.encode("utf-8", "replace"))
        if not text:
            return
        self._last = self.transcript.masked(text)
        if self.step.reads_progress is not None:
            said = guarded(partial(self.step.reads_progress, text))
            if isinstance(said, Progress):
                self.progress(said)


def _exit_code(status: ExitStatus) -> int:
    return SIGNAL_EXIT + status.signal if status.signal is not None else status.code or 0


def eta_seconds(job: Job, now: float, usual_seconds: float | None, step_started: float) -> float | None:
    """How long a running job will still take: by its progress, else by how long it took before."""
    if job.started is None or job.state.is_over:
        return None
    fraction = job.progress.fraction if job.progress else None
    is_last = job.step == len(job.steps) - 1
    if fraction is not None and fraction >= MEANINGFUL_FRACTION and is_last:
        return (now - step_started) * (1 - fraction) / fraction
    return None if usual_seconds is None else max(0.0, usual_seconds - (now - job.started))


MEANINGFUL_FRACTION = 0.02
