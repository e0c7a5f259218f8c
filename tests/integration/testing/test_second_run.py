"""What `.ci/run` does with tests that failed, by the results of real runs of pytest."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from repository import ROOT

FAILS = "def test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"
NO_SETUP = "import pytest\n@pytest.fixture\ndef it():\n    raise OSError\ndef test_it(it):\n    pass\n"
CRASHES = "import os\ndef test_it():\n    os._exit(3)\n"


def second_run(folder, *modules, options=()):
    """Run pytest on these modules, then ask the script: its exit code, and what it says."""
    for number, text in enumerate(modules):
        (folder / f"test_{number}.py").write_text(text)
    results = folder / "results.xml"
    env = {**os.environ, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={folder}", f"--junitxml={results}"]
    subprocess.run([*argv, *options, folder], env=env, capture_output=True, check=False, timeout=120)
    argv = [sys.executable, ROOT / "scripts" / "second_run.py", results]
    asked = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    return asked.returncode, asked.stdout


def test_few_that_fail_are_named_and_run_again(tmp_path):
    code, said = second_run(tmp_path, FAILS, PASSES, NO_SETUP)
    assert code == 0
    assert "UNSTEADY? test_0::test_it\nUNSTEADY? test_2::test_it\n" in said
    assert "test_1" not in said


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ([FAILS] * 6, "6 tests failed, and no more than 5 are taken for unsteady"),
        ([FAILS, "import nothing_like_that"], "a module of tests could not be read"),
        ([PASSES], "no test failed: something else did"),
        ([CRASHES], "pytest did not come to its end"),
    ],
)
def test_what_is_no_chance_is_not_run_again(tmp_path, modules, reason):
    assert second_run(tmp_path, *modules) == (1, f"No second run: {reason}.\n")


def test_a_worker_that_crashed_is_no_chance_either(tmp_path):
    assert second_run(tmp_path, CRASHES, options=("-p", "xdist", "-n", "1")) == (1, "No second run: pytest crashed.\n")
