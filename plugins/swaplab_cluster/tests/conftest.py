from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files

import pytest

from swaplab_cluster.testing_agents import running_agent
from swaplab_cluster.testing_sshd import find_sshd, running_sshd
from swaplab_core.testing.require import require


@pytest.fixture
def shellcheck():
    """Hold a script of this plugin against shellcheck."""
    program = require("shellcheck", shutil.which("shellcheck"), "apt install shellcheck")

    def check(name: str) -> None:
        path = files("swaplab_cluster").joinpath(name)
        done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    return check


@pytest.fixture(scope="session")
def sshd_nodes(tmp_path_factory):
    """Three real sshd on 127.0.0.2 to 127.0.0.4."""
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_sshd(tmp_path_factory.mktemp("sshd"), program) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def agent(tmp_path_factory):
    """A real agent on 127.0.0.2 that allows a shell and this Python."""
    with running_agent(tmp_path_factory.mktemp("agent"), "127.0.0.2", ["/bin/sh", sys.executable]) as running:
        yield running
