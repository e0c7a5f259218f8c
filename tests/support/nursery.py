"""Daemons that need not import swaplab: each is a fork of a process that has, and then runs the command as it is.

Nine tenths of a start are imports and what is found out about what is installed, and the tests start two hundred. Code,
environment, files and end are as if the command had been executed, but `/proc/PID/environ` and `/proc/PID/cmdline` tell
of the nursery. Tests of the start itself, of memory, and of what Python reads when it begins do execute the command:
`running_swaplab(..., executed=True)`.

As a program this is the nursery. It forks a keeper for each daemon, which tells over a connection of its own first the
daemon's pid, then how it ended.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define


@define(eq=False)
class Hatched:
    """A daemon, with as much of `subprocess.Popen` as `RealProcess` asks for."""

    pid: int
    _keeper: socket.socket
    returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, when it has one. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._keeper], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("swaplab", timeout or 0)
            self.returncode = int(_line(self._keeper))
            self._keeper.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)


def hatch(argv: list[str], env: Mapping[str, str], stdin: int, stdout: int, stderr: int) -> Hatched:
    """Start the command with these file descriptors."""
    ours, keepers = socket.socketpair()
    with keepers:
        socket.send_fds(_nursery(), [b"!"], [keepers.fileno(), stdin, stdout, stderr])
    ours.sendall(json.dumps({"argv": argv, "env": dict(env), "cwd": str(Path.cwd())}).encode() + b"\n")
    return Hatched(int(_line(ours)), ours)


@functools.cache
def _nursery() -> socket.socket:
    """The nursery of this worker: it ends when this connection to it does."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen([sys.executable, __file__], stdin=its, start_new_session=True)
    atexit.register(process.wait, 60)
    atexit.register(ours.close)  # the last comes first
    return ours


def _line(connection: socket.socket) -> bytes:
    """Read byte by byte: what comes after the line is not for us yet."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        assert byte, "the keeper of a daemon ended before it"
        line += byte
    return line


def _next_order() -> dict[str, Any] | None:
    """Wait for orders. Returns one of them in the daemon that it is for, None in the nursery at its end."""
    channel = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a keeper
    while True:
        _, descriptors, *_ = socket.recv_fds(channel, 1, 4)
        if not descriptors:
            return None
        if not os.fork():
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _keep(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(connection: int, *streams: int) -> dict[str, Any]:
    """Start a daemon and tell its end. Returns in the daemon alone."""
    keeper = socket.socket(fileno=connection)
    order = json.loads(_line(keeper))
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        keeper.sendall(b"%d\n" % code)
        os._exit(0)
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    keeper.sendall(b"%d\n" % os.getpid())
    keeper.close()
    return order


def _live(order: dict[str, Any]) -> None:
    """Run the command, in a daemon."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv = order["argv"]
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    from swaplab_core.cli import main

    sys.exit(main())


def _prepare() -> None:
    """Import what a daemon will."""
    import swaplab_core.cli
    from swaplab_core.plugin.catalogue import Catalogue

    commands = [module.name for module in pkgutil.iter_modules(swaplab_core.cli.__path__, "swaplab_core.cli.")]
    for module in (*commands, "swaplab_core.adapters.store", "uvloop", "psutil", "httptools"):
        importlib.import_module(module)
    Catalogue.discover()
    assert threading.active_count() == 1, "a fork has one thread"
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # as for an installed command
    _prepare()
    if (order := _next_order()) is not None:
        _live(order)
