"""Starts `swaplab-sim` for a test. Imports nothing of it: the server's libraries load in the other process only."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attrs import frozen

from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import RealProcess, running_process

SIM_ARGV = (sys.executable, "-m", "swaplab_core.testing.sim")
LISTENING = r"listening on \S+\n"


@frozen
class SimProcess:
    """A running `swaplab-sim`."""

    process: RealProcess
    port: int

    @property
    def base_url(self) -> str:
        """Where it listens, as `http://127.0.0.1:PORT`."""
        return f"http://{LOOPBACK}:{self.port}"


class StartSim(Protocol):
    """What the fixture `swaplab_sim` gives: call it with the command line's arguments."""

    def __call__(self, *arguments: str, until: str | None = LISTENING) -> SimProcess:
        """Start one, and return when its output matches the regular expression `until`; None: at once."""
        ...


@contextlib.contextmanager
def running_sim_process(*arguments: str, output_file: Path, until: str | None = LISTENING) -> Iterator[SimProcess]:
    """Run `swaplab-sim` on a free port inside the block; it is killed at the end, if it still lives."""
    port = 0 if until == LISTENING else find_free_port()  # 0: it says which one it got
    with running_process([*SIM_ARGV, "--port", str(port), *arguments], output_file) as process:
        if until is not None:
            match = process.wait_for_output(until)
            port = port or int(match[0].rpartition(":")[2])
        yield SimProcess(process, port)
