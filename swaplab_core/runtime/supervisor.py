"""Runs upstreams: start, wait until ready, put to sleep, wake, stop. One `Upstream` per running process.

Lives here: the order of those steps, and telling the engine how each ended. Not here: when to do any of them (the
engine decides), and how a process is started or killed (adapters). Every start ends in exactly one UpstreamExited.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Protocol

from attrs import define, evolve, field

from swaplab_core.domain.errors import StartFailed, SwaplabError
from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.domain.launch import HttpCall, LaunchSpec
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL
from swaplab_core.engine.facts import Fact, UpstreamAsleep, UpstreamExited, UpstreamReady
from swaplab_core.ports import Clock, Commands, ExitStatus, Http, Process, Processes
from swaplab_core.runtime.launch_steps import NO_COMMANDS, run_step
from swaplab_core.runtime.sleeping import cannot_sleep, hear_canary
from swaplab_core.runtime.tasks import spawn
from swaplab_core.runtime.upstream import NOBODY, Listener, Upstream, UpstreamStatus

FIRST_PROBE_SECONDS = 0.004
PROBE_BACKOFF = 1.02
"""Readiness is noticed half a pause late on average, so pauses grow slowly: 10 ms after 0.3 s, 250 ms after 12 s.
A probe that is refused costs 0.2 ms."""
LONGEST_PROBE_INTERVAL_SECONDS = 0.25
LINES_IN_AN_ERROR = 8
LOADS_REMEMBERED = 5
OK = 200

_log = logging.getLogger(__name__)


class Launches(Protocol):
    """What the supervisor asks of the configuration and the plugins."""

    async def spec(self, model: ModelId) -> LaunchSpec:
        """How to start `model` now. Raises SwaplabError when it cannot be launched."""
        ...

    def progress(self, model: ModelId, line: str) -> Progress | None:
        """What a log line says about the load."""
        ...


@define(eq=False)
class Supervisor:
    """Keeps the running upstreams. `tell` hands facts to the dispatcher, `listener` hears what becomes of them.

    `commands` runs what a launch needs done before and after its process.
    """

    processes: Processes
    http: Http
    clock: Clock
    launches: Launches
    tell: Callable[[Fact], None]
    listener: Listener = NOBODY
    commands: Commands = NO_COMMANDS
    _running: dict[ModelId, Upstream] = field(factory=dict, init=False)
    _loads: dict[ModelId, deque[float]] = field(factory=dict, init=False)
    _crashes: dict[ModelId, tuple[Incarnation, float]] = field(factory=dict, init=False)

    def start(self, model: ModelId, incarnation: Incarnation) -> None:
        """Begin; ends in UpstreamReady or UpstreamExited."""
        upstream = Upstream(model, incarnation, self.clock.now())
        self._running[model] = upstream
        upstream.task = spawn(self._run(upstream), name=f"upstream {model}")

    def stop(self, model: ModelId) -> None:
        """Ask it to go, whatever it is doing; ends in UpstreamExited."""
        upstream = self._running[model]
        upstream.stop_wanted = True
        if upstream.preparing is not None:
            upstream.preparing.cancel()
        if upstream.process is not None and upstream.spec is not None:
            spawn(self._stop(upstream.process, upstream.spec), name=f"stop {model}")

    def outdate(self, models: Iterable[ModelId]) -> None:
        """Note that what now runs of `models` will be replaced or removed, so that others may wait for its address."""
        for model in models:
            if model in self._running:
                self._running[model].outdated = True

    def retune(self, graces: Mapping[ModelId, float]) -> None:
        """Stop what now runs of these models with other graces, in seconds."""
        for model, seconds in graces.items():
            upstream = self._running.get(model)
            if upstream is not None and upstream.spec is not None:
                upstream.spec = evolve(upstream.spec, stop=evolve(upstream.spec.stop, grace_seconds=seconds))

    def sleep(self, model: ModelId) -> None:
        """Put it to sleep; ends in UpstreamAsleep, or UpstreamExited when it would not sleep."""
        spawn(self._sleep(self._running[model]), name=f"sleep {model}")

    def wake(self, model: ModelId) -> None:
        """Wake it; ends in UpstreamReady, or UpstreamExited when it would not wake."""
        spawn(self._wake(self._running[model]), name=f"wake {model}")

    def base_url(self, model: ModelId) -> str:
        """Where requests for a granted model go."""
        spec = self._running[model].spec
        assert spec is not None, "only a started upstream is granted"
        return spec.base_url

    def status(self, model: ModelId) -> UpstreamStatus | None:
        """What can be seen now; None when nothing runs."""
        upstream = self._running.get(model)
        if upstream is None:
            return None
        return UpstreamStatus(
            upstream.process.pid if upstream.process else None,
            upstream.spec.base_url if upstream.spec else "",
            upstream.spec.argv if upstream.spec else (),
            self.clock.now() - upstream.started_at,
            upstream.progress,
            upstream.spec.node if upstream.spec else LOCAL,
        )

    def expected_seconds(self, model: ModelId) -> float | None:
        """How long a load of `model` takes, from the last few; None before the first."""
        loads = self._loads.get(model)
        return median(loads) if loads else None

    async def crashed_at(self, model: ModelId, incarnation: Incarnation, within_seconds: float) -> float | None:
        """When this start of `model` ended by itself; None when it did not, and does not in this time."""
        upstream = self._running.get(model)
        if upstream is not None and upstream.incarnation == incarnation and upstream.task is not None:
            await asyncio.wait({upstream.task}, timeout=within_seconds)
        crashed, moment = self._crashes.get(model, (None, 0.0))
        return moment if crashed == incarnation else None

    async def gone(self, models: Iterable[ModelId]) -> None:
        """Return when what now runs of `models` has exited."""
        tasks = [up.task for model in models if (up := self._running.get(model)) and up.task]
        if tasks:
            await asyncio.wait(tasks)

    # the life of one upstream

    async def _run(self, upstream: Upstream) -> None:
        reason = f"swaplab made a mistake when it ran {upstream.model}; its log has the details"
        try:
            reason = await self._life(upstream)
        except SwaplabError as error:
            reason = str(error)
        finally:  # whatever went wrong: an end that nobody tells the engine would block the model for ever
            if not upstream.is_stopping():
                _log.warning("%s: %s", upstream.model, reason)
                self.listener.failed(upstream.model, was_ready=upstream.loading is None)
                self._crashes[upstream.model] = (upstream.incarnation, self.clock.now())
            del self._running[upstream.model]
            self.tell(UpstreamExited(upstream.model, upstream.incarnation, reason))

    async def _life(self, upstream: Upstream) -> str:
        """Answer why it is gone."""
        spec = upstream.spec = await self.launches.spec(upstream.model)
        await self._until_left(upstream, spec.base_url)
        if upstream.is_stopping():
            return "stopped before it was started"
        try:
            return await self._serve(upstream, spec)
        finally:
            await self._clean_up(upstream, spec)

    async def _serve(self, upstream: Upstream, spec: LaunchSpec) -> str:
        if spec.before:
            upstream.preparing = spawn(self._prepare(upstream, spec), name=f"prepare {upstream.model}")
            await asyncio.wait({upstream.preparing})
        if upstream.failed_because():
            return upstream.failure
        if not upstream.is_stopping() and await self.http.is_taken(spec.base_url):  # and nothing of ours is left there
            raise StartFailed(
                f"{upstream.model} was not started: another program already listens on {spec.base_url}",
                advice="stop it, or give the model another port",
            )
        if upstream.is_stopping():
            return "stopped before it was started"
        upstream.process = process = await self.processes.start(spec, lambda chunk: self._read(upstream, chunk))
        _log.info("%s: started, pid %d", upstream.model, process.pid)
        if upstream.is_stopping():
            spawn(self._stop(process, spec), name=f"stop {upstream.model}")
        else:
            spawn(self._until_ready(upstream, process, spec), name=f"readiness of {upstream.model}")
        status = await process.wait()
        upstream.exited = True
        return upstream.failed_because() or _exit_reason(upstream, status)

    async def _prepare(self, upstream: Upstream, spec: LaunchSpec) -> None:
        """Run what must be done before the start; what goes wrong is the upstream's failure."""
        for step in spec.before:
            failed = await run_step(self.commands, step, lambda chunk: self._read(upstream, chunk))
            if failed and not step.optional:
                message = f"{upstream.model} was not started: {step.title}: {failed}"
                upstream.failure = _with_output(message, upstream)
                return

    async def _clean_up(self, upstream: Upstream, spec: LaunchSpec) -> None:
        """Take away what the process group may have left."""
        for step in spec.after:
            failed = await run_step(self.commands, step, lambda chunk: self._read(upstream, chunk))
            if failed and not step.optional:
                _log.warning("%s: %s: %s", upstream.model, step.title, failed)

    async def _until_left(self, upstream: Upstream, base_url: str) -> None:
        """Wait for an upstream of ours that is leaving the address: after a reload, ports may have changed hands."""
        while not upstream.is_stopping() and any(
            other.is_leaving(base_url) for other in self._running.values() if other is not upstream
        ):
            await self.clock.sleep(FIRST_PROBE_SECONDS)

    async def _until_ready(self, upstream: Upstream, process: Process, spec: LaunchSpec) -> None:
        """Probe until the upstream answers 200, is gone, or its time is up: without an answer, or a step further."""
        began = self.clock.now()
        last = await self._probe(upstream, spec)
        if upstream.exited or upstream.is_stopping():
            return
        if last == OK:
            await self._greet(upstream, process, spec)
            return
        answer = f"its last answer was status {last}" if last else "it never answered"
        further = " without progress" if upstream.further_at > began else ""
        upstream.failure = _with_output(
            f"{upstream.model} was not ready after {spec.readiness.deadline_seconds:g} s{further}: "
            f"GET {spec.base_url}{spec.readiness.path} did not give 200, {answer}",
            upstream,
        )
        await self._stop(process, spec)

    async def _greet(self, upstream: Upstream, process: Process, spec: LaunchSpec) -> None:
        """It answers: tell the engine, unless it woke up as somebody else."""
        said = await hear_canary(self.http, spec)
        if upstream.exited or upstream.is_stopping():
            return
        if upstream.canary is not None and said != upstream.canary:
            upstream.failure = f"{upstream.model} answers otherwise than before its sleep, so it is started afresh"
            await self._stop(process, spec)
            return
        upstream.canary = said
        self._note_load(upstream)
        self.tell(UpstreamReady(upstream.model, upstream.incarnation))

    def _note_load(self, upstream: Upstream) -> None:
        if upstream.loading is not None:
            upstream.loading = None
            loads = self._loads.setdefault(upstream.model, deque(maxlen=LOADS_REMEMBERED))
            loads.append(self.clock.now() - upstream.started_at)
            self.listener.loaded(upstream.model, loads[-1])

    async def _probe(self, upstream: Upstream, spec: LaunchSpec) -> int | None:
        """Answer the last status; 200 means ready."""
        readiness = spec.readiness
        if readiness.path is None:
            return OK
        began = self.clock.now()
        pause, status = FIRST_PROBE_SECONDS, None
        call = HttpCall("GET", readiness.path, readiness.attempt_seconds)
        while not upstream.is_stopping() and not upstream.exited:
            if self.clock.now() >= max(began, upstream.further_at) + readiness.deadline_seconds:
                break
            await self.clock.sleep(pause)
            status = await self.http.call(spec.base_url, call)
            if status == OK:
                return status
            pause = min(pause * PROBE_BACKOFF, LONGEST_PROBE_INTERVAL_SECONDS)
        return status

    async def _sleep(self, upstream: Upstream) -> None:
        spec, process = upstream.running()
        if why := cannot_sleep(spec, upstream.sleeps, upstream.canary):
            _log.info("%s: stopped instead of put to sleep: %s", upstream.model, why)
            upstream.stop_wanted = True
            await self._stop(process, spec)
            return
        assert spec.sleep is not None, "who cannot sleep has been stopped"
        upstream.sleeps += 1
        if await self._call(upstream, "sleep", spec.sleep.sleep):
            self.tell(UpstreamAsleep(upstream.model, upstream.incarnation))

    async def _wake(self, upstream: Upstream) -> None:
        spec, process = upstream.running()
        assert spec.sleep is not None, "only who has been put to sleep is woken"
        for call in (spec.sleep.wake, *spec.sleep.then):
            if not await self._call(upstream, "wake", call):
                return
        await self._until_ready(upstream, process, spec)

    async def _call(self, upstream: Upstream, verb: str, call: HttpCall) -> bool:
        """Make one of the sleep calls; an upstream that refuses is stopped, so that the engine can start it afresh."""
        spec, process = upstream.running()
        status = await self.http.call(spec.base_url, call)
        if status is not None and 200 <= status < 300:
            return True
        answer = f"answered {status}" if status else f"did not answer in {call.timeout_seconds:g} s"
        upstream.failure = _with_output(f"{upstream.model} would not {verb}: {call.path} {answer}", upstream)
        await self._stop(process, spec)
        return False

    async def _stop(self, process: Process, spec: LaunchSpec) -> None:
        await process.stop(spec.stop)

    def _read(self, upstream: Upstream, chunk: bytes) -> None:
        upstream.log.feed(chunk)
        self.listener.printed(upstream.model, chunk)
        if upstream.loading is not None:
            for line in upstream.loading.feed(chunk):
                self._advance(upstream, self.launches.progress(upstream.model, line))

    def _advance(self, upstream: Upstream, progress: Progress | None) -> None:
        if progress is not None and progress != upstream.progress:
            upstream.advance(progress, self.clock.now())
            self.listener.progressed(upstream.model)


def _exit_reason(upstream: Upstream, status: ExitStatus) -> str:
    if upstream.is_stopping():
        return f"stopped ({status})"
    return _with_output(f"{upstream.model} ended by itself, {status.explained}", upstream)


def _with_output(message: str, upstream: Upstream) -> str:
    lines = upstream.log.tail(LINES_IN_AN_ERROR)
    return f"{message}. Its last output:\n" + "\n".join(f"  {line}" for line in lines) if lines else message
