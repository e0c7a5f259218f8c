"""What an action would do: a plan of steps. Data that can be shown, compared and dry-run before anything happens.

Plugins plan, the core runs: a step is a command, an argv list from end to end, which the job runner gives to the
executor of the step's node. A plugin whose very job is a piece of the world (a model hub, a container engine) may have
steps that are work of its own adapter instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import PurePosixPath
from typing import Any, Protocol

from attrs import field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL, NodeId


@frozen
class SecretRef:
    """A secret by name. Plans are shown and logged with the name; only the executor puts in the value.

    `variable` is the environment variable of the daemon that holds it, for example `HF_TOKEN`.
    """

    variable: str

    def __str__(self) -> str:
        """Show what may be shown."""
        return f"${{{self.variable}}}"


@frozen
class Command:
    """A program run. `env` is added to the environment it would have anyway; `stdin` is all it can read."""

    argv: tuple[str, ...]
    cwd: PurePosixPath | None = None
    env: Mapping[str, str | SecretRef] = field(factory=dict)
    stdin: bytes = b""

    def ready(self, environment: Mapping[str, str]) -> ReadyCommand:
        """Put in the secrets, from the daemon's environment; one that is not set there is left out."""
        env = {name: _value(value, environment) for name, value in self.env.items()}
        return ReadyCommand(self.argv, self.cwd, {name: value for name, value in env.items() if value}, self.stdin)

    def secrets(self, environment: Mapping[str, str]) -> frozenset[str]:
        """The values that must not be seen in anything this command prints."""
        found = (environment.get(value.variable, "") for value in self.env.values() if isinstance(value, SecretRef))
        return frozenset(value for value in found if value)


def _value(value: str | SecretRef, environment: Mapping[str, str]) -> str:
    return environment.get(value.variable, "") if isinstance(value, SecretRef) else value


@frozen
class ReadyCommand:
    """A command with its secrets put in, as executors get it: it is not to be shown or logged, nor put into an argv."""

    argv: tuple[str, ...]
    cwd: PurePosixPath | None = None
    env: Mapping[str, str] = field(factory=dict, repr=False)
    stdin: bytes = field(default=b"", repr=False)


class Work(Protocol):
    """What a step's own code may do while it runs. A cancelled job cancels the coroutine."""

    def log(self, text: str) -> None:
        """Add a line to the job's log."""
        ...

    def hide(self, secret: str) -> None:
        """Show this text as *** in the log and the error of this job, from now on; "" is none."""
        ...

    def progress(self, progress: Progress) -> None:
        """Say how far the step is."""
        ...

    async def run(self, command: Command, node: NodeId = LOCAL) -> int:
        """Run a command, its output going to the job's log, and answer its exit code. Raises NodeError."""
        ...

    def lease(self, model: ModelId) -> LeaseContext:
        """Have a model loaded and kept for this job until the block ends: `async with work.lease("qwen") as url`."""
        ...


LeaseContext = AbstractAsyncContextManager[str]
"""A lease; entering it answers the base URL of the upstream."""

StepWork = Callable[[Work], Awaitable[Mapping[str, Any] | None]]
"""Code of an adapter; what it returns is merged into the job's result and must be JSON."""


@frozen
class Step:
    """One thing to do: a command, or work of the plugin's adapter (exactly one of the two).

    A step that fails ends the job, unless it is `optional`. `reads_progress` reads one log line, as
    `Backend.progress` does. `shown_as` is what a preview shows for work, which has no argv of its own.
    """

    title: str
    command: Command | None = None
    work: StepWork | None = field(default=None, eq=False, repr=False)
    node: NodeId = LOCAL
    timeout_seconds: float = 3600.0
    optional: bool = False
    reads_progress: Callable[[str], Progress | None] | None = field(default=None, eq=False, repr=False)
    shown_as: str = ""

    def __attrs_post_init__(self) -> None:
        if (self.command is None) == (self.work is None):
            raise ValueError(f"the step {self.title!r} must have either a command or work")


@frozen
class FileChange:
    """A file that an action would write, as a unified diff, for the preview."""

    path: str
    diff: str


@frozen
class Plan:
    """The steps of an action, in order.

    `locks` name what must not be worked on by two jobs at once (`backend:/path`, `node:spark1`, `model:qwen`); jobs
    that share one wait for each other, in the order in which they came. `warnings` and `files` are for the preview.
    `start_at` (unix seconds) is when to begin, where the action's own form asks for it; None is as soon as possible.
    """

    steps: tuple[Step, ...]
    locks: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    start_at: float | None = None
