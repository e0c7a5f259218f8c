"""The job runner: order, locks, logs, progress, cancelling, time limits, history."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from attrs import evolve

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.domain.errors import Conflict, NotThere, TooManyRequests
from swaplab_core.domain.events import JobChanged, JobLogged
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import JobId, JobState
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.plan import Command, Plan, SecretRef, Step
from swaplab_core.runtime.jobs import Jobs, runner
from swaplab_core.runtime.nodes import Nodes
from swaplab_core.testing.fake_executor import FakeExecutor, hangs, prints
from swaplab_core.testing.fake_job_files import FakeJobFiles
from swaplab_core.testing.fakes import ManualClock
from swaplab_core.testing.waiting import wait_until_async

NODE = Node(NodeId("spark2"), "spark2", "local", "192.0.2.2")


class World:
    """A runner on fakes; time is the clock's, and begins at 1000."""

    def __init__(self, files=None, clock=None) -> None:
        self.clock = clock or ManualClock()
        self.executor = FakeExecutor()
        self.files = files or FakeJobFiles()
        self.events = []
        self.leases = []
        self.jobs = Jobs(
            Nodes({"local": self.executor}, lambda: [NODE]),
            self.files,
            self.clock,
            self.lease,
            self.events.append,
            now=lambda: 1000.0 + self.clock.now(),
        )

    @asynccontextmanager
    async def lease(self, model):
        self.leases.append(f"{model} taken")
        yield "http://127.0.0.1:5800"
        self.leases.append(f"{model} given back")

    def submit(self, *steps, locks=(), **more):
        plan = Plan(tuple(step(one) if isinstance(one, str) else one for one in steps), frozenset(locks))
        return self.jobs.submit(plan, **{"kind": "mine:do", "title": "Do", **more}).id

    def state(self, job):
        return self.jobs.find(job).state

    async def until(self, job, *states):
        await wait_until_async(lambda: self.state(job) in states, f"job {job} to be {states}")

    async def text(self, job):
        return [line async for line in self.jobs.text(job)]


def step(program, *arguments, **more):
    return Step(more.pop("title", program), Command((program, *arguments)), **more)


def run(scenario, **more):
    async def main():
        async with asyncio.timeout(120):
            await scenario(World(**more))

    asyncio.run(main())


def test_the_steps_of_a_plan_are_done_in_order_and_their_output_is_the_log():
    async def scenario(world):
        world.executor.programs = {"a": prints(b"from a\n"), "b": prints(b"from ", b"b\n")}
        job = await world.jobs.wait(world.submit("a", step("b", "x y", node=NODE.id)))
        assert (job.state, job.exit_code, job.step, job.error) == (JobState.SUCCEEDED, 0, 1, "")
        assert [(node.id, command.argv) for node, command in world.executor.ran] == [
            ("", ("a",)),
            ("spark2", ("b", "x y")),
        ]
        assert await world.text(job.id) == ["$ a", "from a", "$ b 'x y'", "from b", "— succeeded —"]

    run(scenario)


def test_a_bad_exit_code_ends_the_job_and_the_error_holds_the_last_words():
    async def scenario(world):
        world.executor.programs = {"a": prints(b"compiling\n", b"no space left\n", code=3)}
        job = await world.jobs.wait(world.submit("a", "b"))
        assert (job.state, job.exit_code) == (JobState.FAILED, 3)
        assert job.error == "a ended with exit code 3: no space left"
        assert [command.argv for _, command in world.executor.ran] == [("a",)]

    run(scenario)


def test_a_step_that_is_optional_may_fail():
    async def scenario(world):
        world.executor.programs = {"a": prints(code=1)}
        job = await world.jobs.wait(world.submit(step("a", optional=True), "b"))
        assert job.state is JobState.SUCCEEDED
        assert [command.argv for _, command in world.executor.ran] == [("a",), ("b",)]

    run(scenario)


def test_a_node_that_cannot_be_reached_fails_the_job_by_name():
    async def scenario(world):
        world.executor.unreachable = {"spark2"}
        gone = await world.jobs.wait(world.submit(step("a", node=NODE.id)))
        unknown = await world.jobs.wait(world.submit(step("a", node=NodeId("nowhere"))))
        assert gone.error == "spark2 cannot be reached"
        assert unknown.error == "no node is called 'nowhere' (enrolled: spark2)"

    run(scenario)


def test_jobs_with_a_common_lock_run_one_after_the_other_in_the_order_they_came():
    async def scenario(world):
        started = [asyncio.Event() for _ in range(3)]
        world.executor.programs = {f"p{n}": hangs(event) for n, event in enumerate(started)}
        first = world.submit("p0", locks=["x"])
        second = world.submit("p1", locks=["x", "y"])
        third = world.submit("p2", locks=["y"])
        await started[0].wait()
        assert world.jobs.find(second).waits_for == ("x",)
        assert world.jobs.find(third).waits_for == ("y",), "it waits behind the second, which came before"
        await world.jobs.cancel(first)
        await started[1].wait()
        assert world.state(third) is JobState.QUEUED
        await world.jobs.cancel(second)
        await started[2].wait()
        await world.jobs.cancel(third)

    run(scenario)


def test_jobs_without_a_common_lock_run_at_once():
    async def scenario(world):
        started = [asyncio.Event(), asyncio.Event()]
        world.executor.programs = {f"p{n}": hangs(event) for n, event in enumerate(started)}
        jobs = [world.submit("p0", locks=["x"]), world.submit("p1", locks=["y"])]
        for event in started:
            await event.wait()
        assert {world.state(job) for job in jobs} == {JobState.RUNNING}
        await world.jobs.close()

    run(scenario)


def test_a_cancelled_job_ends_its_command_and_a_queued_one_never_starts():
    async def scenario(world):
        started = asyncio.Event()
        world.executor.programs = {"a": hangs(started)}
        running, queued = world.submit("a", locks=["x"]), world.submit("b", locks=["x"])
        await started.wait()
        assert (await world.jobs.cancel(queued)).state is JobState.CANCELLED
        assert (await world.jobs.cancel(running)).state is JobState.CANCELLED
        assert [command.argv for command in world.executor.cancelled] == [("a",)]
        assert [command.argv for _, command in world.executor.ran] == [("a",)]
        with pytest.raises(Conflict, match="the job is over: cancelled"):
            await world.jobs.cancel(running)

    run(scenario)


def test_a_job_can_be_cancelled_in_the_moment_it_was_made():
    async def scenario(world):
        world.executor.programs = {"a": hangs()}
        assert (await world.jobs.cancel(world.submit("a"))).state is JobState.CANCELLED

    run(scenario)


def test_a_step_has_a_time_limit():
    async def scenario(world):
        world.executor.programs = {"a": hangs()}
        job = await world.jobs.wait(world.submit(step("a", timeout_seconds=0.02)))
        assert (job.state, job.error) == (JobState.FAILED, "a took longer than 0.02 s and was stopped")
        assert [command.argv for command in world.executor.cancelled] == [("a",)]

    run(scenario)


def test_a_scheduled_job_waits_for_its_time():
    async def scenario(world):
        job = world.submit("a", start_at=1090.0)
        await world.clock.advance(89)
        assert (world.state(job), world.executor.ran) == (JobState.SCHEDULED, [])
        await world.clock.advance(1)
        assert (await world.jobs.wait(job)).started == 1090.0

    run(scenario)


def test_progress_is_read_from_lines_and_tells_how_long_the_rest_will_take():
    async def scenario(world):
        half = asyncio.Event()

        async def program(_, stdout, __):
            await world.clock.sleep(30)
            stdout(b"\x1b[32m50 %\x1b[0m\n")
            await half.wait()
            return 0

        world.executor.programs = {"a": program}
        job = world.submit(step("a", reads_progress=lambda line: Progress(line, int(line[:2]) / 100)))
        await world.clock.advance(30)
        shown = world.jobs.find(job)
        assert (shown.progress, shown.eta_seconds) == (Progress("50 %", 0.5), 30.0)
        half.set()
        await world.jobs.wait(job)
        again = world.submit("a")
        await world.clock.advance(10)
        assert world.jobs.find(again).eta_seconds == 20.0, "as long as last time"
        await world.jobs.close()

    run(scenario)


def test_a_reader_of_progress_that_raises_harms_nobody():
    async def scenario(world):
        world.executor.programs = {"a": prints(b"line\n")}
        job = await world.jobs.wait(world.submit(step("a", reads_progress=lambda line: 1 / 0)))
        assert job.state is JobState.SUCCEEDED

    run(scenario)


def test_secrets_reach_the_command_and_never_the_log(monkeypatch):
    monkeypatch.setenv("TOKEN_OF_TEST", "sesame-open")

    async def scenario(world):
        world.executor.programs = {"a": prints(b"the token is sesa", b"me-open!\n", code=1)}
        command = Command(("a", "sesame-open"), env={"TOKEN": SecretRef("TOKEN_OF_TEST"), "NONE": SecretRef("NO_SUCH")})
        job = await world.jobs.wait(world.submit(Step("Ask", command)))
        assert world.executor.ran[0][1].env == {"TOKEN": "sesame-open"}
        seen = f"{await world.text(job.id)} {job.error} {job.command}"
        assert "the token is ***!" in seen
        assert "sesame" not in seen

    run(scenario)


def test_work_of_an_adapter_logs_progresses_runs_commands_leases_models_and_answers_a_result():
    async def scenario(world):
        world.executor.programs = {"b": prints(b"from b\n", code=4)}

        async def work(work):
            work.log("hello\nthere")
            work.progress(Progress("working", 1.0))
            async with work.lease(ModelId("qwen")) as url:
                code = await work.run(Command(("b",)))
            return {"url": url, "code": code}

        job = await world.jobs.wait(world.submit(Step("Work", work=work)))
        assert job.result == {"url": "http://127.0.0.1:5800", "code": 4}
        assert job.progress == Progress("working", 1.0)
        assert world.leases == ["qwen taken", "qwen given back"]
        assert (await world.text(job.id))[:4] == ["hello", "there", "$ b", "from b"]

    run(scenario)


def test_a_mistake_in_the_work_of_a_plugin_is_the_end_of_its_job_alone(caplog):
    async def scenario(world):
        async def work(_):
            raise KeyError("oops")

        broken, fine = world.submit(Step("Work", work=work), locks=["x"]), world.submit("a", locks=["x"])
        assert (await world.jobs.wait(broken)).error == "KeyError: 'oops'"
        assert (await world.jobs.wait(fine)).state is JobState.SUCCEEDED

    run(scenario)


def test_a_cancelled_job_cancels_the_work_and_gives_the_model_back():
    async def scenario(world):
        leased = asyncio.Event()

        async def work(work):
            async with work.lease(ModelId("qwen")):
                leased.set()
                await asyncio.Event().wait()

        job = world.submit(Step("Work", work=work))
        await leased.wait()
        await world.jobs.cancel(job)
        assert world.leases[0] == "qwen taken"
        assert world.state(job) is JobState.CANCELLED

    run(scenario)


def test_after_a_restart_the_history_is_there_and_what_ran_was_interrupted():
    async def scenario(world):
        world.executor.programs = {"a": prints(b"said\n"), "b": hangs()}
        done, running, waiting = world.submit("a"), world.submit("b", locks=["x"]), world.submit("b", locks=["x"])
        await world.jobs.wait(done)
        await world.until(running, JobState.RUNNING)
        crashed = FakeJobFiles(dict(world.files.jobs), {job: bytearray(log) for job, log in world.files.logs.items()})
        after = World(crashed)
        await after.jobs.open()
        assert [after.state(job) for job in (done, running, waiting)] == [
            JobState.SUCCEEDED,
            JobState.INTERRUPTED,
            JobState.INTERRUPTED,
        ]
        assert after.jobs.find(running).error == "swaplab ended while it ran"
        assert await after.text(done) == ["$ a", "said", "— succeeded —"]
        await world.jobs.close()
        assert world.state(running) is JobState.INTERRUPTED, "a daemon that ends in good order says the same"

    run(scenario)


def test_a_scheduled_job_outlives_a_daemon_that_ends_in_good_order():
    async def scenario(world):
        waiting = world.submit("a", start_at=1050.0)
        await world.jobs.close()
        after = World(FakeJobFiles(dict(world.files.jobs)))

        async def plan_again(_):
            return Plan((step("a"),))

        await after.jobs.open(plan_again)
        assert after.state(waiting) is JobState.SCHEDULED
        await after.clock.advance(60)
        assert after.state(waiting) is JobState.SUCCEEDED

    run(scenario)


def test_a_scheduled_job_waits_on_after_a_restart_when_it_can_be_planned_again():
    async def scenario(world):
        kept, lost = world.submit("a", start_at=1050.0), world.submit("a", start_at=1050.0, kind="gone:do")
        after = World(FakeJobFiles(dict(world.files.jobs)))

        async def plan_again(job):
            return Plan((step("a"),)) if job.kind == "mine:do" else None

        await after.jobs.open(plan_again)
        assert (after.state(kept), after.state(lost)) == (JobState.SCHEDULED, JobState.INTERRUPTED)
        await after.clock.advance(60)
        assert after.state(kept) is JobState.SUCCEEDED
        await world.jobs.close()

    run(scenario)


def test_old_jobs_are_forgotten(monkeypatch):
    monkeypatch.setattr(runner, "MOST_REMEMBERED", 2)

    async def scenario(world):
        jobs = [world.submit("a") for _ in range(4)]
        await world.jobs.wait(jobs[-1])
        assert [job.id for job in world.jobs.all()] == [jobs[3], jobs[2]]
        assert set(world.files.jobs) == {jobs[3], jobs[2]}

    run(scenario)


def test_too_many_waiting_jobs_are_refused(monkeypatch):
    monkeypatch.setattr(runner, "MOST_WAITING", 2)

    async def scenario(world):
        world.executor.programs = {"a": hangs()}
        world.submit("a", locks=["x"])
        world.submit("a", locks=["x"])
        with pytest.raises(TooManyRequests):
            world.submit("a")
        await world.jobs.close()

    run(scenario)


def test_a_job_that_is_over_can_be_deleted_and_no_other():
    async def scenario(world):
        world.executor.programs = {"b": hangs()}
        over, running = world.submit("a"), world.submit("b")
        await world.jobs.wait(over)
        world.jobs.delete(over)
        with pytest.raises(NotThere):
            world.jobs.find(over)
        with pytest.raises(Conflict):
            world.jobs.delete(running)
        await world.jobs.close()

    run(scenario)


def test_the_log_can_be_read_from_the_end_of_any_record():
    async def scenario(world):
        world.executor.programs = {"a": prints(*(b"line %d\n" % n for n in range(50)))}
        job = world.submit("a")
        await world.jobs.wait(job)
        records = await world.jobs.log(job)
        assert [record.text for record in await world.jobs.log(job, records[20].end)] == [r.text for r in records[21:]]
        assert await world.jobs.log(job, records[-1].end) == []
        assert world.jobs.find(job).log_bytes == records[-1].end

    run(scenario)


def test_whoever_watches_hears_of_every_state_and_of_the_growing_log():
    async def scenario(world):
        world.executor.programs = {"a": prints(b"x\n")}
        job = world.submit("a")
        ended = await world.jobs.wait(job)
        assert JobChanged(job) in world.events
        logged = [event.end for event in world.events if isinstance(event, JobLogged)]
        assert logged == sorted(logged)
        assert logged[-1] == ended.log_bytes

    run(scenario, clock=LoopClock())


def test_jobs_have_distinct_ids_that_sort_by_time():
    async def scenario(world):
        first = world.submit("a")
        await world.clock.advance(1)
        second = world.submit("a")
        assert first < second
        assert JobId("nobody") not in {first, second}
        await world.jobs.close()

    run(scenario)


def test_a_job_tells_who_began_it_and_what_it_was_given():
    async def scenario(world):
        job = world.jobs.find(world.submit("a", input={"x": [1]}, author="me", target="/srv", retry_of="other"))
        assert (job.input, job.author, job.target, job.retry_of) == ({"x": [1]}, "me", "/srv", "other")
        assert evolve(job, state=JobState.QUEUED).steps == ("a",)
        await world.jobs.close()

    run(scenario)
