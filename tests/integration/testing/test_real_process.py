"""The helper that runs other programs for tests."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from swaplab_core.testing.real_process import running_process


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_both_outputs_end_up_in_one_place(tmp_path):
    code = "import sys; print('to out', flush=True); print('to err', file=sys.stderr)"
    with running_process(python(code), tmp_path / "log") as process:
        assert process.wait() == 0
        assert process.output() == "to out\nto err\n"


def test_the_environment_is_added_to_ours(tmp_path):
    code = "import os; print(os.environ['MARK'], 'PATH' in os.environ)"
    with running_process(python(code), tmp_path / "log", env={"MARK": "here"}) as process:
        process.wait()
        assert process.output() == "here True\n"


def test_waiting_for_output_returns_the_match(tmp_path):
    with running_process(python("print('port 1234', flush=True); input()"), tmp_path / "log") as process:
        assert process.wait_for_output(r"port (\d+)")[1] == "1234"


def test_waiting_for_the_output_of_an_ended_process_fails_at_once_and_shows_what_there_is(tmp_path):
    with (
        running_process(python("print('something else'); raise SystemExit(3)"), tmp_path / "log") as process,
        pytest.raises(AssertionError, match=r"(?s)ended with 3 before printing 'ready'.*something else"),
    ):
        process.wait_for_output("ready", deadline_seconds=60)


def test_waiting_in_vain_says_for_what(tmp_path):
    with (
        running_process(python("import time; time.sleep(60)"), tmp_path / "log") as process,
        pytest.raises(AssertionError, match="'ready' in the output"),
    ):
        process.wait_for_output("ready", deadline_seconds=0.1)


def test_leaving_the_block_ends_the_whole_group(tmp_path):
    code = "import subprocess; child = subprocess.Popen(['sleep', '60']); print('up', flush=True); child.wait()"
    with running_process(python(code), tmp_path / "log") as process:
        process.wait_for_output("up")
        group = process.pid
    assert process.popen.returncode == -signal.SIGKILL
    listed = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], check=False, capture_output=True, text=True)
    assert all(state.startswith("Z") for state in listed.stdout.split())


def test_terminating_gives_the_exit_code(tmp_path):
    with running_process(python("import time; print('up', flush=True); time.sleep(60)"), tmp_path / "log") as process:
        process.wait_for_output("up")
        assert process.terminate() == -signal.SIGTERM
