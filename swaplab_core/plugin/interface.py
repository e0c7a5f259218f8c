"""Driver base classes: what a plugin implements to add a backend, or a way to reach machines.

A backend is data and pure functions. It starts no process, opens no connection and writes no file: it says what the
core shall run. An executor is the opposite: its very job is to run things somewhere. `swaplab_core.testing.contracts`
holds the suites that every driver must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from swaplab_core.domain.launch import LaunchRequest, LaunchSpec
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin.lab import LabView, Sink
from swaplab_core.ports import ExitStatus, Process


class Backend(ABC):
    """A runtime family: llama.cpp, vLLM, a plain command. One instance serves all models of the backend.

    Registered in the entry-point group `swaplab.backends`; a model entry chooses it with `backend: <name>`.

    `options` is an attrs class: the keys a model entry may carry for this backend, beside the keys every model has
    (`proxy`, `checkEndpoint`, `ttl`, `env`, `aliases`, …, see docs/reference/config.md). Field names are snake_case,
    the keys in the file camelCase. A field's `metadata["help"]` documents it. The core checks and converts the entry
    before `launch` sees it, so a wrong key or type is reported with its line, not by the driver.

    `needs_port` is True when each model gets a free port from `startPort` on; otherwise only an entry that
    mentions `${PORT}` does. `metrics_path` is where its engine tells Prometheus of itself.

    What else a backend may be able to do (recipes, images, actions on folders, sleep) is in `abilities`: a driver that
    has the methods is asked.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    docs_url: ClassVar[str] = ""
    options: ClassVar[type]
    needs_port: ClassVar[bool] = True
    metrics_path: ClassVar[str] = "/metrics"

    @abstractmethod
    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Make the launch spec of one model.

        Called when the model is about to start, each time anew. Keys of the model entry (`proxy`, `env`,
        `checkEndpoint`, `cmdStop`, timeouts) are laid over the result by the core. Raises PluginFailed with advice when
        the model cannot be launched, for example because the engine's program is not installed.
        """

    def progress(self, line: str) -> Progress | None:  # noqa: ARG002 - the base class knows no engine
        """Read one log line (text, no line break) while the model loads; None when it says nothing of progress."""
        return None

    def usage(self, message: Mapping[str, Any]) -> Usage | None:  # noqa: ARG002 - the base class knows no engine
        """Read tokens and speeds from one decoded JSON response or stream event; None when it holds none."""
        return None


@runtime_checkable
class FindsPorts(Protocol):
    """An optional ability of executors: to find a port on a node."""

    async def free_port(self, node: Node, wanted: int) -> int:
        """A TCP port that nobody listens on there: the wanted one if it is. Raises NodeError."""
        ...


class Executor(ABC):
    """A way to reach machines: `local`, over ssh, through an agent. One instance serves all nodes that name it.

    Registered in the entry-point group `swaplab.executors`; `Node.executor` chooses it. Made once when the daemon
    starts, with what plugins see of it. Nothing here may block the event loop, and a node that does not answer costs
    its own time limit, nobody else's.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, lab: LabView) -> None:
        self.lab = lab

    @abstractmethod
    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine: `spec.argv` in a process group of its own on the node.

        `output` gets stdout and stderr, in order. `spec.env` is added to the environment that a program has there.
        Raises StartFailed when the program is missing or the node cannot be reached, with what to do about it. The
        process keeps the contract of `ports.Process`: `stop` never raises, `wait` returns when nothing of the group is
        alive, and also when the node is lost (as killed by SIGHUP).
        """

    @abstractmethod
    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Run a command to its end.

        When `stdout` and `stderr` are the same function, the order in which lines were printed is kept as far as
        the executor can. `command.env` may hold secrets: they go neither into an argv nor into a log. A cancelled
        call ends the whole process group before it raises. Raises NodeError when the node cannot be reached or the
        program cannot be started.
        """

    async def close(self) -> None:  # noqa: B027 - not every executor holds something
        """Give back connections; the daemon ends."""
