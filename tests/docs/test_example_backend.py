"""The plugin of docs/tutorial/first-backend.md, installed as a stranger's would be: it is listed, its models swap."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from repository import ROOT
from running_swaplab import SWAPLAB, running_swaplab

EXAMPLE = ROOT / "examples/swaplab_echo"
ENTRIES = {
    "parrot": {"backend": "echo", "say": "Polly wants a cracker."},
    "crow": {"backend": "echo", "say": "Nevermore.", "tokensPerSecond": 200},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of an interpreter that has the example installed beside everything else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--target", folder, EXAMPLE])
    return {"PYTHONPATH": str(folder), "COLUMNS": "200"}


def run(argv, folder=ROOT, **env):
    done = subprocess.run(
        [str(part) for part in argv],
        env={**os.environ, **env},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_and_healthy(installed):
    lines = [line.split() for line in run([SWAPLAB, "plugins"], **installed).splitlines() if "echo" in line]
    listed = ["ok", "swaplab-echo", "0.1.0"]
    assert lines == [["backends", "echo", *listed], ["recipe_parsers", "echo-toml", *listed]]


def test_its_own_tests_pass_against_the_installed_package(installed, tmp_path):
    pytest_alone = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path]
    assert " passed" in run([*pytest_alone, "-p", "no:cacheprovider", EXAMPLE / "tests"], tmp_path, **installed)


def test_its_configuration_is_good(installed):
    assert "2 models, 0 warnings" in run([SWAPLAB, "check", EXAMPLE / "config.yaml"], **installed)


def test_its_models_answer_and_swap(installed, tmp_path):
    with running_swaplab(tmp_path, ENTRIES, env=installed) as swaplab:
        for model in ("parrot", "crow", "parrot"):
            assert swaplab.chat(model).said == ENTRIES[model]["say"]
        assert swaplab.starts() == ["parrot", "crow", "parrot"]


def test_a_mistake_in_an_entry_is_reported_with_its_line(installed, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("models:\n  parrot:\n    backend: echo\n    say: Hi.\n    tokensPerSecond: fast\n")
    check = subprocess.run(
        [SWAPLAB, "check", config], env={**os.environ, **installed}, capture_output=True, text=True, check=False
    )
    assert check.returncode == 1
    assert "config.yaml:5:" in check.stdout
    assert "models.parrot.tokensPerSecond" in check.stdout
