"""One hand-written fake for each port: a world without processes, sockets or waiting.

`ManualClock` moves only when it is told. `FakeProcesses` starts nothing: it follows a `Behaviour`, and the subclasses
of that carry the names of failures. `FakeHttp` is the network they meet on: a fake process serves its base URL there.
Each passes the same contract suite (`swaplab_core.testing.contracts`) as the real adapter.
"""

from __future__ import annotations

import asyncio
import bisect
import functools
import itertools
import math
import signal
from collections import deque
from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import HttpCall, LaunchSpec, StopStrategy
from swaplab_core.ports import Clock, ExitStatus, Timer

WELL = ExitStatus(code=0)
FAILED = ExitStatus(code=1)
TERMINATED = ExitStatus(signal=signal.SIGTERM)
KILLED = ExitStatus(signal=signal.SIGKILL)
CRASHED = ExitStatus(signal=signal.SIGSEGV)

SETTLE_TURNS = 20
"""Turns of the event loop that are enough for what a timer woke to come to rest."""


@define(order=True)
class ManualTimer:
    """A call that `ManualClock.advance` will make; two of the same moment are made in the order they were asked for."""

    due: float
    number: int
    _call: Callable[[], None] | None = field(order=False)

    def cancel(self) -> None:
        """Take it back."""
        self._call = None

    @property
    def is_pending(self) -> bool:
        """Neither made nor cancelled."""
        return self._call is not None

    def fire(self) -> None:
        """Make the call, once."""
        call, self._call = self._call, None
        if call is not None:
            call()


@define(eq=False)
class ManualClock:
    """Virtual time: stands still until `advance`."""

    _now: float = 0.0
    _timers: list[ManualTimer] = field(factory=list)
    _numbers: Iterator[int] = field(factory=itertools.count)

    def now(self) -> float:
        """Virtual seconds since the clock was made."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when `advance` has gone that far; no seconds give the others one turn."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        timer = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call when `advance` has gone that far; no seconds mean at the next turn of the loop."""
        timer = ManualTimer(self._now + max(seconds, 0.0), next(self._numbers), call)
        if seconds <= 0:
            asyncio.get_running_loop().call_soon(timer.fire)
        else:
            bisect.insort(self._timers, timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Let time pass: everything due happens in order, and what it wakes runs before the next is due."""
        end = self._now + seconds
        await self.settle()
        while self._timers and self._timers[0].due <= end:
            timer = self._timers.pop(0)
            self._now = timer.due
            timer.fire()
            await self.settle()
        self._now = end

    async def settle(self) -> None:
        """Let everything that can run now run, without time passing."""
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)

    @property
    def pending(self) -> tuple[float, ...]:
        """Seconds from now until each timer that is set, soonest first."""
        return tuple(timer.due - self._now for timer in self._timers if timer.is_pending)


@frozen
class Slowly:
    """A status that takes `seconds` to come; a caller with less patience gets no answer."""

    status: int
    seconds: float


HANGS = Slowly(200, math.inf)
"""Accepts, and never answers."""

Answer = int | Slowly | None
"""A status at once, a slow one, or None: the connection is refused, cut off or full of garbage."""


@define(eq=False)
class FakeHttp:
    """Upstreams that answer from a script; whoever serves a base URL also takes its address."""

    clock: Clock
    calls: list[tuple[str, HttpCall]] = field(factory=list)
    """Every call made: base URL and call."""
    _scripts: dict[tuple[str, str | None], deque[Answer]] = field(factory=dict)
    _bodies: dict[tuple[str, str], deque[bytes]] = field(factory=dict)

    def serve(self, base_url: str, *answers: Answer, path: str | None = None) -> None:
        """Answer these in turn, and the last one from then on; for `path` only, or for all that has no script."""
        self._scripts[base_url, path] = deque(answers)

    def silence(self, base_url: str) -> None:
        """Nobody listens there any more."""
        for key in [key for key in self._scripts if key[0] == base_url]:
            del self._scripts[key]

    async def call(self, base_url: str, call: HttpCall) -> int | None:
        """Answer from the script."""
        self.calls.append((base_url, call))
        await asyncio.sleep(0)
        answer = self._next_answer(base_url, call.path)
        if not isinstance(answer, Slowly):
            return answer
        await self.clock.sleep(min(answer.seconds, call.timeout_seconds))
        return answer.status if answer.seconds < call.timeout_seconds else None

    def say(self, base_url: str, path: str, *bodies: bytes) -> None:
        """Answer 200 with these bodies in turn, and the last one from then on."""
        self.serve(base_url, 200, path=path)
        self._bodies[base_url, path] = deque(bodies)

    async def ask(self, base_url: str, call: HttpCall) -> bytes | None:
        """Answer from the script of bodies; a 200 without one is empty."""
        if await self.call(base_url, call) != 200:
            return None
        bodies = self._bodies.get((base_url, call.path), deque([b""]))
        return bodies.popleft() if len(bodies) > 1 else bodies[0]

    async def is_taken(self, base_url: str) -> bool:
        """Does somebody serve there?"""
        await asyncio.sleep(0)
        return any(served == base_url for served, _ in self._scripts)

    def _next_answer(self, base_url: str, path: str) -> Answer:
        script = self._scripts.get((base_url, path)) or self._scripts.get((base_url, None))
        if not script:
            return None
        return script.popleft() if len(script) > 1 else script[0]


@frozen(kw_only=True)
class Behaviour:
    """What a fake process does; this one does everything right. Times are seconds on the clock."""

    says: tuple[bytes, ...] = (b"started\n",)
    ready_after: float | None = 0.0
    """From then on its base URL answers 200, before that `while_loading`; None means never."""
    while_loading: int | None = 503
    ends_after: float | None = None
    """It exits by itself, as `end` says; None means that it stays."""
    end: ExitStatus = WELL
    leaves_after: float | None = 0.0
    """How long it takes to obey SIGTERM or a stop command, and then to exit as `left`; None means that it does not."""
    left: ExitStatus = TERMINATED
    refusal: str = ""
    """Why it cannot even be started; "" when it can."""


@frozen(kw_only=True)
class LateReady(Behaviour):
    """Loads for a while."""

    ready_after: float | None = 30.0


@frozen(kw_only=True)
class NeverReady(Behaviour):
    """Runs, answers, and never finishes loading."""

    ready_after: float | None = None


@frozen(kw_only=True)
class NeverListens(NeverReady):
    """Runs, and never opens its port."""

    while_loading: int | None = None


@frozen(kw_only=True)
class CannotStart(Behaviour):
    """Its program is missing."""

    refusal: str = "program not found"


@frozen(kw_only=True)
class DiesAtStart(NeverListens):
    """Exits with an error instead of loading."""

    says: tuple[bytes, ...] = (b"error: cannot load the model\n",)
    ends_after: float | None = 0.0
    end: ExitStatus = FAILED


@frozen(kw_only=True)
class DiesWhileServing(Behaviour):
    """Becomes ready, and crashes later."""

    ends_after: float | None = 60.0
    end: ExitStatus = CRASHED


@frozen(kw_only=True)
class IgnoresTerm(Behaviour):
    """Goes only when it is killed."""

    leaves_after: float | None = None


@frozen(kw_only=True)
class SlowToLeave(Behaviour):
    """Cleans up for a while before it goes."""

    leaves_after: float | None = 3.0
    left: ExitStatus = WELL


@define(eq=False)
class FakeProcess:
    """A process that only follows its behaviour. `stops` keeps the strategies it was stopped with."""

    pid: int
    spec: LaunchSpec
    behaviour: Behaviour
    stops: list[StopStrategy] = field(factory=list, init=False)
    _world: FakeProcesses = field(repr=False)
    _output: Callable[[bytes], None] = field(repr=False)
    _gone: asyncio.Future[ExitStatus] = field(factory=lambda: asyncio.get_running_loop().create_future(), init=False)

    @property
    def is_running(self) -> bool:
        """Not gone yet."""
        return not self._gone.done()

    async def wait(self) -> ExitStatus:
        """Return when it is gone."""
        return await asyncio.shield(self._gone)

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask it to go, and make it go after the grace; the shortest grace of all calls counts."""
        if self.is_running:
            self._world.clock.call_later(strategy.grace_seconds, lambda: self.exit(KILLED))
            if not self.stops and self.behaviour.leaves_after is not None:
                self._world.clock.call_later(self.behaviour.leaves_after, lambda: self.exit(self.behaviour.left))
            self.stops.append(strategy)
        return await self.wait()

    def say(self, text: bytes) -> None:
        """Print."""
        if self.is_running:
            self._output(text)

    def exit(self, status: ExitStatus) -> None:
        """End it now, for example because a test wants a crash."""
        if self.is_running:
            self._world.http.silence(self.spec.base_url)
            self._gone.set_result(status)

    def begin(self) -> None:
        """Follow the behaviour from now on."""
        if self.behaviour.while_loading is not None:
            self._world.http.serve(self.spec.base_url, self.behaviour.while_loading)
        for text in self.behaviour.says:
            self._after(0.0, functools.partial(self.say, text))
        self._after(self.behaviour.ready_after, lambda: self._world.http.serve(self.spec.base_url, 200))
        self._after(self.behaviour.ends_after, lambda: self.exit(self.behaviour.end))

    def _after(self, seconds: float | None, call: Callable[[], None]) -> None:
        if seconds is not None:
            self._world.clock.call_later(seconds, lambda: call() if self.is_running else None)


@define(eq=False)
class FakeProcesses:
    """Starts fake processes. `started` keeps all of them, in order."""

    clock: Clock
    http: FakeHttp
    default: Behaviour = Behaviour()
    """What a program without a script does."""
    started: list[FakeProcess] = field(factory=list)
    _scripts: dict[str, deque[Behaviour]] = field(factory=dict)
    _pids: Iterator[int] = field(factory=lambda: itertools.count(1001))

    def script(self, program: str, *behaviours: Behaviour) -> None:
        """Each start of `program` (the `argv[0]`) does the next of these, and the last one from then on."""
        self._scripts[program] = deque(behaviours)

    @property
    def running(self) -> tuple[FakeProcess, ...]:
        """Those that are not gone."""
        return tuple(process for process in self.started if process.is_running)

    async def start(self, spec: LaunchSpec, output: Callable[[bytes], None]) -> FakeProcess:
        """Begin the behaviour scripted for the program; raises StartFailed when that is its behaviour."""
        await asyncio.sleep(0)
        behaviour = self._next_behaviour(spec.argv[0])
        if behaviour.refusal:
            raise StartFailed(f"{behaviour.refusal}: {spec.argv[0]}", advice="install it")
        process = FakeProcess(next(self._pids), spec, behaviour, self, output)
        self.started.append(process)
        process.begin()
        return process

    def _next_behaviour(self, program: str) -> Behaviour:
        script = self._scripts.get(program)
        if not script:
            return self.default
        return script.popleft() if len(script) > 1 else script[0]
