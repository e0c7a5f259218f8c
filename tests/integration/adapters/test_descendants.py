"""The memory of real processes, children included."""

from __future__ import annotations

import asyncio
import os
import sys

from swaplab_core.adapters.hardware.descendants import PsutilProcesses
from swaplab_core.testing.real_process import running_process

MIB = 2**20
CHILD = (
    "import signal; held = bytearray(64 * 2**20); held[::4096] = b'x' * len(held[::4096]);"
    " print('ready', flush=True); signal.pause()"
)
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_what_a_child_holds_counts_for_its_parent_and_who_is_gone_is_left_out(tmp_path):
    with running_process((sys.executable, "-c", PARENT), tmp_path / "log") as process:
        process.wait_for_output("ready")
        held = asyncio.run(PsutilProcesses().memory([process.pid, os.getpid(), 2**22 + 1]))
        assert held.keys() == {process.pid, os.getpid()}
        assert held[process.pid] > 64 * MIB
        process.kill_group()
