"""How real processes end: wrappers, grandchildren, deaf and slow ones; nothing is left when `wait` has returned."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.ports import ExitStatus
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.output import Output
from swaplab_core.testing.waiting import wait_until_async

Run = Callable[[Coroutine[Any, Any, None]], None]
IsGone = Callable[[int], bool]

PATIENT = StopStrategy(grace_seconds=3600.0)
HASTY = StopStrategy(grace_seconds=0.1)
KILLED = ExitStatus(signal=signal.SIGKILL)
TERMINATED = ExitStatus(signal=signal.SIGTERM)
DEAF_CHILD = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if not child:
    time.sleep(3600)
"""
"""Begin of a program with a grandchild that ignores SIGTERM; it goes on as the leader, with its pid in `child`."""


def _spec(*argv: str) -> LaunchSpec:
    return LaunchSpec(argv, "http://127.0.0.1:1")


def _python(program: str) -> LaunchSpec:
    return _spec(sys.executable, "-I", "-S", "-c", program)


def test_a_shell_wrapper_is_stopped_with_the_engine_it_started(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec("sh", "-c", "sleep 3600 & echo $!; wait"), output)
        engine = int((await output.wait_for_lines(1))[0])
        assert await process.stop(PATIENT) == TERMINATED
        assert is_gone(engine)
        assert is_gone(process.pid)

    run(scenario())


def test_what_the_leader_leaves_in_its_group_is_killed_at_once(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    program = DEAF_CHILD + "signal.signal(signal.SIGTERM, signal.SIG_DFL); print(child, flush=True); time.sleep(3600)"

    async def scenario() -> None:
        process = await processes.start(_python(program), output)
        grandchild = int((await output.wait_for_lines(1))[0])
        assert await process.stop(PATIENT) == TERMINATED
        assert is_gone(grandchild)

    run(scenario())


def test_a_crash_leaves_nobody_of_the_group(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        process = await processes.start(_python(DEAF_CHILD + "print(child, flush=True); os._exit(3)"), output)
        assert await process.wait() == ExitStatus(code=3)
        assert is_gone(int(output.lines[0]))

    run(scenario())


RUNAWAY = """
import os, time
away, leaving = os.pipe()
child = os.fork()
if not child:
    os.setsid()
    os.close(leaving)
    time.sleep(3600)
os.close(leaving)
os.read(away, 1)
print(child, flush=True)
"""
"""Begin of a program with a grandchild in a session of its own, which no signal to the group reaches."""
STRANGER = RUNAWAY.replace("os.close(leaving)\n    time.sleep(3600)", "os.execve('/bin/sleep', ['sleep', '3600'], {})")
"""The same with one that forgets its environment, too: nobody knows whose it is."""
DAEMON = RUNAWAY.replace(
    "    os.close(leaving)", "    if os.fork(): os._exit(0)\n    print(os.getpid(), flush=True)\n    os.close(leaving)"
)
"""The same with one that is nobody's child any more; its pid is printed before."""


@contextmanager
def _ending_the_runaway(output: Output) -> Iterator[None]:
    """Nobody but the test will."""
    try:
        yield
    finally:
        os.kill(int(output.lines[0]), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
@pytest.mark.parametrize("program", [RUNAWAY, DAEMON], ids=["session", "daemon"])
@pytest.mark.parametrize("end", ["time.sleep(3600)", "os._exit(3)"], ids=["stopped", "by-itself"])
def test_what_left_the_group_for_a_session_of_its_own_ends_with_its_engine(
    run: Run, patient: LocalProcesses, output: Output, is_gone: IsGone, program: str, end: str
) -> None:
    async def scenario() -> None:
        other = await patient.start(_python("import time; time.sleep(3600)"), Output())
        process = await patient.start(_python(program + end), output)
        runaway = int((await output.wait_for_lines(1))[0])
        await (process.stop(PATIENT) if "sleep" in end else process.wait())
        assert is_gone(runaway)
        assert not is_gone(other.pid)
        await other.stop(HASTY)

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
def test_what_is_found_too_late_ends_all_the_same(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    processes.linger_seconds = 0.0

    async def scenario() -> None:
        process = await processes.start(_python(RUNAWAY + "os._exit(3)"), output)
        assert await process.wait() == ExitStatus(code=3)
        await wait_until_async(lambda: is_gone(int(output.lines[0])), "the runaway to end")

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
def test_what_leaves_the_group_when_asked_to_stop_ends_with_its_engine(
    run: Run, patient: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    leave = RUNAWAY.replace("\n", "\n    ")
    program = (
        f"import os, signal, time\ndef leave(*_):\n    {leave}\n    os._exit(0)\nsignal.signal(signal.SIGTERM, leave)\n"
    )

    async def scenario() -> None:
        process = await patient.start(_python(program + "os.write(1, b'up\\n')\nwhile True: time.sleep(1)"), output)
        await output.wait_for_lines(1)
        assert await process.stop(PATIENT) == ExitStatus(code=0)
        assert is_gone(int(output.lines[1]))

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
def test_what_a_command_put_into_a_session_of_its_own_ends_with_a_cancelled_one(
    run: Run, patient: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        command = ReadyCommand(_python(RUNAWAY + "time.sleep(3600)").argv)
        running = asyncio.create_task(patient.run(command, output, output))
        runaway = int((await output.wait_for_lines(1))[0])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert is_gone(runaway)

    run(scenario())


@pytest.mark.parametrize("everything", [False, True], ids=["again", "with every task, as the loop ends"])
def test_a_command_is_waited_for_also_by_who_is_cancelled_once_more(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone, everything: bool
) -> None:
    async def scenario() -> None:
        others = asyncio.all_tasks()
        begin = "import os, signal, time\n"
        leave = "def leave(*_):\n    os.write(1, b'asked\\n')\n    time.sleep(0.3)\n    os._exit(0)\n"
        stay = "signal.signal(signal.SIGTERM, leave)\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(3600)"
        command = ReadyCommand(_python(begin + leave + stay).argv)
        running = asyncio.create_task(processes.run(command, output, output))
        pid = int((await output.wait_for_lines(1))[0])
        running.cancel()
        await output.wait_for_lines(2)
        for task in asyncio.all_tasks() - others if everything else {running}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert is_gone(pid)

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
def test_what_a_command_leaves_behind_at_its_own_end_was_to_stay_and_is_told_at_the_end(
    run: Run, output: Output, is_gone: IsGone, caplog: pytest.LogCaptureFixture
) -> None:
    processes = LocalProcesses(linger_seconds=0.2)
    engine = _python("import time; time.sleep(3600)")

    async def scenario() -> None:
        with _ending_the_runaway(output):
            assert await processes.run(ReadyCommand(_python(RUNAWAY).argv), output, output) == ExitStatus(code=0)
            stopped = await processes.start(engine, Output())
            await stopped.stop(StopStrategy(("true",), grace_seconds=0.3))
            with caplog.at_level("INFO"):
                processes.close()
            left = int(output.lines[0])
            assert not is_gone(left)
            assert "commands have started what goes on without swaplab: python" in caplog.text
            assert f"({left})" in caplog.text

    run(scenario())


def test_a_stranger_that_holds_the_pipe_cannot_hold_the_end_up(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        with _ending_the_runaway(output):
            process = await processes.start(_python(STRANGER + "time.sleep(3600)"), output)
            runaway = int((await output.wait_for_lines(1))[0])
            assert await process.stop(PATIENT) == TERMINATED
            assert not is_gone(runaway)  # it did hold the pipe until the end

    run(scenario())


def test_the_last_words_are_heard_even_when_a_stranger_holds_the_pipe(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    async def scenario() -> None:
        with _ending_the_runaway(output):
            process = await processes.start(_python(STRANGER + "os.write(1, b'x' * 60000)"), output)
            assert await process.wait() == ExitStatus(code=0)
            assert output.data.endswith(b"\n" + b"x" * 60000)

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has pipes of a chosen size")
def test_everything_in_the_pipe_at_the_exit_is_heard(run: Run, processes: LocalProcesses, output: Output) -> None:
    program = "import fcntl, os; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'x' * (1 << 20))"  # 1031: F_SETPIPE_SZ

    async def scenario() -> None:
        process = await processes.start(_python(program), output)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop shall find all at once
        assert await process.wait() == ExitStatus(code=0)
        assert output.data == b"x" * (1 << 20)

    run(scenario())


def test_closing_its_output_is_not_an_exit(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec("sh", "-c", "echo closing; exec sleep 3600 >/dev/null 2>&1"), output)
        await output.wait_for_lines(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.1)
        assert await process.stop(PATIENT) == TERMINATED

    run(scenario())


def test_a_deaf_engine_is_killed_with_its_deaf_children(
    run: Run, processes: LocalProcesses, output: Output, is_gone: IsGone
) -> None:
    async def scenario() -> None:
        process = await processes.start(_python(DEAF_CHILD + "print(child, flush=True); time.sleep(3600)"), output)
        grandchild = int((await output.wait_for_lines(1))[0])
        assert await process.stop(HASTY) == KILLED
        assert is_gone(grandchild)

    run(scenario())


def test_a_frozen_engine_is_killed(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec("sh", "-c", "kill -STOP $$"), output)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # noqa: ASYNC222 - it comes at once, or the test ends
        assert await process.stop(HASTY) == KILLED

    run(scenario())


def test_a_cleanup_longer_than_the_linger_time_is_waited_for(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    assert processes.linger_seconds < 0.6

    async def scenario() -> None:
        process = await processes.start(
            _spec("sh", "-c", "trap 'sleep 0.6; echo cleaned; exit 5' TERM; echo up; while :; do sleep 0.05; done"),
            output,
        )
        await output.wait_for_lines(1)
        assert await process.stop(PATIENT) == ExitStatus(code=5)
        assert output.lines[-1] == "cleaned"

    run(scenario())


def test_the_port_is_free_when_the_engine_is_gone(run: Run, processes: LocalProcesses, output: Output) -> None:
    port = find_free_port()
    listen = f"s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); print('up', flush=True)"

    async def scenario() -> None:
        for _ in range(3):
            process = await processes.start(_python(f"import socket, time; {listen}; time.sleep(3600)"), output)
            await output.wait_for_lines(1)
            output.data.clear()
            await process.stop(PATIENT)
            with socket.socket() as successor:
                successor.bind(("127.0.0.1", port))

    run(scenario())


def test_a_stop_before_the_program_has_come_up_is_a_stop_all_the_same(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    async def scenario() -> None:
        for _ in range(10):
            process = await processes.start(_spec("sleep", "3600"), output)
            assert await process.stop(PATIENT) == TERMINATED

    run(scenario())


def test_many_processes_come_and_go_together(run: Run, processes: LocalProcesses, is_gone: IsGone) -> None:
    async def one(number: int) -> None:
        output = Output()
        process = await processes.start(_spec("sh", "-c", f"echo {number}; exec sleep 3600"), output)
        assert await output.wait_for_lines(1) == [str(number)]
        assert await process.stop(PATIENT) == TERMINATED
        assert is_gone(process.pid)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(one(number))

    run(scenario())


def test_without_process_descriptors_the_exit_is_found_by_asking(
    run: Run, processes: LocalProcesses, output: Output, monkeypatch: pytest.MonkeyPatch, is_gone: IsGone
) -> None:
    def refuse(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)

    async def scenario() -> None:
        process = await processes.start(_python(DEAF_CHILD + "print(child, flush=True); os._exit(3)"), output)
        assert await process.wait() == ExitStatus(code=3)
        assert is_gone(int(output.lines[0]))
        stopped = await processes.start(_spec("sleep", "3600"), output)
        assert await stopped.stop(PATIENT) == TERMINATED

    run(scenario())


def test_a_process_that_has_gone_is_never_signalled_again(
    run: Run, processes: LocalProcesses, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        process = await processes.start(_spec("sh", "-c", "exit 4"), output)
        await process.wait()
        signalled: list[int] = []
        monkeypatch.setattr(os, "killpg", lambda pgid, _: signalled.append(pgid))
        monkeypatch.setattr(os, "kill", lambda pid, _: signalled.append(pid))
        assert await process.stop(StopStrategy(grace_seconds=0.0)) == ExitStatus(code=4)
        assert await process.stop(StopStrategy(("true",), grace_seconds=0.0)) == ExitStatus(code=4)
        assert signalled == []

    run(scenario())


def test_the_kill_that_was_planned_is_not_sent_after_the_exit(
    run: Run, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = LocalProcesses(linger_seconds=1.0)
    sent: list[int] = []
    really_send = os.killpg

    def killpg(pgid: int, number: int) -> None:
        sent.append(number)
        really_send(pgid, number)

    monkeypatch.setattr(os, "killpg", killpg)

    async def scenario() -> None:
        with _ending_the_runaway(output):
            process = await processes.start(_python(RUNAWAY + "time.sleep(3600)"), output)
            await output.wait_for_lines(1)
            # The grace runs out while the runaway still holds the pipe.
            assert await process.stop(StopStrategy(grace_seconds=0.5)) == TERMINATED
            assert [number for number in sent if number] == [signal.SIGTERM, signal.SIGKILL]  # the second to the rest

    run(scenario())
    processes.close()


def test_a_second_stop_does_not_ask_again(run: Run, processes: LocalProcesses, output: Output) -> None:
    program = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"asked\\n"))  # print may not be entered twice
os.write(1, b"up\\n")
while True:
    time.sleep(1)
"""

    async def scenario() -> None:
        process = await processes.start(_python(program), output)
        await output.wait_for_lines(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(process.stop(PATIENT))
            await output.wait_for_lines(2)
            tasks.create_task(process.stop(StopStrategy(grace_seconds=0.3)))
        assert output.lines == ["up", "asked"]

    run(scenario())
