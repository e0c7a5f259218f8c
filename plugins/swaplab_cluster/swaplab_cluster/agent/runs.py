"""What an agent runs: each program with its output, kept to be read again, and its lease.

A lease says how long the control host may be silent. When it runs out, the program is stopped or kept, as the control
host asked when it started it; one that is kept can be taken over by a control host that would start the very same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from swaplab_cluster import remote
from swaplab_cluster.programs import Program, Programs
from swaplab_cluster.remote import RemoteRun
from swaplab_cluster.sessions import SshReach
from swaplab_cluster.shell_sessions import ShellSessions
from swaplab_core.domain.errors import NodeError, NotThere
from swaplab_core.plugin import ExitStatus

OUTPUT_BYTES = 2**20
TICK_SECONDS = 0.5
ENDED_RUNS_KEPT = 50
STDOUT, STDERR = 1, 2
HERE = SshReach("this node", "", 0, "", Path())


@frozen
class Wanted:
    """What is asked for. `lease_seconds` 0 means none; `keep` that a lease that runs out stops nothing."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    folder: str = ""
    stdin: bytes = b""
    merge: bool = False
    lease_seconds: float = 0.0
    keep: bool = False

    @property
    def key(self) -> object:
        """Equal for two runs of the very same."""
        return self.argv, self.folder, sorted(self.env.items()), self.merge


@define(eq=False)
class Spool:
    """The output of a program: chunks with the stream they are of, the oldest dropped when there is too much."""

    chunks: list[tuple[int, bytes]] = field(factory=list)
    first: int = 0
    size: int = 0
    grown: asyncio.Event = field(factory=asyncio.Event)

    def add(self, stream: int, data: bytes) -> None:
        """Keep a chunk, and wake who waits for it."""
        self.chunks.append((stream, data))
        self.size += len(data)
        while self.size > OUTPUT_BYTES and len(self.chunks) > 1:
            self.size -= len(self.chunks.pop(0)[1])
            self.first += 1
        self.wake()

    def wake(self) -> None:
        """Let everyone who waits look again."""
        self.grown.set()
        self.grown = asyncio.Event()

    def after(self, number: int) -> tuple[int, list[tuple[int, bytes]]]:
        """The chunks from this number on, and the number of the first of them."""
        begin = max(number, self.first)
        return begin, self.chunks[begin - self.first :]


@define(eq=False)
class Run:
    """One program."""

    id: str
    wanted: Wanted
    spool: Spool = field(factory=Spool)
    program: Program | None = None
    status: ExitStatus | None = None
    deadline: float | None = None
    is_orphan: bool = False

    @property
    def pid(self) -> int:
        """Its number here."""
        return self.program.pid if self.program else 0


@define(eq=False)
class Runs:
    """All of them. `now` is a clock that never goes back, in seconds."""

    now: Callable[[], float]
    programs: Programs = field(factory=lambda: Programs(ShellSessions()))
    _runs: dict[str, Run] = field(factory=dict)

    def all(self) -> tuple[Run, ...]:
        """The running ones and the last that have ended."""
        return tuple(self._runs.values())

    def get(self, run: str) -> Run:
        """One. Raises NotThere."""
        if run not in self._runs:
            raise NotThere(f"there is no run {run!r}")
        return self._runs[run]

    async def start(self, wanted: Wanted) -> tuple[Run, bool]:
        """Start a program, or take over an orphan that is the very same; answers whether it was taken over.

        Raises NodeError when it was not started.
        """
        for run in self._runs.values():
            if run.is_orphan and run.wanted.keep and run.status is None and run.wanted.key == wanted.key:
                run.is_orphan = False
                self.renew(run.id, wanted.lease_seconds)
                return run, True
        run = Run(secrets.token_hex(16), wanted)
        remote_run = RemoteRun(wanted.argv, run.id, wanted.env, wanted.folder, wanted.stdin, wanted.merge)
        run.program = await self.programs.begin(
            HERE, remote_run, lambda data: run.spool.add(STDOUT, data), lambda data: run.spool.add(STDERR, data)
        )
        self._runs[run.id] = run
        self.renew(run.id, wanted.lease_seconds)
        return run, False

    def renew(self, run: str, seconds: float) -> None:
        """Put the end of a lease off; 0 seconds mean that there is none. Raises NotThere."""
        found = self.get(run)
        found.deadline = self.now() + seconds if seconds > 0 else None
        found.is_orphan = False

    async def signal(self, run: str, letter: bytes) -> None:
        """Send SIGTERM or SIGKILL to its group. Raises NotThere."""
        program = self.get(run).program
        if program is not None:
            await program.send(letter)

    async def watch(self) -> None:
        """Note what has ended, and end leases, until cancelled."""
        while True:
            for run in self.all():
                await self._look(run)
            self._forget()
            await asyncio.sleep(TICK_SECONDS)

    async def ended(self, run: Run) -> ExitStatus:
        """Return when it has ended and all its output is in the spool."""
        assert run.program is not None
        run.status = await run.program.wait()
        run.spool.wake()
        return run.status

    async def _look(self, run: Run) -> None:
        if run.program is None or run.status is not None:
            return
        if run.program.has_ended:
            await self.ended(run)
        elif run.deadline is not None and self.now() > run.deadline:
            run.deadline = None
            run.is_orphan = True
            if not run.wanted.keep:
                await self._stop(run)

    async def _stop(self, run: Run) -> None:
        assert run.program is not None
        await run.program.send(remote.TERM)
        asyncio.get_running_loop().call_later(remote.GRACE_SECONDS, self._kill, run)

    def _kill(self, run: Run) -> None:
        if run.program is not None and not run.program.has_ended:
            run.program.send_soon(remote.KILL)

    def _forget(self) -> None:
        ended = [run.id for run in self._runs.values() if run.status is not None]
        for run in ended[: max(0, len(ended) - ENDED_RUNS_KEPT)]:
            del self._runs[run]

    async def close(self) -> None:
        """End everything."""
        await self.programs.sessions.close()


def refusal_of(error: NodeError) -> str:
    """What an agent says about a program that was not started."""
    return error.message.removeprefix(f"{HERE.name}: ")
