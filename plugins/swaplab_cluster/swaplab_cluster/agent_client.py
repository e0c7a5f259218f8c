"""One agent and its runs, from here: calls, letters that renew leases, output. All I/O towards agents is here.

A run over there has a lease that is renewed as long as we live. Its output is read over one long answer; when that
breaks off, it is taken up again where it ended, until the machine has been silent for too long.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from attrs import define, field, frozen

from swaplab_cluster import remote
from swaplab_cluster.agent.runs import STDERR
from swaplab_cluster.agent.server import END_FRAME, FRAME
from swaplab_cluster.agent.signing import Request, authorization
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import ExitStatus, Sink

CALL_SECONDS = 8.0
LOST_AFTER_SECONDS = 8.0
BEAT_SECONDS = 2.0
RETRY_SECONDS = 0.5
GIVEN_UP_SECONDS = 300.0


@frozen
class AgentReach:
    """How an agent is reached.

    `pin` is the sha256 of its certificate; "" is for plain HTTP on loopback only. Runs on a machine that has been
    silent for `lost_after_seconds` are given up. `root`: where recipes lie there, see `lab_root`.
    """

    name: str
    host: str
    port: int
    pin: str
    token_file: Path | None
    lease_seconds: float = 20.0
    keep: bool = False
    lost_after_seconds: float = LOST_AFTER_SECONDS
    root: str = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.pin else 'http'}://{host}:{self.port}"


class AgentSilent(NodeError):
    """The agent did not answer; what it answered is another NodeError."""


@define(eq=False)
class AgentLink:
    """Signed requests to one agent, and the renewal of the leases there."""

    reach: AgentReach
    session: aiohttp.ClientSession
    _instance: str = ""
    _offset: float = 0.0
    _runs: set[AgentRun] = field(factory=set)
    _given_up: dict[str, float] = field(factory=dict)
    _beats: asyncio.Task[None] | None = None

    async def call(self, method: str, target: str, body: object = None, *, seconds: float = CALL_SECONDS) -> Any:
        """Ask something and answer its JSON. Raises NodeError, also for what the agent refuses."""
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(method, target, body)
        except TimeoutError:
            raise self._silent(f"no answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._silent(str(error) or type(error).__name__, error) from error

    async def _asked(self, method: str, target: str, body: object) -> Any:
        response = await self.open(method, target, body)
        async with response:
            answer = orjson.loads(await response.read())
        if response.status >= 400:
            raise NodeError(
                f"{self.reach.name}: {answer.get('error', response.status)}", advice=answer.get("advice", "")
            )
        return answer

    async def open(self, method: str, target: str, body: object = None) -> aiohttp.ClientResponse:
        """Send a signed request; after a restart of the agent it is signed anew, once."""
        data = b"" if body is None else orjson.dumps(body)
        for again in (False, True):
            if not self._instance or again:
                await self._greet()
            response = await self._send(method, target, data)
            if response.status != 401 or again:
                return response
            response.release()
        raise AssertionError("the second attempt returns")

    async def _send(self, method: str, target: str, data: bytes) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json"}
        token = await asyncio.to_thread(self._token)
        if token:
            now = time.time() + self._offset
            request = Request(method, target, data)
            headers["Authorization"] = authorization(token, request, self._instance, now, secrets.token_hex(16))
        return await self.session.request(
            method, self.reach.url + target, data=data, headers=headers, ssl=_pinned(self.reach), allow_redirects=False
        )

    async def _greet(self) -> None:
        """Learn for whom to sign, and what time it is there."""
        async with self.session.get(
            f"{self.reach.url}/v1/health", ssl=_pinned(self.reach), allow_redirects=False
        ) as response:
            said = orjson.loads(await response.read())
        self._instance, self._offset = str(said["instance"]), float(said["now"]) - time.time()

    def _token(self) -> bytes:
        if self.reach.token_file is None:
            return b""
        try:
            return self.reach.token_file.read_bytes().strip()
        except OSError as error:
            raise NodeError(
                f"the token of the agents cannot be read from {self.reach.token_file}: {error.strerror}",
                advice="set plugins.cluster.agentTokenFile or LLAMA_SWAP_AGENT_TOKEN_FILE",
            ) from error

    def watch(self, run: AgentRun) -> None:
        """Renew the lease of a run until it has ended."""
        self._runs.add(run)
        self._go_on()

    def give_up(self, run: str) -> None:
        """End a run whose machine is silent, as soon as it answers again: nobody waits for it any more."""
        self._given_up[run] = time.monotonic() + max(self.reach.lease_seconds, GIVEN_UP_SECONDS)
        self._go_on()

    def _go_on(self) -> None:
        if self._beats is None or self._beats.done():
            self._beats = spawn(self._beat(), name=f"leases at {self.reach.name}")

    async def _beat(self) -> None:
        seconds = self.reach.lease_seconds
        pause = min(BEAT_SECONDS, seconds / 3) if seconds else BEAT_SECONDS
        while self._runs or self._given_up:
            await asyncio.sleep(pause)
            await self._end_given_up()
            self._runs = {run for run in self._runs if not run.has_ended}
            leases = {"runs": {run.id: seconds for run in self._runs}}
            try:
                await self.call("POST", "/v1/leases", leases, seconds=pause + 1)
            except NodeError:
                pass  # each run knows since when it has heard nothing
            else:
                for run in self._runs:
                    run.heard()

    async def _end_given_up(self) -> None:
        for run, until in list(self._given_up.items()):
            try:
                await self.call("POST", f"/v1/runs/{run}/signal", {"signal": "KILL"}, seconds=BEAT_SECONDS)
            except NodeError as error:
                if isinstance(error, AgentSilent) and time.monotonic() < until:
                    return
            self._given_up.pop(run, None)

    async def close(self) -> None:
        """Renew nothing any more, and hear nothing."""
        tasks = [task for run in self._runs for task in run.tasks] + ([self._beats] if self._beats else [])
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _silent(self, reason: str, error: Exception | None = None) -> AgentSilent:
        where = f"{self.reach.host} port {self.reach.port}"
        if isinstance(error, aiohttp.ServerFingerprintMismatch):
            return AgentSilent(
                f"{self.reach.name}: the agent at {where} shows another certificate than the pinned one",
                advice="compare with what `swaplab-agent pin` prints there, and enrol the node again if it is right",
            )
        return AgentSilent(f"{self.reach.name}: the agent at {where} does not answer: {reason}", advice=_LOOK)


_LOOK = "see that the machine is up, and `systemctl status swaplab-agent` there"


def _pinned(reach: AgentReach) -> aiohttp.Fingerprint | bool:
    return aiohttp.Fingerprint(bytes.fromhex(reach.pin)) if reach.pin else True


@define(eq=False)
class AgentRun:
    """A program over there, as `RemoteProcess` wants it."""

    link: AgentLink
    id: str
    pid: int
    _stdout: Sink
    _stderr: Sink
    _heard_at: float = field(factory=time.monotonic)
    _next: int = 0
    _done: asyncio.Task[ExitStatus] = field(init=False)
    _reading: asyncio.Task[ExitStatus | None] | None = None

    def __attrs_post_init__(self) -> None:
        self._done = spawn(self._live(), name=f"run {self.id}")
        self.link.watch(self)

    @property
    def tasks(self) -> tuple[asyncio.Task[Any], ...]:
        """What it does in the background."""
        return (self._done,) if self._reading is None else (self._done, self._reading)

    def heard(self) -> None:
        """Note that the machine is there."""
        self._heard_at = time.monotonic()

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, or the machine is."""
        return self._done.done()

    async def wait(self) -> ExitStatus:
        """Return when it has ended, and how."""
        return await asyncio.shield(self._done)

    async def send(self, letter: bytes) -> None:
        """Have its group signalled."""
        name = "TERM" if letter == remote.TERM else "KILL"
        try:
            await self.link.call("POST", f"/v1/runs/{self.id}/signal", {"signal": name})
        except NodeError:
            return  # it is gone, or the machine is: `wait` tells

    def send_soon(self, letter: bytes) -> None:
        """Have its group signalled without waiting for it."""
        spawn(self.send(letter), name=f"letter to run {self.id}")

    async def end(self) -> None:
        """End it politely, then by force."""
        for letter in (remote.TERM, remote.KILL):
            await self.send(letter)
            done, _ = await asyncio.wait({self._done}, timeout=remote.GRACE_SECONDS)
            if done:
                return

    async def _live(self) -> ExitStatus:
        while True:
            status = await self._follow()
            if status is not None:
                return status
            if self._is_lost:
                self.link.give_up(self.id)
                return remote.exit_status(None)
            await asyncio.sleep(RETRY_SECONDS)

    @property
    def _is_lost(self) -> bool:
        return time.monotonic() - self._heard_at > self.link.reach.lost_after_seconds

    async def _follow(self) -> ExitStatus | None:
        """Read the output until it ends; None when the answer breaks off or the machine is silent."""
        read = self._reading = spawn(self._read(), name=f"output of run {self.id}")
        while not read.done():
            await asyncio.wait({read}, timeout=BEAT_SECONDS)
            if self._is_lost and not read.done():
                read.cancel()
        return None if read.cancelled() else read.result()

    async def _read(self) -> ExitStatus | None:
        try:
            response = await self.link.open("GET", f"/v1/runs/{self.id}/output?from={self._next}")
            async with response:
                if response.status == 404:  # the agent has been started anew, and ended all it had
                    return remote.exit_status(None)
                return await self._frames(response) if response.status == 200 else None
        except (aiohttp.ClientError, OSError, NodeError, asyncio.IncompleteReadError, ValueError):
            return None

    async def _frames(self, response: aiohttp.ClientResponse) -> ExitStatus:
        while True:
            stream, length, number = FRAME.unpack(await response.content.readexactly(FRAME.size))
            data = await response.content.readexactly(length)
            self.heard()
            if stream == END_FRAME:
                said = orjson.loads(data)
                return ExitStatus(said["code"], said["signal"])
            self._next = number + 1
            (self._stderr if stream == STDERR else self._stdout)(data)
