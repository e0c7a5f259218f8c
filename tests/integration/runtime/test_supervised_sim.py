"""The supervisor with real processes, HTTP and time: a simulated engine sleeps, wakes, and fails to get ready."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from urllib.request import urlopen

import pytest
from attrs import define, evolve, field
from running_swaplab import is_free, leased_ports

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.domain.launch import HttpCall, LaunchSpec, Readiness, SleepCalls, StopStrategy
from swaplab_core.domain.metering import Progress
from swaplab_core.engine.facts import Fact, UpstreamAsleep, UpstreamExited, UpstreamReady
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.testing.sim_process import SIM_ARGV
from swaplab_core.testing.waiting import wait_until_async

MODEL, FIRST = ModelId("m"), Incarnation(1)
SLEEPS = SleepCalls(HttpCall("POST", "/sleep?level=1", 10.0), HttpCall("POST", "/wake_up", 10.0))


@define(eq=False)
class World:
    """A supervisor of one simulated engine on real adapters, and the facts it has told."""

    spec_in_force: LaunchSpec
    supervisor: Supervisor = field(init=False)
    facts: list[Fact] = field(factory=list)

    async def spec(self, model: ModelId) -> LaunchSpec:
        return self.spec_in_force

    def progress(self, model: ModelId, line: str) -> Progress | None:
        return None

    async def until(self, kind: type[Fact], count: int = 1) -> Fact:
        """The last fact, when it is of this kind and there are so many of them."""
        return await wait_until_async(
            lambda: self.facts[-1] if sum(isinstance(fact, kind) for fact in self.facts) == count else None,
            f"{count} {kind.__name__} in {self.facts}",
        )

    async def engine(self, path: str) -> dict:
        """Ask the engine itself."""
        with await asyncio.to_thread(urlopen, self.spec_in_force.base_url + path) as answer:
            return json.load(answer)


@contextlib.asynccontextmanager
async def world_of(
    *arguments: str, change: Callable[[LaunchSpec], LaunchSpec] = lambda spec: spec
) -> AsyncIterator[World]:
    with leased_ports(1) as ports:
        async with world_at(ports.start, arguments, change) as world:
            yield world


@contextlib.asynccontextmanager
async def world_at(
    port: int, arguments: tuple[str, ...], change: Callable[[LaunchSpec], LaunchSpec]
) -> AsyncIterator[World]:
    spec = LaunchSpec(
        (*SIM_ARGV, "--port", str(port), *arguments),
        f"http://127.0.0.1:{port}",
        readiness=Readiness(deadline_seconds=60.0, attempt_seconds=1.0),
        stop=StopStrategy(grace_seconds=2.0),
        sleep=SLEEPS,
    )
    processes, http, world = LocalProcesses(), AiohttpHttp(), World(change(spec))
    world.supervisor = Supervisor(processes, http, LoopClock(), world, world.facts.append)
    try:
        world.supervisor.start(MODEL, FIRST)
        yield world
        if world.supervisor.status(MODEL) is not None:
            world.supervisor.stop(MODEL)
        await world.supervisor.gone([MODEL])
        assert is_free(port)
    finally:
        await http.close()
        processes.close()


def test_an_engine_with_sleep_endpoints_is_put_to_sleep_and_woken_in_the_same_process():
    async def scenario() -> None:
        async with world_of("--sleep-seconds", "0.1", "--wake-seconds", "0.1", "--footprint-mib", "100") as world:
            await world.until(UpstreamReady)
            pid = (await world.engine("/sim/state"))["pid"]

            world.supervisor.sleep(MODEL)
            await world.until(UpstreamAsleep)
            assert (await world.engine("/is_sleeping"))["is_sleeping"]
            assert (await world.engine("/sim/footprint"))["footprint_mib"] == 0

            world.supervisor.wake(MODEL)
            await world.until(UpstreamReady, 2)
            state = await world.engine("/sim/state")
            assert (state["pid"], state["is_asleep"]) == (pid, False)

    asyncio.run(scenario())


@pytest.mark.parametrize(("flag", "words"), [("--sleep-fails", "would not sleep: /sleep?level=1 answered 500")])
def test_an_engine_that_will_not_sleep_is_stopped(flag, words):
    async def scenario() -> None:
        async with world_of(flag) as world:
            await world.until(UpstreamReady)
            world.supervisor.sleep(MODEL)

            exited = await world.until(UpstreamExited)

            assert words in exited.reason

    asyncio.run(scenario())


def test_an_engine_that_will_not_wake_is_stopped():
    async def scenario() -> None:
        async with world_of("--wake-fails") as world:
            await world.until(UpstreamReady)
            world.supervisor.sleep(MODEL)
            await world.until(UpstreamAsleep)
            world.supervisor.wake(MODEL)

            exited = await world.until(UpstreamExited)

            assert "would not wake: /wake_up answered 500" in exited.reason

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("flags", "answer"),
    [
        (["--never-ready"], "its last answer was status 503"),
        (["--hang-on-health", "--ignore-term"], "it never answered"),
        (["--bind-late", "--never-ready"], "it never answered"),
    ],
)
def test_an_engine_that_is_not_ready_in_its_time_is_stopped_and_its_words_are_told(flags, answer):
    words = (f"/health did not give 200, {answer}", "swaplab-sim: loading weights")
    reason = gives_up("/health", words, *flags, "--load-seconds", "60")
    assert [text for text in words if text not in reason] == []


def test_a_redirect_is_no_readiness():
    words = "its last answer was status 302"
    assert words in gives_up("/sim/status/302", (words,))


def gives_up(path: str, words: tuple[str, ...], *flags: str) -> str:
    """Why an engine is given up. On a busy machine it may not get to say these words in its time: then it has more."""
    reason = ""
    for seconds in (1.2, 5.0, 30.0):
        reason = asyncio.run(_given_up(Readiness(path, deadline_seconds=seconds, attempt_seconds=0.3), flags))
        assert f"m was not ready after {seconds:g} s: GET http://127.0.0.1:" in reason
        if all(text in reason for text in words):
            break
    return reason


async def _given_up(readiness: Readiness, flags: tuple[str, ...]) -> str:
    def short(spec: LaunchSpec) -> LaunchSpec:
        return evolve(spec, readiness=readiness, stop=StopStrategy(grace_seconds=0.2))

    async with world_of(*flags, change=short) as world:
        return (await world.until(UpstreamExited)).reason
