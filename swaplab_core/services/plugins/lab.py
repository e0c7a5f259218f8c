"""`LabView` for real: what plugins see of the daemon, each call passed on to whoever can answer it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from swaplab_core.adapters.state_folder import StateFolder
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import NodeError, PluginFailed
from swaplab_core.domain.events import (
    ActivityRecorded,
    ConfigChanged,
    Event,
    JobChanged,
    ModelChanged,
    PluginNews,
    ProfileChanged,
    RequestChanged,
)
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import Job, JobId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import Command, Plan
from swaplab_core.plugin.hooks import Hooks
from swaplab_core.plugin.lab import ConfigEdits, Output, Sink
from swaplab_core.plugin.routes import Gateway
from swaplab_core.ports import Process
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.jobs import Jobs
from swaplab_core.runtime.nodes import Nodes
from swaplab_core.runtime.tasks import spawn

T = TypeVar("T")

OUTPUT_BYTES = 2**20
HEARD = (
    ModelChanged, ConfigChanged, ProfileChanged, RequestChanged, ActivityRecorded, JobChanged, PluginNews,
)  # fmt: skip
"""The events that plugins hear of; logs are not among them, nor is how plugins fare: that could go on for ever."""


@define
class _Bounded:
    """Keeps the first bytes of an output."""

    data: bytearray = field(factory=bytearray)

    def __call__(self, chunk: bytes) -> None:
        self.data += chunk[: OUTPUT_BYTES - len(self.data)]


@define(eq=False)
class PluginLab:
    """One for all plugins. `config` is the editor, `settings_in_force` gives the configuration as it is now."""

    gateway: Gateway
    own_url: Callable[[], str]
    program_key: str = field(repr=False)
    config: ConfigEdits
    settings_in_force: Callable[[], Config]
    state: StateFolder
    machines: Nodes
    runner: Jobs
    bus: Bus
    dispatcher: Dispatcher
    instance: str = "0"
    _spawned: set[Any] = field(factory=set, init=False)

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return self.own_url()

    def settings(self, plugin: str, kind: type[T]) -> T:
        """The settings of a plugin."""
        found = self.settings_in_force().plugin_settings.get(plugin)
        if not isinstance(found, kind):
            raise PluginFailed(f"plugin {plugin!r} is not configured", advice=f"write plugins.{plugin}: in the file")
        return found

    def state_folder(self, plugin: str) -> Path:
        """A folder of the plugin's own."""
        return self.state.below("plugins", plugin)

    def nodes(self) -> Sequence[Node]:
        """The machines that are known."""
        return self.machines.all()

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
        """Run a plan as a job."""
        return self.runner.submit(plan, kind=kind, title=title, target=target, input=input, start_at=start_at)

    def job(self, job: JobId) -> Job | None:
        """One job as it stands."""
        return self.runner.get(job)

    def jobs(self, kind: str = "") -> Sequence[Job]:
        """The jobs that are remembered."""
        return [job for job in self.runner.all() if job.kind.startswith(kind)]

    async def job_log(self, job: JobId, offset: int = 0) -> str:
        """The text of a job's log."""
        return "".join([f"{line}\n" async for line in self.runner.text(job, offset)])

    def delete_job(self, job: JobId) -> None:
        """Forget a job."""
        self.runner.delete(job)

    async def wait(self, job: JobId) -> Job:
        """Return when the job is over."""
        return await self.runner.wait(job)

    async def cancel(self, job: JobId) -> Job:
        """End a job."""
        return await self.runner.cancel(job)

    async def run(self, command: Command, node: NodeId = LOCAL, *, timeout_seconds: float = 10.0) -> Output:
        """Run a short command."""
        out, err = _Bounded(), _Bounded()
        limit = asyncio.timeout(timeout_seconds)
        try:
            async with limit:
                status = await self.machines.run(node, command.ready(os.environ), out, err)
        except TimeoutError:
            if not limit.expired():
                raise
            name = self.machines.get(node).title
            raise NodeError(f"{command.argv[0]} on {name} did not end within {timeout_seconds:g} s") from None
        code = status.code if status.code is not None else -(status.signal or 0)
        return Output(code, bytes(out.data), bytes(err.data))

    async def start(self, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine on its node."""
        return await self.machines.start(spec, output)

    def drain(self, models: Mapping[ModelId, str]) -> None:
        """Let these models take no new requests."""
        self.dispatcher.drained = dict(models)

    def publish(self, event: Event) -> None:
        """Announce an event."""
        self.bus.publish(event)

    def spawn(self, work: Callable[[], Awaitable[None]], *, name: str) -> None:
        """Run something in the background until the daemon ends."""

        async def run() -> None:
            await work()

        task = spawn(run(), name=name)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    def pass_on_events(self, hooks: Hooks) -> Coroutine[None, None, None]:
        """Tell plugins what happens from now on; what is answered is to be run until cancelled."""
        listening = ExitStack()
        kinds = [kind for kind in HEARD if issubclass(kind, hooks.event_kinds)]
        subscription = listening.enter_context(self.bus.subscribe(*kinds)) if kinds else None

        async def run() -> None:
            with listening:
                if subscription is not None:
                    async for numbered in subscription:
                        await hooks.event(numbered.event, self)

        return run()

    async def close(self) -> None:
        """End what plugins do in the background, and let executors give back what they hold."""
        tasks = list(self._spawned)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.machines.close()
