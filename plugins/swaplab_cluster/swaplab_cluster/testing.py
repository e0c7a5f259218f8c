"""Fakes of this plugin: machines without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from attrs import define, field

from swaplab_cluster.sessions import Session, SshReach
from swaplab_cluster.shell_sessions import ShellSessions
from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL, NodeId
from swaplab_core.domain.plan import Command, LeaseContext
from swaplab_core.plugin import GatewayResponse, Output, Sink


@define(eq=False)
class FakeSessions:
    """Sessions without ssh: the command lines run in a shell of this machine, as sshd would run them.

    A host in `silent` does not answer.
    """

    silent: set[str] = field(factory=set)
    opened: list[tuple[str, str]] = field(factory=list)
    """Host and command line of every session."""
    _shells: ShellSessions = field(factory=ShellSessions)

    async def open(self, reach: SshReach, line: str, stdin: bytes, stdout: Sink, stderr: Sink) -> Session:
        """Start a shell."""
        self.opened.append((reach.host, line))
        if reach.host in self.silent:
            raise NodeError(f"{reach.name}: {reach.host} port {reach.port} does not answer", advice="look there")
        return await self._shells.start(line, stdin, stdout, stderr)

    async def close(self) -> None:
        """Cut everything off, and wait until it has ended."""
        await self._shells.close()


FAILS = "it fails"
"""The answer of a command that ends with exit code 1."""


@define(eq=False)
class FakeLab:
    """A daemon with models and machines: only what this plugin asks of it. Commands on nodes follow `answers`.

    `answers[node]` are the outputs of the commands that are run there, one after the other, the last for ever; a
    NodeError among them is raised. `models` are the records of `GET /api/models`; unloading stops one at once.
    """

    models: list[dict[str, Any]] = field(factory=list)
    answers: dict[str, list[str | NodeError]] = field(factory=dict)
    ran: list[tuple[str, tuple[str, ...]]] = field(factory=list)
    unloaded: list[str] = field(factory=list)
    drained: dict[ModelId, str] = field(factory=dict)

    @property
    def gateway(self) -> FakeLab:
        """The daemon's own routes."""
        return self

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,  # noqa: ARG002 - this plugin sends none
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - nor any of these
    ) -> GatewayResponse:
        """Answer what this plugin asks."""
        if path.startswith("/api/models/unload/"):
            name = unquote(path.rpartition("/")[2])
            self.unloaded.append(name)
            for model in self.models:
                if model["id"] == name:
                    model["state"] = "stopped"
            return _answer(b"OK")
        assert (method, path) == ("GET", "/api/models"), (method, path)
        return _answer(orjson.dumps({"models": self.models}))

    async def run(self, command: Command, node: NodeId = LOCAL, *, timeout_seconds: float = 10.0) -> Output:  # noqa: ARG002 - Protocol
        """Answer from the script."""
        self.ran.append((node, command.argv))
        answers = self.answers.get(node, [""])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, NodeError):
            raise answer
        return Output(1 if answer == FAILS else 0, answer.encode(), b"")

    def drain(self, models: Mapping[ModelId, str]) -> None:
        """Note what is drained."""
        self.drained = dict(models)


def _answer(body: bytes) -> GatewayResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield body

    return GatewayResponse(200, {}, pieces())


@define
class FakeWork:
    """Notes what a step says; its commands are answered by `lab`."""

    lab: FakeLab = field(factory=FakeLab)
    logged: list[str] = field(factory=list)

    def log(self, text: str) -> None:
        """Note a line."""
        self.logged.append(text)

    def progress(self, progress: Progress) -> None:
        """Nobody looks."""

    async def run(self, command: Command, node: NodeId = LOCAL) -> int:
        """Answer from the script."""
        return (await self.lab.run(command, node)).exit_code

    def hide(self, secret: str) -> None:
        """Nothing is shown here."""

    def lease(self, model: ModelId) -> LeaseContext:
        """Lease nothing."""
        raise AssertionError(model)
