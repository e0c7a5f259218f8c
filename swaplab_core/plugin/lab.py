"""`LabView`: what a plugin sees of the running daemon. A narrow Protocol, not the object graph.

Hooks that need more than their arguments take `lab`. Nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from attrs import frozen

from swaplab_core.domain.events import Event
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import Job, JobId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import Command, Plan
from swaplab_core.plugin.routes import Gateway
from swaplab_core.ports import Process

T = TypeVar("T")

Sink = Callable[[bytes], None]
"""Takes chunks as they come, on the event loop; it neither blocks nor raises."""


@frozen
class Output:
    """What a short command answered; the exit code is negative when a signal killed it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ConfigEdits(Protocol):
    """Line-precise edits of the operator's configuration file; comments and order stay. Each is one revision.

    All edits raise ConfigError with the problems when the result would not load, and then nothing is written. They
    return when the new configuration is in force.
    """

    @property
    def path(self) -> Path | None:
        """The file; None when the configuration has none that can be edited."""
        ...

    def document(self) -> Mapping[str, Any]:
        """All that the file in force says, as plain values: macros and `${env.X}` not expanded. Not to be changed."""
        ...

    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries of `models:` as they are written, macros not expanded."""
        ...

    def macros(self) -> Mapping[str, Any]:
        """The macros of the file."""
        ...

    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        """The groups as they are written, wherever the file has them."""
        ...

    async def apply(self, change: Callable[[dict[str, Any]], None], *, author: str, reason: str) -> str:
        """Let `change` alter a copy of the document, and write what is different; answers the new revision.

        The most general edit: several changes are one revision. `change` works on the newest text of the file.
        """
        ...

    async def difference(self, change: Callable[[dict[str, Any]], None]) -> str:
        """What `apply` would write, as a unified diff; "" for nothing. The file's secrets may be in it."""
        ...

    async def delete_models(self, models: Sequence[str], *, author: str, reason: str) -> str:
        """Remove models, from groups and the preload list as well; answers the new revision."""
        ...


def groups_of(document: dict[str, Any]) -> dict[str, Any]:
    """The mapping of groups in a document that `apply` hands out, to be changed in place; made when there is none.

    An older file has it at the top level, a newer one below `routing`.
    """
    if isinstance(document.get("groups"), dict):
        found: dict[str, Any] = document["groups"]
        return found
    place = document
    for key in ("routing", "router", "settings", "groups"):
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    return place


class LabView(Protocol):
    """The daemon, for plugins."""

    @property
    def gateway(self) -> Gateway:
        """The daemon's own HTTP routes, asked as the administrator."""
        ...

    @property
    def url(self) -> str:
        """Where the daemon listens, seen from this machine (`http://127.0.0.1:8080`); "" before it does."""
        ...

    @property
    def program_key(self) -> str:
        """A key for programs that a plugin runs against this server. For files and environments, never for an argv."""
        ...

    @property
    def instance(self) -> str:
        """A word that tells this daemon from others, the same after a restart; containers that it starts bear it."""
        ...

    @property
    def config(self) -> ConfigEdits:
        """The configuration file."""
        ...

    def settings(self, plugin: str, kind: type[T]) -> T:
        """The settings of a plugin from `plugins.<name>:`, as an instance of the class its section hook gave."""
        ...

    def state_folder(self, plugin: str) -> Path:
        """A folder of the plugin's own, there already, kept over restarts."""
        ...

    def nodes(self) -> Sequence[Node]:
        """The machines that are known; this one first."""
        ...

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
        """Run a plan as a job, at `start_at` (unix seconds) or as soon as its locks are free."""
        ...

    def job(self, job: JobId) -> Job | None:
        """One job as it stands; None when there is no such job, or no longer."""
        ...

    def jobs(self, kind: str = "") -> Sequence[Job]:
        """The jobs that are remembered, newest first; `kind` is the beginning of those wanted."""
        ...

    async def wait(self, job: JobId) -> Job:
        """Return when the job is over. Raises NotThere."""
        ...

    async def cancel(self, job: JobId) -> Job:
        """End a job and return when it has ended. Raises NotThere, and Conflict when it was over."""
        ...

    async def job_log(self, job: JobId, offset: int = 0) -> str:
        """The text of a job's log from `offset` on, lines that were redrawn left out. Raises NotThere."""
        ...

    def delete_job(self, job: JobId) -> None:
        """Forget a job that is over, and its log. Raises NotThere and Conflict."""
        ...

    async def run(self, command: Command, node: NodeId = LOCAL, *, timeout_seconds: float = 10.0) -> Output:
        """Run a short read-only command and answer what it printed (at most 1 MiB). Raises NodeError."""
        ...

    async def start(self, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine on its node, for executors that are made of others. Raises StartFailed."""
        ...

    def drain(self, models: Mapping[ModelId, str]) -> None:
        """Let these models take no new requests, each for a reason; those named before and not now take them again.

        Requests that run or wait go on.
        """
        ...

    def publish(self, event: Event) -> None:
        """Announce an event on the bus."""
        ...

    def spawn(self, work: Callable[[], Awaitable[None]], *, name: str) -> None:
        """Run something in the background until the daemon ends; when it fails, the log says so under this name."""
        ...
