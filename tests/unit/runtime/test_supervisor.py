"""The life of one upstream, in virtual time with fake processes: every start ends in exactly one UpstreamExited."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

import pytest
from attrs import define, evolve, field

from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.ids import Incarnation, ModelId
from swaplab_core.domain.launch import Canary, HttpCall, LaunchSpec, Readiness, SleepCalls, StopStrategy
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.plan import Command, Step
from swaplab_core.engine.facts import Fact, UpstreamAsleep, UpstreamExited, UpstreamReady
from swaplab_core.ports import ExitStatus
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.runtime.upstream import MOST_STAGES
from swaplab_core.testing.fakes import (
    CRASHED,
    HANGS,
    CannotStart,
    DiesAtStart,
    DiesWhileServing,
    FakeHttp,
    FakeProcesses,
    IgnoresTerm,
    LateReady,
    ManualClock,
    NeverListens,
    NeverReady,
    SlowToLeave,
)

MODEL, FIRST = ModelId("m"), Incarnation(1)
URL = "http://127.0.0.1:5800"
SLEEP = HttpCall("POST", "/sleep", timeout_seconds=30.0)
WAKE = HttpCall("POST", "/wake", timeout_seconds=30.0)
SPEC = LaunchSpec(
    ("engine", "--port", "5800"),
    URL,
    readiness=Readiness("/health", deadline_seconds=60.0, attempt_seconds=5.0),
    stop=StopStrategy(grace_seconds=10.0),
    sleep=SleepCalls(SLEEP, WAKE),
)
READY = UpstreamReady(MODEL, FIRST)


@define(eq=False)
class TimedHttp(FakeHttp):
    """Remembers when it was called."""

    moments: list[float] = field(factory=list)

    async def call(self, base_url: str, call: HttpCall) -> int | None:
        self.moments.append(self.clock.now())
        return await super().call(base_url, call)


@define(eq=False)
class World:
    """A supervisor among fakes, and what it has told the engine."""

    clock: ManualClock = field(factory=ManualClock)
    http: TimedHttp = field(init=False)
    processes: FakeProcesses = field(init=False)
    supervisor: Supervisor = field(init=False)
    facts: list[Fact] = field(factory=list)
    launch: LaunchSpec | Exception = SPEC

    def __attrs_post_init__(self) -> None:
        self.http = TimedHttp(self.clock)
        self.processes = FakeProcesses(self.clock, self.http)
        self.supervisor = Supervisor(self.processes, self.http, self.clock, self, self.facts.append)

    async def spec(self, model: ModelId) -> LaunchSpec:
        assert model == MODEL
        if isinstance(self.launch, Exception):
            raise self.launch
        return self.launch

    def progress(self, model: ModelId, line: str) -> Progress | None:
        assert model == MODEL
        stage, _, percent = line.partition(" ")
        return Progress(stage, float(percent) / 100) if percent.isdigit() else None

    async def started(self, *behaviour) -> None:
        """Start, and let everything happen that takes no time."""
        if behaviour:
            self.processes.script("engine", *behaviour)
        self.supervisor.start(MODEL, FIRST)
        await self.clock.settle()

    async def ready(self, *behaviour) -> None:
        await self.started(*behaviour)
        await self.clock.advance(1.0)
        assert self.facts == [READY]

    def probes(self) -> int:
        return len(self.http.calls)

    def end(self) -> str:
        """Why it is gone: there must be one fact about that, the last one."""
        *others, exited = self.facts
        assert isinstance(exited, UpstreamExited)
        assert (exited.model, exited.incarnation) == (MODEL, FIRST)
        assert not any(isinstance(fact, UpstreamExited) for fact in others)
        assert self.supervisor.status(MODEL) is None
        return exited.reason


def run(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(scenario(World()), 120)

    asyncio.run(main())


# readiness


def test_the_first_probe_comes_after_4_ms_and_the_pauses_grow_to_250_ms():
    async def scenario(world: World) -> None:
        await world.started(NeverReady())
        await world.clock.advance(30.0)
        pauses = [after - before for before, after in itertools.pairwise([0.0, *world.http.moments])]

        assert pauses[0] == pytest.approx(0.004)
        assert all(after >= before - 1e-9 for before, after in itertools.pairwise(pauses))
        assert pauses[-1] == pytest.approx(0.25)
        assert world.facts == []

    run(scenario)


def test_an_engine_is_ready_when_it_answers_200_and_not_before():
    async def scenario(world: World) -> None:
        await world.started(LateReady(ready_after=7.0))
        await world.clock.advance(6.9)
        assert world.facts == []

        await world.clock.advance(0.4)

        assert world.facts == [READY]
        assert world.supervisor.base_url(MODEL) == URL
        assert world.supervisor.expected_seconds(MODEL) == pytest.approx(7.0, abs=0.3)

    run(scenario)


def test_without_a_path_it_is_ready_at_once():
    async def scenario(world: World) -> None:
        world.launch = evolve(SPEC, readiness=Readiness(path=None))
        await world.started(NeverListens())

        assert world.facts == [READY]
        assert world.probes() == 0

    run(scenario)


@pytest.mark.parametrize(
    ("behaviour", "answer"), [(NeverReady(), "its last answer was status 503"), (NeverListens(), "it never answered")]
)
def test_at_the_deadline_it_is_stopped_and_the_message_says_what_was_asked(behaviour, answer):
    async def scenario(world: World) -> None:
        await world.started(evolve(behaviour, says=(b"loading 10\n", b"still loading\n")))
        await world.clock.advance(59.0)
        assert world.processes.running

        await world.clock.advance(2.0)

        assert world.end() == (
            f"m was not ready after 60 s: GET {URL}/health did not give 200, {answer}. Its last output:\n"
            "  loading 10\n  still loading"
        )
        assert not world.processes.running

    run(scenario)


def test_who_comes_further_gets_its_time_anew_and_who_only_talks_does_not():
    async def scenario(world: World) -> None:
        await world.started(NeverReady())
        (process,) = world.processes.running
        for percent in (10, 20, 30):
            await world.clock.advance(50.0)
            process.say(b"weights %d\n" % percent)
        await world.clock.advance(50.0)
        process.say(b"weights 30\nstill loading\nweights 20\n")
        assert world.facts == []

        await world.clock.advance(11.0)

        assert world.end().startswith("m was not ready after 60 s without progress: GET ")

    run(scenario)


def test_an_engine_that_names_ever_new_stages_does_not_load_for_ever():
    async def scenario(world: World) -> None:
        await world.started(NeverReady())
        (process,) = world.processes.running
        for stage in range(MOST_STAGES + 1):
            process.say(b"stage%d 100\n" % stage)
            await world.clock.advance(50.0)
        assert "was not ready" in world.end()

    run(scenario)


def test_a_probe_that_hangs_is_given_up_and_tried_again():
    async def scenario(world: World) -> None:
        await world.started(NeverListens())
        world.http.serve(URL, HANGS, HANGS, 200)
        await world.clock.advance(11.0)

        assert world.facts == [READY]
        assert {call.timeout_seconds for _, call in world.http.calls} == {5.0}

    run(scenario)


def test_an_engine_that_cannot_be_killed_politely_at_its_deadline_is_killed():
    async def scenario(world: World) -> None:
        await world.started(IgnoresTerm(ready_after=None))
        await world.clock.advance(75.0)

        assert "was not ready" in world.end()

    run(scenario)


# ends


def test_a_death_at_start_is_told_with_its_last_words():
    async def scenario(world: World) -> None:
        await world.started(DiesAtStart())
        await world.clock.advance(1.0)

        assert world.end() == "m ended by itself, exit code 1. Its last output:\n  error: cannot load the model"
        assert world.facts == [UpstreamExited(MODEL, FIRST, world.facts[0].reason)]

    run(scenario)


def test_a_death_while_serving_is_told():
    async def scenario(world: World) -> None:
        await world.ready(DiesWhileServing(ends_after=30.0))
        await world.clock.advance(30.0)

        assert world.end().startswith("m ended by itself, killed by signal 11")

    run(scenario)


def test_a_wrong_processor_is_named_as_the_likely_cause():
    async def scenario(world: World) -> None:
        await world.ready(DiesWhileServing(ends_after=30.0, end=ExitStatus(signal=4)))
        await world.clock.advance(30.0)

        assert "built for another kind of processor" in world.end()

    run(scenario)


def test_a_death_while_loading_ends_the_probing():
    async def scenario(world: World) -> None:
        await world.started(NeverReady(ends_after=2.0, end=CRASHED))
        await world.clock.advance(3.0)
        probes = world.probes()
        await world.clock.advance(60.0)

        assert world.probes() == probes
        assert "killed by signal 11" in world.end()

    run(scenario)


def test_a_program_that_cannot_be_started_is_told():
    async def scenario(world: World) -> None:
        await world.started(CannotStart())

        assert world.end() == "program not found: engine (install it)"

    run(scenario)


def test_a_launch_that_a_plugin_refuses_is_told():
    async def scenario(world: World) -> None:
        world.launch = StartFailed("no GPU", advice="buy one")
        await world.started()

        assert world.end() == "no GPU (buy one)"
        assert world.processes.started == []

    run(scenario)


def test_a_mistake_of_ours_is_logged_and_does_not_block_the_model(caplog):
    async def scenario(world: World) -> None:
        world.launch = KeyError("not foreseen")
        await world.started()

        assert world.end() == "swaplab made a mistake when it ran m; its log has the details"

    run(scenario)
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_a_stranger_on_the_port_is_not_taken_for_the_engine():
    async def scenario(world: World) -> None:
        world.http.serve(URL, 200)
        await world.started()
        await world.clock.advance(5.0)

        assert f"another program already listens on {URL}" in world.end()
        assert world.processes.started == []

    run(scenario)


# stopping


def test_a_stop_before_the_process_exists_starts_none():
    async def scenario(world: World) -> None:
        world.supervisor.start(MODEL, FIRST)
        world.supervisor.stop(MODEL)
        await world.clock.settle()

        assert world.end() == "stopped before it was started"
        assert world.processes.started == []

    run(scenario)


def test_a_stop_at_any_turn_of_a_start_ends_it_and_leaves_nothing_running():
    async def scenario_of(turns: int) -> None:
        world = World()
        world.supervisor.start(MODEL, FIRST)
        for _ in range(turns):
            await asyncio.sleep(0)
        if world.supervisor.status(MODEL) is not None:
            world.supervisor.stop(MODEL)
        await world.clock.advance(30.0)

        assert "stopped" in world.end()
        assert not world.processes.running

    for turns in range(12):
        asyncio.run(scenario_of(turns))


def test_a_stop_while_loading_says_nothing_of_failure_and_is_no_ready():
    async def scenario(world: World) -> None:
        await world.started(LateReady())
        await world.clock.advance(1.0)
        world.supervisor.stop(MODEL)
        await world.clock.advance(60.0)

        assert world.end() == "stopped (killed by signal 15)"
        assert len(world.facts) == 1

    run(scenario)


def test_a_stop_is_reported_when_the_process_is_gone_and_not_before():
    async def scenario(world: World) -> None:
        await world.ready(SlowToLeave(leaves_after=3.0))
        world.supervisor.stop(MODEL)
        gone = asyncio.ensure_future(world.supervisor.gone([MODEL, ModelId("another")]))
        await world.clock.advance(2.9)
        assert (world.facts, gone.done()) == ([READY], False)

        await world.clock.advance(0.2)

        assert world.end() == "stopped (exit code 0)"
        assert gone.done()

    run(scenario)


def test_a_stop_hands_on_the_strategy_of_the_launch_spec():
    async def scenario(world: World) -> None:
        world.launch = evolve(SPEC, stop=StopStrategy(("bye", "${PID}"), 3.0))
        await world.ready(IgnoresTerm())
        world.supervisor.stop(MODEL)
        await world.clock.advance(3.0)

        assert world.end() == "stopped (killed by signal 9)"
        assert world.processes.started[0].stops == [StopStrategy(("bye", "${PID}"), 3.0)]

    run(scenario)


def test_a_crash_and_a_new_start_do_not_mix():
    async def scenario(world: World) -> None:
        await world.ready()
        world.processes.started[0].exit(CRASHED)
        await world.clock.settle()
        world.supervisor.start(MODEL, Incarnation(2))
        await world.clock.advance(1.0)

        assert [type(fact) for fact in world.facts] == [UpstreamReady, UpstreamExited, UpstreamReady]
        assert world.facts[-1] == UpstreamReady(MODEL, Incarnation(2))

    run(scenario)


# what can be seen


def test_the_status_tells_pid_address_time_and_progress():
    async def scenario(world: World) -> None:
        assert world.supervisor.status(MODEL) is None
        await world.started(LateReady(says=(b"weights 25\rweights 50\rnothing\n",)))
        await world.clock.advance(2.0)
        status = world.supervisor.status(MODEL)

        assert status is not None
        assert (status.pid, status.base_url, status.argv) == (1001, URL, SPEC.argv)
        assert status.elapsed_seconds == 2.0
        assert status.progress == Progress("weights", 0.5)

    run(scenario)


def test_the_expected_time_is_the_median_of_the_last_loads():
    async def scenario(world: World) -> None:
        assert world.supervisor.expected_seconds(MODEL) is None
        world.processes.script("engine", *(LateReady(ready_after=seconds) for seconds in (1.0, 9.0, 2.0)))
        for number in (1, 2, 3):
            world.supervisor.start(MODEL, Incarnation(number))
            await world.clock.advance(10.0)
            world.supervisor.stop(MODEL)
            await world.clock.advance(1.0)

        assert world.supervisor.expected_seconds(MODEL) == pytest.approx(2.0, abs=0.3)

    run(scenario)


# sleep


def test_an_upstream_is_put_to_sleep_and_woken():
    async def scenario(world: World) -> None:
        await world.ready()
        world.supervisor.sleep(MODEL)
        await world.clock.settle()
        assert world.facts == [READY, UpstreamAsleep(MODEL, FIRST)]
        assert world.http.calls[-1] == (URL, SLEEP)

        world.supervisor.wake(MODEL)
        await world.clock.advance(1.0)

        assert world.facts == [READY, UpstreamAsleep(MODEL, FIRST), READY]
        assert (URL, WAKE) in world.http.calls
        assert len(world.processes.running) == 1

    run(scenario)


@pytest.mark.parametrize(("answer", "words"), [(500, "/sleep answered 500"), (HANGS, "/sleep did not answer in 30 s")])
def test_an_upstream_that_will_not_sleep_is_stopped_instead(answer, words):
    async def scenario(world: World) -> None:
        await world.ready()
        world.http.serve(URL, answer, path="/sleep")
        world.supervisor.sleep(MODEL)
        await world.clock.advance(40.0)

        assert f"m would not sleep: {words}" in world.end()
        assert not world.processes.running

    run(scenario)


def test_an_upstream_that_will_not_wake_is_stopped_so_that_it_can_start_afresh():
    async def scenario(world: World) -> None:
        await world.ready()
        world.supervisor.sleep(MODEL)
        await world.clock.settle()
        world.http.serve(URL, 500, path="/wake")
        world.supervisor.wake(MODEL)
        await world.clock.advance(1.0)

        assert "m would not wake: /wake answered 500" in world.end()

    run(scenario)


def test_an_upstream_that_wakes_and_is_never_ready_is_stopped():
    async def scenario(world: World) -> None:
        await world.ready()
        world.supervisor.sleep(MODEL)
        await world.clock.settle()
        world.http.serve(URL, 503, path="/health")
        world.supervisor.wake(MODEL)
        await world.clock.advance(75.0)

        assert "m was not ready after 60 s" in world.end()

    run(scenario)


def test_a_crash_while_falling_asleep_is_one_exit():
    async def scenario(world: World) -> None:
        await world.ready()
        world.http.serve(URL, HANGS, path="/sleep")
        world.supervisor.sleep(MODEL)
        await world.clock.advance(1.0)
        world.processes.started[0].exit(CRASHED)
        await world.clock.advance(60.0)

        assert "signal 11" in world.end()

    run(scenario)


def test_a_stop_while_falling_asleep_ends_it():
    async def scenario(world: World) -> None:
        await world.ready()
        world.http.serve(URL, HANGS, path="/sleep")
        world.supervisor.sleep(MODEL)
        await world.clock.advance(1.0)
        world.supervisor.stop(MODEL)
        await world.clock.advance(60.0)

        assert isinstance(world.facts[-1], UpstreamExited)
        assert not world.processes.running

    run(scenario)


# what is to be done before and after


@define(eq=False)
class FakeCommands:
    """Remembers what it ran; the programs in `failing` end with 1, those in `hanging` never."""

    ran: list[str] = field(factory=list)
    failing: tuple[str, ...] = ()
    hanging: tuple[str, ...] = ()
    cancelled: list[str] = field(factory=list)

    async def run(self, node, command, stdout, stderr) -> ExitStatus:
        name = command.argv[0]
        self.ran.append(name)
        stdout(f"{name} says hello\n".encode())
        try:
            if name in self.hanging:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return ExitStatus(1 if name in self.failing else 0)


def step(name: str, *, optional: bool = False) -> Step:
    return Step(f"run {name}", Command((name,)), optional=optional)


def with_steps(world: World, **commands) -> FakeCommands:
    world.launch = evolve(SPEC, before=(step("sweep", optional=True), step("prepare")), after=(step("remove"),))
    world.supervisor.commands = fake = FakeCommands(**commands)
    return fake


def test_steps_run_before_the_start_and_after_the_exit():
    async def scenario(world: World) -> None:
        commands = with_steps(world)
        await world.ready()
        assert commands.ran == ["sweep", "prepare"]

        world.supervisor.stop(MODEL)
        await world.clock.advance(1.0)
        assert world.end().startswith("stopped")
        assert commands.ran == ["sweep", "prepare", "remove"]

    run(scenario)


def test_an_engine_that_dies_is_cleaned_up_after():
    async def scenario(world: World) -> None:
        commands = with_steps(world)
        await world.started(DiesAtStart())
        await world.clock.advance(1.0)

        assert "ended by itself" in world.end()
        assert commands.ran[-1] == "remove"

    run(scenario)


def test_a_failed_preparation_is_a_failed_start_with_its_output():
    async def scenario(world: World) -> None:
        commands = with_steps(world, failing=("sweep", "prepare"))
        await world.started()
        await world.clock.advance(1.0)

        reason = world.end()
        assert reason.startswith("m was not started: run prepare: exit code 1")
        assert "prepare says hello" in reason
        assert "sweep says hello" not in reason
        assert world.processes.running == ()
        assert commands.ran[-1] == "remove"

    run(scenario)


def test_a_stop_does_not_wait_for_the_preparation():
    async def scenario(world: World) -> None:
        commands = with_steps(world, hanging=("prepare",))
        await world.started()
        world.supervisor.stop(MODEL)
        await world.clock.settle()

        assert world.end() == "stopped before it was started"
        assert commands.cancelled == ["prepare"]
        assert commands.ran[-1] == "remove"

    run(scenario)


# who wakes up

CANARY = Canary(HttpCall("POST", "/v1/completions", body=b"{}"), ("choices", 0, "text"))


def saying(*texts: str) -> list[bytes]:
    return [f'{{"choices": [{{"text": "{text}"}}]}}'.encode() for text in texts]


async def ready_with_canary(world: World, *texts: str, cycles: int = 0) -> None:
    world.launch = evolve(SPEC, sleep=SleepCalls(SLEEP, WAKE, canary=CANARY, cycles=cycles))
    await world.started()
    if texts:
        world.http.say(URL, CANARY.call.path, *saying(*texts))
    else:
        world.http.serve(URL, 404, path=CANARY.call.path)
    await world.clock.advance(1.0)
    assert world.facts == [READY]


async def slept(world: World) -> None:
    world.supervisor.sleep(MODEL)
    await world.clock.advance(1.0)


async def woken(world: World) -> None:
    world.supervisor.wake(MODEL)
    await world.clock.advance(1.0)


def test_who_answers_as_before_its_sleep_is_ready_again():
    async def scenario(world: World) -> None:
        await ready_with_canary(world, "4")
        await slept(world)
        await woken(world)

        assert world.facts == [READY, UpstreamAsleep(MODEL, FIRST), READY]

    run(scenario)


@pytest.mark.parametrize("then", [saying("5"), [b"no json"], [b'{"choices": []}']])
def test_who_answers_otherwise_is_stopped_and_never_ready(then):
    async def scenario(world: World) -> None:
        await ready_with_canary(world, "4")
        await slept(world)
        world.http.say(URL, CANARY.call.path, *then)
        await woken(world)

        assert "answers otherwise than before its sleep" in world.end()
        assert world.facts.count(READY) == 1

    run(scenario)


def test_nobody_sleeps_whose_answer_is_not_known():
    async def scenario(world: World) -> None:
        await ready_with_canary(world)
        await slept(world)

        assert world.end().startswith("stopped")
        assert SLEEP not in [call for _, call in world.http.calls]

    run(scenario)


def test_after_so_many_sleeps_it_is_stopped_instead():
    async def scenario(world: World) -> None:
        await ready_with_canary(world, "4", cycles=2)
        for _ in range(2):
            await slept(world)
            await woken(world)
        await slept(world)

        assert world.end().startswith("stopped")
        assert [call for _, call in world.http.calls].count(SLEEP) == 2

    run(scenario)


def test_calls_that_follow_a_wake_come_in_order_and_one_that_fails_ends_it():
    async def scenario(world: World) -> None:
        reload, caches = HttpCall("POST", "/reload"), HttpCall("POST", "/reset")
        world.launch = evolve(SPEC, sleep=SleepCalls(SLEEP, WAKE, then=(reload, caches)))
        await world.ready()
        await slept(world)
        world.http.serve(URL, 500, path="/reset")
        await woken(world)

        assert [call for _, call in world.http.calls if call in {WAKE, reload, caches}] == [WAKE, reload, caches]
        assert "m would not wake: /reset answered 500" in world.end()

    run(scenario)
