"""The GPU sources against programs on PATH and a daemon on a socket, played by small scripts; and a machine without."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.hardware import (
    LactSource,
    NvidiaSmiSource,
    NvmlSource,
    PsutilProbe,
    RocmSmiSource,
    gpu_sources,
)
from swaplab_core.config.schema import Performance
from swaplab_core.runtime.performance import PerformanceMonitor
from swaplab_core.testing.waiting import wait_until_async

OFTEN = 0.05
GIB = 2**30
ROCM_TABLE = (
    "device,Temperature (Sensor edge) (C),GPU use (%),VRAM Total Memory (B),VRAM Total Used Memory (B)\n"
    f"card0,45.0,82,{24 * GIB},{6 * GIB}\ncard1,44.0,79,{24 * GIB},{GIB}\n"
)


@define
class Program:
    """A script on PATH; `pids` are those of its runs."""

    folder: Path

    @property
    def pids(self) -> list[int]:
        return [int(file.name) for file in self.folder.iterdir()]


@pytest.fixture
def install(tmp_path, monkeypatch) -> Callable[[str, str], Program]:
    """Put a shell script first on PATH."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")

    def write(name, body):
        runs = tmp_path / f"{name}-runs"
        runs.mkdir()
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\n: > "{runs}/$$"\n{body}\n')
        script.chmod(0o755)
        return Program(runs)

    return write


@define
class Reports:
    """What a source told."""

    batches: list = field(factory=list)

    def take(self, samples) -> None:
        self.batches.append(samples)

    @property
    def samples(self) -> list:
        return [sample for batch in self.batches for sample in batch]


@contextlib.asynccontextmanager
async def running(source):
    """A source at work; cancelled at the end, and it must have ended then."""
    reports = Reports()
    task = asyncio.ensure_future(source.run(OFTEN, reports.take))
    try:
        yield reports
    finally:
        task.cancel()
        await asyncio.wait({task})


def gpu_line(index: int, busy: int | str, name: str = "NVIDIA L4") -> str:
    return f"echo '{index}, {name}, GPU-{index}, 50, {busy}, 1024, 24576, [N/A], 30.50'"


def looping(*lines: str) -> str:
    return "while :; do\n" + "\n".join(lines) + "\nsleep 0.02\ndone"


def test_no_line_of_several_gpus_is_lost(run, processes, install, is_gone):
    rounds = 200
    counted = "n=$((n+1)); " + "; ".join(
        f'echo "{index}, NVIDIA L4, GPU-{index}, 50, $n, 1024, 24576, [N/A], 30.50"' for index in range(4)
    )
    program = install("nvidia-smi", f"n=0\nwhile [ $n -lt {rounds} ]; do {counted}; done\nsleep 1000")

    async def scenario():
        async with running(NvidiaSmiSource(processes)) as reports:
            await wait_until_async(lambda: len(reports.samples) >= 4 * rounds, "every line")
        told = [(sample.id, sample.busy_percent) for sample in reports.samples]
        assert told == [(index, number) for number in range(1, rounds + 1) for index in range(4)]
        assert is_gone(program.pids[0])

    run(scenario())


def test_nvidia_smi_is_started_once_and_asked_to_loop(run, processes, install, tmp_path):
    asked = tmp_path / "arguments"
    program = install("nvidia-smi", f'echo "$@" > "{asked}"\n' + looping(gpu_line(0, 10)))

    async def scenario():
        async with running(NvidiaSmiSource(processes)) as reports:
            await wait_until_async(lambda: len(reports.samples) >= 5, "samples")

    run(scenario())
    assert len(program.pids) == 1
    assert asked.read_text().endswith("--format=csv,noheader,nounits --loop 1\n")


def test_nvidia_smi_that_dies_says_its_last_words(run, processes, install):
    install(
        "nvidia-smi", f"{gpu_line(0, 10)}\necho 'Unable to determine the device handle: Unknown Error' >&2\nexit 15"
    )

    async def scenario():
        reports = Reports()
        reason = await NvidiaSmiSource(processes).run(OFTEN, reports.take)
        assert len(reports.samples) == 1
        assert reason == "nvidia-smi ended, exit code 15: Unable to determine the device handle: Unknown Error"

    run(scenario())


@pytest.mark.parametrize("first", ["", gpu_line(0, 10)], ids=["from the start", "after a round"])
def test_nvidia_smi_that_hangs_is_given_up_and_killed(run, processes, install, is_gone, first):
    program = install("nvidia-smi", f"trap '' TERM\n{first}\nsleep 1000 & wait\nsleep 1000 & wait")

    async def scenario():
        source = NvidiaSmiSource(processes, shortest_wait_seconds=1.5)
        reason = await source.run(OFTEN, lambda _: None)
        assert reason == "nvidia-smi told nothing for 1.5 s"
        assert is_gone(program.pids[0])

    run(scenario())


def test_nvidia_smi_that_only_complains_is_given_up(run, processes, install):
    install("nvidia-smi", looping("echo 'GPU is lost'"))

    async def scenario():
        source = NvidiaSmiSource(processes, shortest_wait_seconds=1.5)
        assert await source.run(OFTEN, lambda _: None) == "nvidia-smi told nothing for 1.5 s"

    run(scenario())


def test_a_flood_without_lines_takes_no_memory(run, processes, install):
    install("nvidia-smi", f"head -c 20000000 /dev/zero\n{looping('echo', gpu_line(0, 10))}")

    async def scenario():
        async with running(NvidiaSmiSource(processes)) as reports:
            await wait_until_async(lambda: reports.samples, "a sample after the flood")

    run(scenario())


def test_rocm_smi_is_run_for_each_look(run, processes, install, is_gone):
    program = install("rocm-smi", f"cat <<'END'\n{ROCM_TABLE}END")

    async def scenario():
        async with running(RocmSmiSource(processes, LoopClock())) as reports:
            await wait_until_async(lambda: len(reports.batches) >= 3, "looks")
        assert [sample.busy_percent for sample in reports.batches[0]] == [82, 79]
        assert [round(sample.memory_percent) for sample in reports.batches[-1]] == [25, 4]

    run(scenario())
    assert len(program.pids) >= 3
    assert all(is_gone(pid) for pid in program.pids)


def test_rocm_smi_that_hangs_is_ended_by_pid(run, processes, install, is_gone):
    program = install("rocm-smi", "sleep 1000")

    async def scenario():
        source = RocmSmiSource(processes, LoopClock(), timeout_seconds=1.5)
        assert await source.run(OFTEN, lambda _: None) == "rocm-smi did not end within 1.5 s"
        assert is_gone(program.pids[0])

    run(scenario())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'ERROR:root:Driver not initialized' >&2; exit 2", "rocm-smi failed, exit code 2: ERROR:root:Driver not"),
        ("echo 'WARNING: No AMD GPUs specified'", "rocm-smi tells of no GPU: WARNING: No AMD GPUs specified"),
        ("kill -SEGV $$", "rocm-smi failed, killed by signal 11"),
    ],
    ids=["fails", "no GPU", "crashes"],
)
def test_rocm_smi_that_fails_says_why(run, processes, install, body, reason):
    install("rocm-smi", body)

    async def scenario():
        told = await RocmSmiSource(processes, LoopClock()).run(OFTEN, lambda _: None)
        assert told.startswith(reason)

    run(scenario())


def test_a_cancelled_look_ends_its_program(run, processes, install, is_gone):
    program = install("rocm-smi", "sleep 1000")

    async def scenario():
        async with running(RocmSmiSource(processes, LoopClock())):
            await wait_until_async(lambda: program.pids, "the program")
        assert is_gone(program.pids[0])

    run(scenario())


class Lact:
    """A daemon on a unix socket that answers from its devices."""

    def __init__(self, devices):
        self.devices, self.looks = devices, 0

    @contextlib.asynccontextmanager
    async def listening(self, path, answer=None):
        server = await asyncio.start_unix_server(answer or self.answer, path)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def answer(self, reader, writer):
        self.looks += 1
        while line := await reader.readline():
            writer.write(json.dumps(self.respond(json.loads(line))).encode() + b"\n")
        writer.close()

    def respond(self, request):
        match request:
            case {"command": "list_devices"}:
                return {"status": "ok", "data": [{"id": id_, "name": f"GPU {id_}"} for id_ in self.devices]}
            case {"command": "device_stats", "args": {"id": id_}} if self.devices[id_] is not None:
                return {"status": "ok", "data": self.devices[id_]}
            case _:
                return {"status": "error", "data": "no"}


def lact_stats(total_gib, busy):
    return {"vram": {"total": total_gib * GIB, "used": GIB}, "busy_percent": busy, "temps": {}, "power": {}, "fan": {}}


def test_lact_tells_of_every_gpu_with_memory(run, tmp_path):
    path = tmp_path / "lactd.sock"
    lact = Lact({"a": lact_stats(24, 10), "none": lact_stats(0, 20), "refused": None, "b": lact_stats(16, 30)})

    async def scenario():
        async with lact.listening(path), running(LactSource(LoopClock(), lambda: [path])) as reports:
            await wait_until_async(lambda: len(reports.batches) >= 3, "looks")
        assert [(sample.id, sample.name, sample.busy_percent) for sample in reports.batches[0]] == [
            (0, "GPU a", 10),
            (3, "GPU b", 30),
        ]
        assert lact.looks >= 3

    run(scenario())


async def babbles(_reader, writer):
    writer.write(b"220 mail.example ready\n")
    writer.close()


async def leaves(_reader, writer):
    writer.close()


async def floods(_reader, writer):
    writer.write(b"x" * (2 * 2**20))
    writer.close()


@pytest.mark.parametrize("stranger", [babbles, leaves, floods])
def test_whoever_else_listens_on_the_socket_is_no_source(run, tmp_path, stranger):
    path = tmp_path / "lactd.sock"

    async def scenario():
        async with Lact({}).listening(path, stranger):
            reason = await LactSource(LoopClock(), lambda: [path]).run(OFTEN, lambda _: None)
        assert reason.startswith("LACT")

    run(scenario())


def test_a_daemon_that_hangs_is_given_up(run, tmp_path):
    path = tmp_path / "lactd.sock"
    silent = asyncio.Event()

    async def hang(_reader, writer):
        await silent.wait()
        writer.close()

    async def scenario():
        async with Lact({}).listening(path, hang):
            source = LactSource(LoopClock(), lambda: [path], timeout_seconds=0.1)
            assert await source.run(OFTEN, lambda _: None) == "LACT did not answer within 0.1 s"
            silent.set()

    run(scenario())


def test_a_socket_nobody_listens_on_is_no_source(run, tmp_path):
    path = tmp_path / "lactd.sock"
    path.touch()

    async def scenario():
        reason = await LactSource(LoopClock(), lambda: [path]).run(OFTEN, lambda _: None)
        assert reason.startswith(f"LACT at {path}: ")

    run(scenario())


def test_the_system_itself_is_sampled(run):
    async def scenario():
        probe = PsutilProbe()
        first, second = await probe.sample(), await probe.sample()
        assert first is not None
        assert second is not None
        assert len(first.core_percent) == os.cpu_count()
        assert all(0 <= percent <= 100 for percent in (*first.core_percent, *second.core_percent))
        assert 0 < first.memory_used_bytes < first.memory_total_bytes
        assert first.memory_free_bytes < first.memory_total_bytes
        assert first.load_averages is not None
        assert "lo" not in {counters.name for counters in first.network}
        assert first.taken_at < second.taken_at

    run(scenario())


def test_a_machine_without_any_gpu_works_and_says_so(run, processes, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    def no_driver():
        raise ImportError("No module named 'pynvml'")

    async def scenario():
        clock = LoopClock()
        sources = [
            LactSource(clock, lambda: [tmp_path / "lactd.sock"]),
            NvmlSource(clock, no_driver),
            NvidiaSmiSource(processes),
            RocmSmiSource(processes, clock),
        ]
        assert [source.name for source in sources] == [source.name for source in gpu_sources(processes, clock)]
        monitor = PerformanceMonitor(PsutilProbe(), sources, clock)
        monitor.use(Performance(every_seconds=0.05))
        watching = asyncio.ensure_future(monitor.run())
        await wait_until_async(lambda: len(monitor.samples.system.after(None)) >= 3, "samples of the system")
        await wait_until_async(lambda: monitor.gpus.failures, "the search for GPUs")
        assert monitor.gpus.source is None
        assert monitor.gpus.failures == {
            "LACT": "there is no socket of LACT",
            "NVML": "nvidia-ml-py is not installed (No module named 'pynvml')",
            "nvidia-smi": "nvidia-smi is not installed",
            "rocm-smi": "rocm-smi is not installed",
        }
        watching.cancel()
        await asyncio.wait({watching})

    run(scenario())


def test_the_monitor_follows_the_next_source_when_a_program_dies(run, processes, install, is_gone):
    smi = install("nvidia-smi", f"{gpu_line(0, 10)}\n{gpu_line(1, 20)}\nexit 9")
    rocm = install("rocm-smi", f"cat <<'END'\n{ROCM_TABLE}END")

    async def scenario():
        sources = [NvidiaSmiSource(processes), RocmSmiSource(processes, LoopClock())]
        monitor = PerformanceMonitor(PsutilProbe(), sources, LoopClock())
        monitor.use(Performance(every_seconds=0.05))
        watching = asyncio.ensure_future(monitor.run())
        await wait_until_async(lambda: monitor.gpus.source == "rocm-smi", "the second source")
        assert [sample.name for sample in monitor.samples.gpus.after(None)[:2]] == ["NVIDIA L4"] * 2
        monitor.use(Performance(disabled=True))
        await wait_until_async(lambda: all(is_gone(pid) for pid in smi.pids + rocm.pids), "all programs to be gone")
        watching.cancel()
        await asyncio.wait({watching})

    run(scenario())
