"""The daemon's end of the guard: starts it with the first process group, tells it what lives, ends it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import subprocess  # noqa: TID251 - this is the adapter
import sys

from attrs import define, field

from swaplab_core.adapters import guard

log = logging.getLogger(__name__)


@define(eq=False)
class GuardLink:
    """Keeps one guard (guard.py) informed; a guard that was killed is replaced.

    Without a guard the engines still run: on Linux the parent-death signal then is the only protection.
    `patience_seconds` is how long `close` waits for a guard that hangs. The marks of this daemon's engines begin with
    `mark`; those of its commands are told, each while it runs.
    """

    mark: str = field(factory=lambda: f"{secrets.token_hex(8)}.")
    patience_seconds: float = 2.0
    _groups: dict[int, tuple[str, str]] = field(factory=dict)
    _guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The guard's pid; None before the first process."""
        return self._guard.pid if self._guard is not None else None

    def add(self, pgid: int, command: str = "") -> None:
        """A group of ours lives from now on, `command` its mark if it is one; its leader must not have been reaped."""
        started = guard.start_time(pgid) or guard.UNKNOWN
        self._groups[pgid] = started, command
        self._tell(_begins(pgid, started, command))

    def remove(self, pgid: int) -> None:
        """The group is gone."""
        _, command = self._groups.pop(pgid, ("", None))
        if command is not None:
            self._tell(f"-{pgid}\n" + (f"/{command}\n" if command else ""))

    def close(self) -> None:
        """End the guard; groups that were not removed before are killed by it."""
        if self._guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.communicate(timeout=self.patience_seconds)
            self._discard()
        self._groups.clear()

    def _tell(self, line: str) -> None:
        if self._guard is None or not self._write(line):
            self._replace()

    def _write(self, text: str) -> bool:
        """False when nobody reads: the guard died, or hangs with its pipe full."""
        assert self._guard is not None
        assert self._guard.stdin is not None
        try:
            return os.write(self._guard.stdin.fileno(), text.encode()) == len(text)
        except OSError:
            return False

    def _replace(self) -> None:
        self._discard()
        try:
            self._guard = _start(self.mark)
        except OSError as error:
            log.warning("cannot start the guard, engines may outlive a killed swaplab: %s", error)
            return
        self._write("".join(_begins(pgid, *told) for pgid, told in self._groups.items()))

    def _discard(self) -> None:
        """Kill it *before* its pipe is closed: a guard that sees the pipe end kills every group it knows."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


def _begins(pgid: int, started: str, command: str) -> str:
    return f"+{pgid} {started}\n" + (f"*{command}\n" if command else "")


def _start(mark: str) -> subprocess.Popen[bytes]:
    """A session of its own, so that Ctrl-C in the terminal does not reach it; no folder kept busy."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, guard.DEAF_TO)  # inherited: there is no moment of weakness
    try:
        popen = subprocess.Popen(  # noqa: S603 - argv list, our own file
            [sys.executable, "-I", "-S", guard.__file__, mark],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert popen.stdin is not None
    os.set_blocking(popen.stdin.fileno(), False)
    return popen
