"""What installing an agent does, step by step. `tests/integration/cluster/test_agent_install.py` does it."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from attrs import evolve

from swaplab_cluster.agent_install import FOLDER, UNIT, Agent, folder_below, steps, unit
from swaplab_cluster.own_wheels import Wheel
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.node import NodeId
from swaplab_core.testing.require import require

SENT = Agent(b"secret", ["llama-server"], 19090, wheels=[Wheel("core.whl", b"1"), Wheel("cluster.whl", b"2")])


def titles(agent: Agent) -> list[str]:
    return [step.title for step in steps(NodeId("n1"), agent)]


def test_swaplab_itself_is_sent_unless_a_package_is_named():
    assert titles(SENT)[1:4] == ["Send core.whl", "Send cluster.whl", "Install the agent"]
    named = steps(NodeId("n1"), Agent(b"secret", [], 19090, "swaplab-cluster==0.1.0"))
    assert named[1].command.argv[-1] == "swaplab-cluster==0.1.0"
    assert not any(step.title.startswith("Send") for step in named)


def test_the_token_is_in_no_command_line():
    for step in steps(NodeId("n1"), SENT):
        assert step.command is None or "secret" not in " ".join(step.command.argv)


@pytest.mark.parametrize(
    ("root", "folder", "started"),
    [
        ("", FOLDER, f"%h/{FOLDER}"),
        ("$HOME/swap-laboratories/", "swap-laboratories/.swaplab-agent", "%h/swap-laboratories/.swaplab-agent"),
        ("~/lab", "lab/.swaplab-agent", "%h/lab/.swaplab-agent"),
        ("/srv/lab", "/srv/lab/.swaplab-agent", "/srv/lab/.swaplab-agent"),
    ],
)
def test_the_agent_goes_below_the_root_of_the_environment(root, folder, started):
    plan = steps(NodeId("n1"), evolve(SENT, folder=folder_below(root)))
    assert plan[0].command.argv == ("python3", "-m", "venv", folder)
    [service] = [step.command.stdin.decode() for step in plan if step.title == "Write the unit"]
    assert f"\nExecStart={started}/bin/swaplab-agent --listen" in service


@pytest.mark.parametrize("root", ["lab", "$(reboot)", "~/a b", "/srv/../etc", "$OTHER/lab"])
def test_a_root_that_is_no_folder_is_refused(root):
    with pytest.raises(InvalidRequest, match="LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT"):
        folder_below(root)


def test_the_unit_pleases_systemd(tmp_path):
    program = require("systemd", shutil.which("systemd-analyze"), "apt install systemd")
    agent = tmp_path / FOLDER / "bin" / "swaplab-agent"
    agent.parent.mkdir(parents=True)
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)
    file = tmp_path / UNIT
    file.write_text(unit(["llama-server", "/opt/my engines/", '100% "real"'], 19090))
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    argv = [program, "--user", "--man=no", "verify", str(file)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
