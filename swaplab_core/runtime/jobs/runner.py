"""The jobs: from the queue to a result that stays. Bounded in number, kept over restarts.

A job is one task of the event loop: it waits for its time, then for its locks, then does its steps. Cancelling it
cancels whatever it waits for, down to the process group that a step has started.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Any

from attrs import define, evolve, field

from swaplab_core.domain.errors import Conflict, NotThere, SwaplabError, TooManyRequests
from swaplab_core.domain.events import Event, JobChanged, JobLogged
from swaplab_core.domain.job import Job, JobId, JobState
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.plan import Plan, Step
from swaplab_core.ports import Clock, JobFiles
from swaplab_core.runtime.jobs.locks import LockQueue
from swaplab_core.runtime.jobs.transcript import LogRecord, Transcript, read_records
from swaplab_core.runtime.jobs.work import LeaseModel, StepFailed, StepRun, eta_seconds
from swaplab_core.runtime.nodes import Nodes
from swaplab_core.runtime.tasks import spawn

MOST_WAITING = 200
MOST_REMEMBERED = 500
LONGEST_NAP_SECONDS = 30.0
"""A scheduled job looks at the wall clock this often: somebody may set it."""
PROGRESS_SECONDS = 0.1
LOG_PAGE_BYTES = 256 * 1024
RUNS_REMEMBERED = 5
ENDED_WITH_US = "swaplab ended while it ran"

PlanAgain = Callable[[Job], Awaitable[Plan | None]]

_log = logging.getLogger(__name__)


async def _never_again(_: Job) -> Plan | None:
    return None


@define(eq=False)
class Run:
    """A job that is not over.

    `is_closing`: it ends because the daemon does, not because a person wants it. `is_ending`: it cannot be cancelled
    any more.
    """

    plan: Plan
    transcript: Transcript
    unlocked: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    step_started: float = 0.0
    told_at: float = -1.0
    is_closing: bool = False
    is_ending: bool = False

    def cancel(self) -> None:
        """End it, once."""
        if self.task is not None and not self.is_ending:
            self.is_ending = True
            self.task.cancel()


@define(eq=False)
class Jobs:
    """All jobs. `now` is unix time; `clock` measures pauses."""

    nodes: Nodes
    files: JobFiles
    clock: Clock
    lease: LeaseModel
    publish: Callable[[Event], None]
    now: Callable[[], float] = time.time
    _jobs: dict[JobId, Job] = field(factory=dict, init=False)
    _runs: dict[JobId, Run] = field(factory=dict, init=False)
    _plans: dict[JobId, Plan] = field(factory=dict, init=False)
    _locks: LockQueue = field(factory=LockQueue, init=False)
    _seconds: dict[tuple[str, str], list[float]] = field(factory=dict, init=False)

    async def open(self, plan_again: PlanAgain = _never_again) -> None:
        """Read the history. What was under way when the daemon ended is told as interrupted.

        A job that waited for its time waits on when `plan_again` still knows how to do it.
        """
        for job in await self.files.load():
            self._jobs[job.id] = job
            if not job.state.is_over:
                await self._take_up(job, plan_again)
            elif job.state is JobState.SUCCEEDED:
                self._note_seconds(job)

    def submit(
        self,
        plan: Plan,
        *,
        kind: str,
        title: str,
        target: str = "",
        input: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the API
        start_at: float | None = None,
        author: str = "",
        retry_of: str = "",
    ) -> Job:
        """Put a plan in the queue. Raises TooManyRequests when too many wait."""
        if len(self._runs) >= MOST_WAITING:
            raise TooManyRequests(f"{MOST_WAITING} jobs are waiting or running", advice="cancel some, or wait")
        job = Job(
            id=JobId(f"{int(self.now() * 1000):x}-{secrets.token_hex(3)}"),
            kind=kind,
            title=title,
            state=JobState.QUEUED if start_at is None else JobState.SCHEDULED,
            created=self.now(),
            target=target,
            start_at=start_at,
            steps=tuple(step.title for step in plan.steps),
            input=dict(input or {}),
            author=author,
            retry_of=retry_of,
        )
        self._begin(job, plan)
        return self._jobs[job.id]

    def all(self) -> list[Job]:
        """Every job that is remembered, newest first."""
        return [self._shown(job) for job in reversed(self._jobs.values())]

    def get(self, job: JobId) -> Job | None:
        """One job as it stands; None when there is none, or no longer."""
        found = self._jobs.get(job)
        return None if found is None else self._shown(found)

    def find(self, job: JobId) -> Job:
        """One job as it stands. Raises NotThere."""
        found = self.get(job)
        if found is None:
            raise NotThere(f"there is no job {job!r}", advice="old ones are forgotten; see GET /api/jobs")
        return found

    def plan_of(self, job: JobId) -> Plan | None:
        """The plan of a job of this run of the daemon."""
        return self._plans.get(job)

    async def wait(self, job: JobId) -> Job:
        """Return when the job is over. Raises NotThere."""
        run = self._runs.get(self.find(job).id)
        if run is not None and run.task is not None:
            await asyncio.wait({run.task})
        return self.find(job)

    async def cancel(self, job: JobId) -> Job:
        """End a job and return when it has ended. Raises NotThere, and Conflict when it is over."""
        self.find(job)
        await asyncio.sleep(0)  # a task that has not begun could not tell its end
        run = self._runs.get(job)
        if run is None:
            raise Conflict(f"the job is over: {self.find(job).state.value}")
        run.cancel()
        return await self.wait(job)

    def delete(self, job: JobId) -> None:
        """Forget a job that is over. Raises NotThere and Conflict."""
        if not self.find(job).state.is_over:
            raise Conflict("the job is not over", advice="cancel it first")
        self._forget(job)

    async def log(self, job: JobId, offset: int = 0, limit: int = LOG_PAGE_BYTES) -> list[LogRecord]:
        """Read the log from `offset` on, which is the end of another record or 0. Raises NotThere."""
        self.find(job)
        run = self._runs.get(job)
        if run is not None:
            run.transcript.flush()
        return list(read_records(await self.files.read(job, offset, limit), offset))

    async def text(self, job: JobId, offset: int = 0) -> AsyncIterator[str]:
        """The lines of the log from `offset` on, those that were redrawn left out. Raises NotThere."""
        held: LogRecord | None = None
        while records := await self.log(job, offset):
            for record in records:
                if held is not None and not record.replaces:
                    yield held.text
                held = record
            offset = records[-1].end
        if held is not None:
            yield held.text

    async def close(self) -> None:
        """End what runs, and wait for it; it is told as interrupted. What waits for its time waits on in the files."""
        await asyncio.sleep(0)
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        for run in self._runs.values():
            run.is_closing = True
            run.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # the life of one job

    def _begin(self, job: Job, plan: Plan) -> None:
        def grown(end: int) -> None:
            self._jobs[job.id] = evolve(self._jobs[job.id], log_bytes=end)
            self.publish(JobLogged(job.id, end))

        transcript = Transcript(job.id, self.files, self.clock, grown, size=job.log_bytes)
        run = Run(plan, transcript)
        self._plans[job.id] = plan
        self._runs[job.id] = run
        self._set(job)
        if job.state is JobState.QUEUED:
            self._join(job.id, plan)
        run.task = spawn(self._live(job.id, run), name=f"job {job.id}")

    async def _take_up(self, job: Job, plan_again: PlanAgain) -> None:
        """Go on with a job that another run of the daemon has left, or say that it was interrupted."""
        plan = await plan_again(job) if job.state is JobState.SCHEDULED else None
        if plan is not None:
            self._begin(job, plan)
            return
        self._set(evolve(job, state=JobState.INTERRUPTED, ended=self.now(), error=ENDED_WITH_US, waits_for=()))

    async def _live(self, job: JobId, run: Run) -> None:
        state, error = await self._outcome(job, run)
        run.is_ending = True
        if run.is_closing and self._jobs[job].state is JobState.SCHEDULED:
            return run.transcript.close()
        return self._end(job, run, state, error)

    async def _outcome(self, job: JobId, run: Run) -> tuple[JobState, str]:
        """Do it; answers how it ended, and why it did not work."""
        try:
            await self._until_its_turn(job, run)
            self._set(evolve(self._jobs[job], state=JobState.RUNNING, started=self.now(), waits_for=()))
            await self._steps(job, run)
        except asyncio.CancelledError:
            return (JobState.INTERRUPTED, ENDED_WITH_US) if run.is_closing else (JobState.CANCELLED, "")
        except SwaplabError as error:
            return JobState.FAILED, str(error)
        except Exception as error:  # noqa: BLE001 - the code of a plugin: its mistake is the job's end, nobody else's
            _log.exception("job %s failed", job)
            return JobState.FAILED, f"{type(error).__name__}: {error}"
        return JobState.SUCCEEDED, ""

    async def _until_its_turn(self, job: JobId, run: Run) -> None:
        start_at = self._jobs[job].start_at
        if self._jobs[job].state is JobState.SCHEDULED and start_at is not None:
            while (left := start_at - self.now()) > 0:
                await self.clock.sleep(min(left, LONGEST_NAP_SECONDS))
            self._set(evolve(self._jobs[job], state=JobState.QUEUED))
            self._join(job, run.plan)
        await run.unlocked.wait()

    def _join(self, job: JobId, plan: Plan) -> None:
        self._locks.join(job, plan.locks)
        self._reconsider()

    def _reconsider(self) -> None:
        """Let go on who may, and tell the others what they wait for."""
        for job, run in self._runs.items():
            known = self._jobs[job]
            if known.state is not JobState.QUEUED or run.unlocked.is_set():
                continue
            waits_for = self._locks.waits_for(job)
            if not waits_for:
                run.unlocked.set()
            if waits_for != known.waits_for:
                self._set(evolve(known, waits_for=waits_for))

    async def _steps(self, job: JobId, run: Run) -> None:
        for number, step in enumerate(run.plan.steps):
            run.step_started = self.now()
            self._set(evolve(self._jobs[job], step=number, progress=None))
            try:
                result = await self._step(job, run, step)
            except SwaplabError as error:
                if not step.optional:
                    raise
                run.transcript.line(f"{step.title} failed, which is not needed: {error}")
                continue
            if result:
                self._set(evolve(self._jobs[job], result={**self._jobs[job].result, **result}))

    async def _step(self, job: JobId, run: Run, step: Step) -> Mapping[str, Any]:
        def change(**changes: Any) -> None:
            self._set(evolve(self._jobs[job], **changes))

        work = StepRun(
            step, self.nodes, self.lease, run.transcript, change, lambda said: self._progressed(job, run, said)
        )
        limit = asyncio.timeout(step.timeout_seconds)
        try:
            async with limit:
                return await work.perform()
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"{step.title} took longer than {step.timeout_seconds:g} s and was stopped"
            raise StepFailed(message) from None

    def _progressed(self, job: JobId, run: Run, progress: Progress) -> None:
        self._jobs[job] = evolve(self._jobs[job], progress=progress)
        if self.clock.now() - run.told_at >= PROGRESS_SECONDS or progress.fraction == 1.0:
            run.told_at = self.clock.now()
            self.publish(JobChanged(job))

    def _end(self, job: JobId, run: Run, state: JobState, error: str) -> None:
        run.transcript.line(f"— {state.value}{f': {error}' if error else ''} —")
        run.transcript.close()
        error = run.transcript.masked(error)
        ended = evolve(self._jobs[job], state=state, ended=self.now(), error=error, waits_for=())
        del self._runs[job]
        self._set(ended)
        self._locks.leave(job)
        self._reconsider()
        if state is JobState.SUCCEEDED:
            self._note_seconds(ended)
        self._prune()

    # the record

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        self.publish(JobChanged(job.id))
        self.files.save(job)

    def _shown(self, job: Job) -> Job:
        run = self._runs.get(job.id)
        if run is None or job.started is None:
            return job
        usual = self._seconds.get((job.kind, job.target))
        eta = eta_seconds(job, self.now(), median(usual) if usual else None, run.step_started)
        return evolve(job, eta_seconds=eta)

    def _note_seconds(self, job: Job) -> None:
        if job.started is not None and job.ended is not None:
            times = self._seconds.setdefault((job.kind, job.target), [])
            times.append(job.ended - job.started)
            del times[:-RUNS_REMEMBERED]

    def _prune(self) -> None:
        over: Sequence[JobId] = [job.id for job in self._jobs.values() if job.state.is_over]
        for job in over[: max(0, len(over) - MOST_REMEMBERED)]:
            self._forget(job)

    def _forget(self, job: JobId) -> None:
        self._jobs.pop(job, None)
        self._plans.pop(job, None)
        self.files.delete(job)
        self.publish(JobChanged(job))
