"""The executor `agent`: engines and commands on machines that run `swaplab-agent`, over the links of `agent_client`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import aiohttp

from swaplab_cluster import dgx, lab_root, model_cache, probe
from swaplab_cluster.agent_client import CALL_SECONDS, AgentLink, AgentReach, AgentRun
from swaplab_cluster.programs import RemoteProcess
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import Executor, ExitStatus, LabView, Process, Sink

TLS_CLOSE_SECONDS = 0.05
"""Connections with TLS close after their session has; the event loop must live to see it."""

PROBE_SECONDS = 25.0
CACHE_SECONDS = 4 * 3600.0
UPDATE_SECONDS = 120.0
_INSTALL = "list the program in the agent's --allow on that node"


def _what(link: AgentLink, argv: Sequence[str], cwd: PurePosixPath | None) -> dict[str, Any]:
    words, folder = lab_root.below(link.reach.root, argv, "" if cwd is None else str(cwd))
    return {"argv": list(words), "folder": folder}


class AgentExecutor(Executor):
    """Runs things on machines with an agent. `Node.reach` says how they are reached."""

    name = "agent"
    title = "Agent"

    def __init__(self, lab: LabView) -> None:
        super().__init__(lab)
        self._links: dict[AgentReach, AgentLink] = {}
        self._session: aiohttp.ClientSession | None = None
        self._script = probe.script()
        self._cache_script = model_cache.script()

    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine; it ends when its lease does."""
        try:
            link = self._link(node)
            body = {**_what(link, spec.argv, spec.cwd), "env": dict(spec.env), "merge": True}
            run = await self._begin(link, body, output, output)
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice or _INSTALL) from error
        return RemoteProcess(run, lambda argv: self.run(node, ReadyCommand(argv), output, output), output)

    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Run a command to its end; what agents have an operation for goes that way."""
        link = self._link(node)
        asked = probe.asked(command.argv, self._script)
        if asked is not None:
            answer = await link.call(
                "POST", "/v1/probe", {"sections": asked[0], "paths": asked[1]}, seconds=PROBE_SECONDS
            )
            stdout(answer["output"].encode())
            return ExitStatus(code=0)
        if command.argv == dgx.UPDATE:
            answer = await link.call("POST", "/v1/dgx/update", seconds=UPDATE_SECONDS)
            stdout(answer["output"].encode())
            return ExitStatus(**answer["exit"])
        cached = model_cache.asked(command.argv, command.stdin, self._cache_script)
        if cached is not None:
            body = dict(zip(("verb", "folder", "repo"), cached, strict=True))
            answer = await link.call("POST", "/v1/cache", body, seconds=CACHE_SECONDS)
            stdout(answer["output"].encode())
            return ExitStatus(**answer["exit"])
        return await self._run(link, command, stdout, stderr)

    async def free_port(self, node: Node, wanted: int) -> int:
        """The wanted port, or one that the node's system picks."""
        answer = await self._link(node).call("POST", "/v1/ports", {"wanted": wanted})
        return int(answer["port"])

    async def _run(self, link: AgentLink, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        body = {
            **_what(link, command.argv, command.cwd),
            "env": dict(command.env),
            "stdin": base64.b64encode(command.stdin).decode(),
            "merge": stdout is stderr,
        }
        run = await self._begin(link, body, stdout, stderr)
        try:
            return await run.wait()
        except asyncio.CancelledError:
            await asyncio.shield(run.end())
            raise

    async def _begin(self, link: AgentLink, body: Mapping[str, Any], stdout: Sink, stderr: Sink) -> AgentRun:
        lease = {"leaseSeconds": link.reach.lease_seconds, "keep": link.reach.keep}
        answer = await link.call("POST", "/v1/runs", {**body, **lease})
        return AgentRun(link, str(answer["id"]), int(answer["pid"]), stdout, stderr)

    def _link(self, node: Node) -> AgentLink:
        reach = node.reach
        if not isinstance(reach, AgentReach):
            raise NodeError(
                f"{node.title} is not reached through an agent", advice="look at its entry in the inventory"
            )
        if reach not in self._links:
            self._links[reach] = AgentLink(reach, self._http())
        return self._links[reach]

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CALL_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        return self._session

    async def close(self) -> None:
        """Close the connections; runs over there end with their leases."""
        for link in self._links.values():
            await link.close()
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(TLS_CLOSE_SECONDS)
