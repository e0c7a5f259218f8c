"""Make a child die with the daemon: Linux's parent-death signal, set between fork and exec.

Why this *and* the guard (guard.py): the kernel delivers this signal whatever happens to user space, even when the
guard was killed as well, and it closes the gap between the fork and the line that tells the guard. But it reaches
the direct child only, and exists on Linux only; the guard reaches the whole process group, everywhere.

Trap: the kernel watches the *thread* that forked. Start processes on the thread of the event loop, which lives as
long as the daemon, never in a worker thread. A set-uid program (sudo) clears the signal when it is executed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess  # noqa: TID251 - this is the adapter
import sys
from collections.abc import Callable

from swaplab_core.adapters.programs import find_program

PR_SET_PDEATHSIG = 1
TRIAL_SECONDS = 0.5
"""The event loop waits for this one trial, a few milliseconds."""
KILLED_BY_HAND = 128 + signal.SIGKILL
"""Exit code of a child that found its parent gone already; nobody is left to read it."""


def die_with_parent(then: Callable[[], None] | None = None) -> Callable[[], None] | None:
    """What the child must call between fork and exec, with `then` after it; None where the system has no such signal.

    Everything is looked up here, in the parent: the child of a process with threads may neither import nor allocate
    much. PyDLL keeps the interpreter lock, so the call touches no lock that another thread could have held.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.PyDLL(None).prctl
    arguments = [ctypes.c_ulong(number) for number in (signal.SIGKILL, 0, 0, 0)]
    option = ctypes.c_int(PR_SET_PDEATHSIG)
    daemon = os.getpid()

    def in_child() -> None:
        prctl(option, *arguments)
        if os.getppid() != daemon:  # it died before the signal was set
            os._exit(KILLED_BY_HAND)
        if then is not None:
            then()

    return in_child


def death_setter(patience_seconds: float = TRIAL_SECONDS) -> tuple[str, ...]:
    """What stands before an argv to have the signal set without a line of ours; () where nothing can.

    util-linux has it since 2.33; other programs of that name are tried and found wanting.
    """
    setpriv = find_program("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return ()
    setter = (setpriv, "--pdeathsig", "KILL", "--")
    quiet = subprocess.DEVNULL
    try:
        tried = subprocess.run(  # noqa: S603 - an argv list, no shell
            [*setter, setpriv, "--version"],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            check=False,
            timeout=patience_seconds,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return setter if tried.returncode == 0 else ()
