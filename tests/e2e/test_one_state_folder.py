"""One daemon to a state folder: the second says so and does nothing, and a restart waits."""

from __future__ import annotations

import signal
import subprocess

import pytest
from running_swaplab import SWAPLAB, sim

from swaplab_core.testing.real_process import running_process


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "lab"


def another(served, folder):
    """The command line of another daemon with the same folder."""
    return (SWAPLAB, "serve", "--config", served.config, "--listen", "127.0.0.1:0", "--state-dir", folder)


def contents(folder):
    """What is in the folder, but for what the first daemon learns of its models' memory."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "memory.json")
    return {file: file.read_bytes() for file in files}


def test_a_second_daemon_names_the_first_and_what_to_do_and_touches_nothing(serve, folder):
    first = serve({"a": sim()}, "--state-dir", str(folder))
    before, pid = contents(folder), first.process.pid

    done = subprocess.run(another(first, folder), capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"swaplab: another swaplab (process {pid}) uses the state folder {folder}"
        f" (stop it with: kill {pid}, or give this one a folder of its own with --state-dir)\n"
    )
    assert contents(folder) == before
    assert first.chat("a").status == 200


def test_a_restart_waits_for_the_daemon_that_stops_and_can_be_interrupted(serve, folder, tmp_path):
    first = serve(
        {"talker": sim("--tokens", "100000", "--tokens-per-second", "20")}, "--state-dir", folder, killed=True
    )
    told = f"waiting for swaplab {first.process.pid} to stop: it has the state folder"
    with first.streaming("talker") as response:
        response.readline()
        first.process.send(signal.SIGTERM)
        with running_process(another(first, folder), tmp_path / "second.log") as impatient:
            impatient.wait_for_output(told)
            impatient.send(signal.SIGINT)
            assert impatient.wait() == 130
            assert "Traceback" not in impatient.output()
        with running_process(another(first, folder), tmp_path / "third.log") as restarted:
            restarted.wait_for_output(told)
            assert response.readline()  # it may end in its own time
            response.close()
            restarted.wait_for_output("serves at")
            assert first.process.wait() == 0
            assert restarted.terminate() == 0
