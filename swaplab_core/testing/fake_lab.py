"""`LabView` without a daemon: what a plugin is given in its tests.

`FakeLab(settings={"mine": Settings()})`. Plans that are submitted are kept, not run; commands follow a script; the
configuration is a text in memory, edited as the real one is.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, evolve, field

from swaplab_core.config.edit import document, rewrite
from swaplab_core.domain.errors import Conflict, NotThere, PluginFailed, StartFailed
from swaplab_core.domain.events import Event
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import Job, JobId, JobState
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import Command, Plan
from swaplab_core.domain.text import unified
from swaplab_core.plugin import Output, Process, Sink
from swaplab_core.plugin.edits import Change, DocumentEdits
from swaplab_core.testing.fake_gateway import FakeGateway

T = TypeVar("T")

THIS = Node(LOCAL, "this machine", "local", "127.0.0.1")
Run = Callable[[Command, NodeId], Output]


def _silence(_: Command, __: NodeId) -> Output:
    return Output(0, b"", b"")


@define(eq=False)
class FakeConfig(DocumentEdits):
    """The configuration file as a text. `edits` keeps who changed it and why."""

    text: str = "models: {}\n"
    path: Path | None = Path("/etc/swaplab/config.yaml")
    edits: list[tuple[str, str]] = field(factory=list)

    def document(self) -> Mapping[str, Any]:
        """What the text says."""
        return document(self.text)

    async def apply(self, change: Change, *, author: str, reason: str) -> str:
        """Edit the text line by line."""
        new = document(self.text)
        change(new)
        self.text = rewrite(self.text, new)
        self.edits.append((author, reason))
        return f"revision-{len(self.edits)}"

    async def difference(self, change: Change) -> str:
        """Say what a change would write."""
        new = document(self.text)
        change(new)
        return unified(self.text, rewrite(self.text, new), "before", "after")


@define(eq=False)
class FakeLab:
    """Satisfies `LabView`. `submitted` keeps every plan by its job; `run_` answers short commands."""

    settings_by_plugin: Mapping[str, object] = field(factory=dict)
    others: Sequence[Node] = ()
    run_: Run = _silence
    gateway: FakeGateway = field(factory=FakeGateway)
    config: FakeConfig = field(factory=FakeConfig)
    submitted: dict[JobId, Plan] = field(factory=dict)
    ran: list[tuple[NodeId, Command]] = field(factory=list)
    events: list[Event] = field(factory=list)
    spawned: dict[str, Callable[[], Awaitable[None]]] = field(factory=dict)
    drained: Mapping[ModelId, str] = field(factory=dict)
    url: str = "http://127.0.0.1:8080"
    program_key: str = "sk-for-programs"
    instance: str = "0"
    _jobs: dict[JobId, Job] = field(factory=dict, init=False)
    _numbers: count[int] = field(factory=lambda: count(1), init=False)
    _folder: Path | None = field(default=None, init=False)

    def settings(self, plugin: str, kind: type[T]) -> T:
        """What the test gave, else the defaults."""
        given = self.settings_by_plugin.get(plugin)
        if isinstance(given, kind):
            return given
        try:
            return kind()
        except TypeError:
            raise PluginFailed(f"plugin {plugin!r} is not configured") from None

    def state_folder(self, plugin: str) -> Path:
        """A temporary folder."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="swaplab-fake-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        folder = self._folder / plugin
        folder.mkdir(exist_ok=True)
        return folder

    def nodes(self) -> Sequence[Node]:
        """This machine and the others."""
        return (THIS, *self.others)

    def submit(
        self,
        plan: Plan,
        *,
        kind: str,
        title: str,
        target: str = "",
        input: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the API
        start_at: float | None = None,
    ) -> Job:
        """Keep the plan; the job stays queued until `finish`."""
        job = JobId(f"job-{next(self._numbers)}")
        steps = tuple(step.title for step in plan.steps)
        self._jobs[job] = Job(
            job, kind, title, JobState.QUEUED, 0.0, target, start_at=start_at, steps=steps, input=dict(input or {})
        )
        self.submitted[job] = plan
        return self._jobs[job]

    def finish(self, job: JobId, state: JobState = JobState.SUCCEEDED, **changes: Any) -> Job:
        """Let a job be over."""
        self._jobs[job] = evolve(self._jobs[job], state=state, ended=1.0, **changes)
        return self._jobs[job]

    def job(self, job: JobId) -> Job | None:
        """One job."""
        return self._jobs.get(job)

    def jobs(self, kind: str = "") -> Sequence[Job]:
        """Newest first."""
        return [job for job in reversed(self._jobs.values()) if job.kind.startswith(kind)]

    async def wait(self, job: JobId) -> Job:
        """The job as it is: nothing runs here."""
        return self._find(job)

    async def cancel(self, job: JobId) -> Job:
        """End a job."""
        if self._find(job).state.is_over:
            raise Conflict("the job is over")
        return self.finish(job, JobState.CANCELLED)

    async def job_log(self, job: JobId, offset: int = 0) -> str:  # noqa: ARG002 - nothing was printed
        """Nothing was printed."""
        self._find(job)
        return ""

    def delete_job(self, job: JobId) -> None:
        """Forget a job."""
        if not self._find(job).state.is_over:
            raise Conflict("the job is not over")
        del self._jobs[job]

    async def run(self, command: Command, node: NodeId = LOCAL, *, timeout_seconds: float = 10.0) -> Output:  # noqa: ARG002 - Protocol
        """Follow the script."""
        self.ran.append((node, command))
        return self.run_(command, node)

    async def start(self, spec: LaunchSpec, output: Sink) -> Process:  # noqa: ARG002 - nothing is started
        """Refuse: engines are the business of `FakeProcesses`."""
        raise StartFailed(f"nothing is started in a fake: {spec.argv[0]}")

    def drain(self, models: Mapping[ModelId, str]) -> None:
        """Keep what was wanted."""
        self.drained = models

    def publish(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)

    def spawn(self, work: Callable[[], Awaitable[None]], *, name: str) -> None:
        """Keep the work; the test runs it when it wants to."""
        self.spawned[name] = work

    def _find(self, job: JobId) -> Job:
        if job not in self._jobs:
            raise NotThere(f"there is no job {job!r}")
        return self._jobs[job]
