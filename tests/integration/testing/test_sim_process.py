"""The simulated engine as a process: the way in, the log, the signals, the ways out."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.sim_process import SIM_ARGV, SimProcess
from swaplab_core.testing.waiting import wait_until

STREAM = json.dumps({"messages": [], "stream": True}).encode()


def get(sim: SimProcess, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(sim.base_url + path, timeout=120) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def is_refused(sim: SimProcess) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", sim.port)) != 0


def test_it_prints_its_progress_and_becomes_ready(swaplab_sim):
    sim = swaplab_sim("--load-stage", "weights:0.2", "--load-stage", "graphs:0.1")
    sim.process.wait_for_output("ready")
    assert get(sim, "/health")[0] == 200
    lines = sim.process.output().splitlines()
    assert "swaplab-sim: loading weights 40%" in lines
    assert lines.index("swaplab-sim: loading weights 100%") < lines.index("swaplab-sim: loading graphs 0%")


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("vllm", "Loading safetensors checkpoint shards:  50% Completed | 2/4"),
        ("llamacpp", "model loaded"),
        ("carriage", "\rswaplab-sim: loading weights 40%\r"),
    ],
)
def test_it_prints_in_the_style_of_real_engines(swaplab_sim, style, text):
    sim = swaplab_sim("--load-seconds", "0.05", "--load-style", style, until="startup complete|model loaded|ready")
    assert text.encode() in sim.process.output_file.read_bytes()


def test_silence_is_silent(swaplab_sim):
    sim = swaplab_sim("--silent", "--fork-grandchild", "--load-seconds", "0.05", until=None)
    wait_until(lambda: not is_refused(sim) and get(sim, "/health")[0] == 200, "the silent engine to be ready")
    assert sim.process.output() == ""


def test_a_late_binder_refuses_connections_while_it_loads(swaplab_sim):
    sim = swaplab_sim("--bind-late", "--never-ready", "--load-seconds", "0.05", until="loading weights 100%")
    assert is_refused(sim)


def test_a_late_binder_is_ready_when_it_listens(swaplab_sim):
    sim = swaplab_sim("--bind-late", "--load-seconds", "0.05")
    assert get(sim, "/health")[0] == 200
    assert sim.process.output().index("ready") < sim.process.output().index("listening")


def test_one_that_is_never_ready_stays_so(swaplab_sim):
    sim = swaplab_sim("--never-ready", "--load-seconds", "0.05", until="loading weights 100%")
    assert get(sim, "/health")[0] == 503
    assert "ready" not in sim.process.output()


@pytest.mark.parametrize(("arguments", "code"), [(["--die-at-start"], 1), (["--die-at-start", "7"], 7)])
def test_one_that_dies_at_start_says_so_and_exits_with_its_code(swaplab_sim, arguments, code):
    sim = swaplab_sim(*arguments, until=None)
    assert sim.process.wait() == code
    assert f"exiting with code {code}" in sim.process.output()


def test_one_may_die_after_a_part_of_its_load(swaplab_sim):
    sim = swaplab_sim("--die-at-start", "3", "--load-seconds", "0.1", until=None)
    assert sim.process.wait() == 3
    assert "loading weights 100%" in sim.process.output()


def test_a_taken_port_is_one_message_and_code_1(swaplab_sim):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        sim = swaplab_sim("--port", str(port), until=None)
        assert sim.process.wait() == 1
    assert f"cannot listen on 127.0.0.1:{port}" in sim.process.output()
    assert "Traceback" not in sim.process.output()


def test_term_ends_it_at_once_with_code_0_even_in_a_stream(swaplab_sim):
    sim = swaplab_sim("--tokens", "100000", "--tokens-per-second", "10")
    with urllib.request.urlopen(sim.base_url + "/v1/chat/completions", STREAM, timeout=120) as response:
        response.readline()
        assert sim.process.terminate() == 0
        with pytest.raises(http.client.IncompleteRead):
            response.read()


def test_a_slow_leaver_finishes_its_farewell(swaplab_sim):
    sim = swaplab_sim("--term-seconds", "0.2")
    asked = time.monotonic()
    assert sim.process.terminate() == 0
    assert time.monotonic() - asked >= 0.2
    assert "SIGTERM, leaving in 0.2 s" in sim.process.output()


def test_one_that_ignores_term_needs_to_be_killed(swaplab_sim):
    sim = swaplab_sim("--ignore-term")
    sim.process.send(signal.SIGTERM)
    assert get(sim, "/health")[0] == 200
    sim.process.send(signal.SIGKILL)
    assert sim.process.wait() == -signal.SIGKILL


def test_an_interrupt_ends_it(swaplab_sim):
    sim = swaplab_sim()
    sim.process.send(signal.SIGINT)
    assert sim.process.wait() == 0


def test_the_first_interrupt_may_be_ignored_the_second_ends_it(swaplab_sim):
    sim = swaplab_sim("--ignore-first-interrupt")
    sim.process.send(signal.SIGINT)
    sim.process.wait_for_output("SIGINT ignored")
    assert get(sim, "/health")[0] == 200
    sim.process.send(signal.SIGINT)
    assert sim.process.wait() == 0


def test_one_dies_in_a_stream_after_so_many_events(swaplab_sim):
    sim = swaplab_sim("--die-after-chunks", "3")
    with (
        urllib.request.urlopen(sim.base_url + "/v1/chat/completions", STREAM, timeout=120) as response,
        pytest.raises(http.client.IncompleteRead) as cut,
    ):
        response.read()
    assert cut.value.partial.count(b"data: ") == 3
    assert sim.process.wait() == 70


def test_one_crashes_when_a_test_says_so(swaplab_sim):
    sim = swaplab_sim()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        urllib.request.urlopen(sim.base_url + "/sim/exit", b'{"code": 9}', timeout=120)
    assert sim.process.wait() == 9


def grandchild_of(sim: SimProcess) -> int:
    return int(sim.process.wait_for_output(r"grandchild pid (\d+)")[1])


def test_a_grandchild_outlives_its_engine(swaplab_sim):
    sim = swaplab_sim("--fork-grandchild")
    grandchild = grandchild_of(sim)
    assert os.getpgid(grandchild) == sim.process.pid
    assert sim.process.terminate() == 0
    assert is_alive(grandchild)
    os.kill(grandchild, signal.SIGKILL)


def test_the_end_of_the_group_is_the_end_of_the_grandchild(swaplab_sim):
    sim = swaplab_sim("--fork-grandchild")
    grandchild = grandchild_of(sim)
    sim.process.kill_group()
    wait_until(lambda: not is_alive(grandchild) or is_zombie(grandchild), "the grandchild to end")


def is_zombie(pid: int) -> bool:
    """An orphan that nobody has reaped yet; a container's first process may never do so."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return listed.stdout.startswith("Z")


def test_a_grandchild_ignores_term_when_its_engine_does(swaplab_sim):
    sim = swaplab_sim("--fork-grandchild", "--ignore-term")
    grandchild = grandchild_of(sim)
    os.kill(grandchild, signal.SIGTERM)
    os.killpg(sim.process.pid, signal.SIGTERM)
    assert get(sim, "/health")[0] == 200
    assert is_alive(grandchild)
    assert not is_zombie(grandchild)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_allocated_memory_is_really_resident(swaplab_sim):
    sim = swaplab_sim("--footprint-mib", "64", "--allocate")
    pages = int(Path(f"/proc/{sim.process.pid}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") > 64 * 1024 * 1024


def test_a_log_flood_has_its_size_and_delays_no_answer_while_nobody_reads():
    flood = 20_000_000
    port = find_free_port()
    argv = [*SIM_ARGV, "--port", str(port), "--log-bytes", str(flood)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            sim = SimProcess(process, port)
            wait_until(lambda: not is_refused(sim), "the flooding engine to listen")
            assert get(sim, "/health")[0] == 200  # its pipe has been full for long
            printed = 0
            while printed < flood:
                printed += len(os.read(process.stdout.fileno(), 1 << 20))
            process.terminate()
            assert process.wait(120) == 0
        finally:
            process.kill()


def test_the_installed_command_is_the_same_program():
    command = Path(sys.executable).with_name("swaplab-sim")
    ended = subprocess.run([command, "--die-at-start", "4"], check=False, capture_output=True, text=True)
    assert ended.returncode == 4
    assert "exiting with code 4" in ended.stdout
