"""A daemon that dies, in whatever way, takes its engines and their children along, and nobody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from swaplab_core.adapters import guard
from swaplab_core.adapters.guard_link import GuardLink
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.ports import ExitStatus
from swaplab_core.testing.output import Output
from swaplab_core.testing.real_process import RealProcess, running_process
from swaplab_core.testing.waiting import wait_until

Run = Callable[[Coroutine[Any, Any, None]], None]
IsGone = Callable[[int], bool]

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
DAEMON = """
import asyncio, ctypes, json, sys
import uvloop
from swaplab_core.adapters import spawning
from swaplab_core.adapters.guard_link import GuardLink
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.testing.output import Output

loop, *wishes = sys.argv[1:]
ENGINE = "trap '' TERM; sleep 3600 & echo $!; wait"
LEAVER = "(echo left; exec sleep 3600) & exit 0"

async def main():
    guard = GuardLink()
    processes = LocalProcesses(linger_seconds=3600, guard=guard)
    if "no-parent-death-signal" in wishes:
        spawning.die_with_parent = lambda then=None: then
    if "adopt-orphans" in wishes:  # as process 1 of a container does
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        output = Output()
        process = await processes.start(LaunchSpec(("sh", "-c", LEAVER), ""), output)
        print(json.dumps({"status": str(await process.wait())}), flush=True)
        return
    if "started-before" in wishes:
        await (await processes.start(LaunchSpec(("sh", "-c", "exit 0"), ""), Output())).wait()
    output = Output()
    process = await processes.start(LaunchSpec(("sh", "-c", ENGINE), ""), output)
    grandchild = int((await output.wait_for_lines(1))[0])
    print(json.dumps({"engine": process.pid, "grandchild": grandchild, "guard": guard.pid}), flush=True)
    if "return" in wishes:
        return
    if "raise" in wishes:
        raise RuntimeError("a bug")
    await process.wait()

factory = uvloop.new_event_loop if loop == "uvloop" else None
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
"""


@frozen
class Daemon:
    """A small daemon with one deaf engine, whose child is in its group, and a guard."""

    process: RealProcess
    engine: int
    grandchild: int
    guard: int


@contextmanager
def _running_daemon(folder: Path, *arguments: str) -> Iterator[Daemon]:
    with running_process([sys.executable, "-c", DAEMON, *arguments], folder / "output.txt") as process:
        daemon = Daemon(process, **json.loads(process.wait_for_output(r"\{.*guard.*\}")[0]))
        try:
            yield daemon
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(daemon.engine, signal.SIGKILL)  # what the test found still running
            raise


def _assert_all_go(daemon: Daemon, is_gone: IsGone) -> None:
    for pid in (daemon.engine, daemon.grandchild, daemon.guard):
        wait_until(lambda pid=pid: is_gone(pid), f"the end of {pid} of {daemon}")  # type: ignore[misc]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_killed_daemon_leaves_neither_engine_nor_grandchild_nor_guard(
    tmp_path: Path, loop: str, is_gone: IsGone
) -> None:
    with _running_daemon(tmp_path, loop) as daemon:
        daemon.process.send(signal.SIGKILL)
        daemon.process.wait()
        _assert_all_go(daemon, is_gone)


def test_the_guard_alone_is_enough_and_cannot_be_asked_to_go_before_the_daemon(tmp_path: Path, is_gone: IsGone) -> None:
    with _running_daemon(tmp_path, "asyncio", "no-parent-death-signal") as daemon:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(daemon.guard, number)
        assert os.getsid(daemon.guard) == daemon.guard
        daemon.process.send(signal.SIGKILL)
        daemon.process.wait()
        _assert_all_go(daemon, is_gone)


@LINUX_ONLY
@pytest.mark.parametrize("wish", ["first-start", "started-before"])
def test_the_parent_death_signal_alone_ends_the_engine(tmp_path: Path, wish: str, is_gone: IsGone) -> None:
    with _running_daemon(tmp_path, "asyncio", wish) as daemon:
        os.kill(daemon.guard, signal.SIGKILL)
        wait_until(lambda: is_gone(daemon.guard), "the end of the guard")
        daemon.process.send(signal.SIGKILL)
        daemon.process.wait()
        try:
            wait_until(lambda: is_gone(daemon.engine), "the end of the engine")
        finally:
            os.killpg(daemon.engine, signal.SIGKILL)  # the grandchild is beyond the reach of this signal


@pytest.mark.parametrize("way", ["return", "raise"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_daemon_that_forgets_its_engine_leaves_nothing_either(
    tmp_path: Path, loop: str, way: str, is_gone: IsGone
) -> None:
    with _running_daemon(tmp_path, loop, way) as daemon:
        daemon.process.wait()
        _assert_all_go(daemon, is_gone)


@LINUX_ONLY
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_daemon_that_adopts_orphans_reaps_those_of_its_groups(tmp_path: Path, loop: str) -> None:
    with running_process([sys.executable, "-c", DAEMON, loop, "adopt-orphans"], tmp_path / "output.txt") as daemon:
        daemon.wait_for_output('"exit code 0"')  # within the deadline, although the linger time is an hour
        assert daemon.wait() == 0


def test_a_guard_that_was_killed_is_replaced_and_the_new_one_knows_all(
    run: Run, processes: LocalProcesses, is_gone: IsGone
) -> None:
    link = GuardLink()
    guarded = LocalProcesses(guard=link)
    sleeper = LaunchSpec(("sleep", "3600"), "")

    async def scenario() -> None:
        first = await guarded.start(sleeper, Output())
        old_guard = link.pid
        assert old_guard is not None
        os.kill(old_guard, signal.SIGKILL)
        wait_until(lambda: is_gone(old_guard), "the end of the guard")
        second = await guarded.start(sleeper, Output())
        assert link.pid not in {None, old_guard}
        assert not is_gone(first.pid)
        guarded.close()  # ends the guard, and it kills what still runs
        killed = ExitStatus(signal=signal.SIGKILL)
        assert [await first.wait(), await second.wait()] == [killed, killed]

    run(scenario())


def test_a_guard_that_hangs_is_replaced_without_harm_to_the_engines(
    run: Run, processes: LocalProcesses, is_gone: IsGone
) -> None:
    link = GuardLink()

    async def scenario() -> None:
        engine = await LocalProcesses(guard=link).start(LaunchSpec(("sleep", "3600"), ""), Output())
        hanging = link.pid
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        for number in range(10_000):  # fill its pipe
            link.add(1_000_000_000 + number)
            link.remove(1_000_000_000 + number)
        assert link.pid != hanging
        assert is_gone(hanging)
        assert not is_gone(engine.pid)
        await engine.stop(StopStrategy())
        link.close()

    run(scenario())


def test_no_guard_runs_before_the_first_process_or_after_the_close(run: Run, is_gone: IsGone) -> None:
    link = GuardLink()

    async def scenario() -> None:
        processes = LocalProcesses(guard=link)
        before = link.pid
        await (await processes.start(LaunchSpec(("true",), ""), Output())).wait()
        pid = link.pid
        processes.close()
        processes.close()
        assert before is None
        assert pid is not None
        assert is_gone(pid)
        assert link.pid is None

    run(scenario())


def test_a_guard_that_hangs_does_not_hold_the_close_up(run: Run, is_gone: IsGone) -> None:
    link = GuardLink(patience_seconds=0.1)

    async def scenario() -> None:
        await (await LocalProcesses(guard=link).start(LaunchSpec(("true",), ""), Output())).wait()
        hanging = link.pid
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        link.close()
        assert is_gone(hanging)

    run(scenario())


def test_the_guard_is_told_of_every_group_and_of_its_end(run: Run) -> None:
    told: list[tuple[str, int]] = []

    class Recorder(GuardLink):
        def add(self, pgid: int, command: str = "") -> None:
            told.append(("runs" if command else "lives", pgid))

        def remove(self, pgid: int) -> None:
            told.append(("gone", pgid))

    async def scenario() -> None:
        processes = LocalProcesses(guard=Recorder())
        engine = await processes.start(LaunchSpec(("sleep", "3600"), ""), Output())
        await engine.stop(StopStrategy(("true",), grace_seconds=0.3))
        stopper = next(pgid for _, pgid in told if pgid != engine.pid)
        lives = [("lives", engine.pid), ("runs", stopper)]
        assert told == [*lives, ("gone", stopper), ("gone", engine.pid)]

    run(scenario())


def test_without_a_guard_the_engine_starts_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    async def scenario() -> None:
        process = await LocalProcesses().start(LaunchSpec(("true",), ""), Output())
        assert await process.wait() == ExitStatus(code=0)
        assert "engines may outlive a killed swaplab" in caplog.text

    run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what is in an environment")
def test_the_guard_kills_what_bears_the_mark_of_its_daemon_wherever_it_went() -> None:
    def marked(mark: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "3600"], start_new_session=True, env={guard.MARK: mark})

    told = b"*run.ours.8.\n*run.ours.9.\n/run.ours.9.\n"
    with (
        marked("ours.7.") as engine,
        marked("run.ours.8.") as command,
        marked("run.ours.9.") as left,
        marked("theirs.7.") as stranger,
    ):
        try:
            subprocess.run([sys.executable, "-I", "-S", guard.__file__, "ours."], input=told, check=True, timeout=60)
            assert [engine.wait(120), command.wait(120)] == [-signal.SIGKILL] * 2
            assert [left.poll(), stranger.poll()] == [None, None]  # the command of one has ended, the other is not ours
        finally:
            for process in (engine, command, left, stranger):
                process.kill()


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "3600"], start_new_session=True)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="start times are read from /proc")
def test_the_guard_kills_its_groups_and_spares_a_stranger_with_a_number_of_ours() -> None:
    with _sleeper() as ours, _sleeper() as stranger, _sleeper() as removed:
        lines = [
            f"+{ours.pid} {guard.start_time(ours.pid)}",
            f"+{stranger.pid} 1",
            f"+{removed.pid} {guard.start_time(removed.pid)}",
            f"-{removed.pid}",
            f"+{stranger.pid}",  # cut off
        ]
        try:
            subprocess.run(
                [sys.executable, "-I", "-S", guard.__file__, "no mark"], input="\n".join(lines).encode(), check=True
            )
            assert ours.wait(120) == -signal.SIGKILL
            assert stranger.poll() is None
            assert removed.poll() is None
        finally:
            for process in (ours, stranger, removed):
                process.kill()
