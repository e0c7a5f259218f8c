"""A process that a test started: its output, its exit code, and its end by pid.

The output goes to a file, so a test that never reads it cannot block the process. To test a full pipe, start the
program with `subprocess` yourself.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess  # noqa: TID251 - the test kit drives processes from outside
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from swaplab_core.testing.waiting import DEADLINE_SECONDS, wait_until


@frozen
class RealProcess:
    """One running program, leader of its own process group."""

    popen: subprocess.Popen[bytes] = field(repr=False)
    output_file: Path

    @property
    def pid(self) -> int:
        """The leader's pid, which is also its process group."""
        return self.popen.pid

    def output(self) -> str:
        """Everything it has printed so far, stdout and stderr together."""
        return self.output_file.read_bytes().decode(errors="replace")

    def wait_for_output(self, pattern: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> re.Match[str]:
        """Return the first match of the regular expression in its output, as soon as it is there.

        Raises AssertionError, with the output, when the process ends or the deadline passes before.
        """

        def found() -> re.Match[str] | None:
            ended = self.popen.poll() is not None
            match = re.search(pattern, self.output())
            assert match or not ended, (
                f"ended with {self.popen.returncode} before printing {pattern!r}:\n{self.output()}"
            )
            return match

        return wait_until(found, f"{pattern!r} in the output of pid {self.pid}", deadline_seconds=deadline_seconds)

    def wait(self, deadline_seconds: float = DEADLINE_SECONDS) -> int:
        """Return its exit code when it has ended; negative: minus the signal that killed it."""
        return self.popen.wait(deadline_seconds)

    def send(self, signal_number: int) -> None:
        """Send a signal to the leader only."""
        self.popen.send_signal(signal_number)

    def terminate(self, deadline_seconds: float = DEADLINE_SECONDS) -> int:
        """Send SIGTERM to the leader and return its exit code."""
        self.send(signal.SIGTERM)
        return self.wait(deadline_seconds)

    def kill_group(self) -> None:
        """Kill the leader and everything in its group; harmless when the leader has ended."""
        if self.popen.poll() is None:  # not reaped yet, so the number still belongs to our group
            os.killpg(self.pid, signal.SIGKILL)
            self.popen.wait()


@contextlib.contextmanager
def running_process(
    argv: Sequence[str | Path], output_file: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[RealProcess]:
    """Run `argv` (with `env` added to our environment) inside the block; its group is killed at the end."""
    with output_file.open("wb") as output:
        popen = subprocess.Popen(  # noqa: S603 - an argv list, and the test's own
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    process = RealProcess(popen, output_file)
    try:
        yield process
    finally:
        process.kill_group()
