"""The guard: a helper process that kills what a dead daemon left behind.

Engines and commands bear a mark in their environment, and so do their descendants, also those that left the group for a
session of their own: they are found by it, and killed with the rest. The marks of engines begin alike, so all are known
at once; that of a command counts only while it runs: what it has left behind at its own end was to stay.

The daemon (guard_link.py) writes one line per process group into the guard's standard input, `+<pgid> <start time>`
after a spawn and `-<pgid>` when the group is gone; around a command also `*<mark>` and `/<mark>`. When the daemon dies,
in whatever way, the pipe ends; the guard then kills the groups that are still listed, and exits. It is what reaches
grandchildren, and macOS; parent_death.py says why there are two mechanisms.

Run as a plain file with `python -I -S`, so that it starts fast and stays small: standard library only, and nothing
of swaplab. The signals that end a daemon politely are blocked in it, because it must outlive the daemon by a moment.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping

DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Blocked by guard_link.py while it starts the guard, so from the first instruction on."""

MARK = "SWAPLAB_LAUNCH"
"""The variable of the environment by which descendants of an engine or a command are known."""

LOOKS = 50
"""So often the guard looks for the marked at its end: who has been killed is not gone at once, and may have forked."""
LOOK_SECONDS = 0.02

UNKNOWN = "?"
"""A start time that the system does not tell."""


def start_time(pid: int) -> str | None:
    """When the process started, in kernel ticks since boot; None when it is gone or there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib would double the memory of the guard
            fields = file.read().rpartition(b")")[2].split()  # the name before it may contain anything
    except OSError:
        return None
    return fields[19].decode()


def note(groups: dict[int, str], line: str) -> None:
    """Apply one line of the daemon to the list of living groups: pgid → start time of its leader."""
    match line[:1], line[1:].split():
        case "+", [pgid, started]:
            groups[int(pgid)] = started
        case "-", [pgid]:
            groups.pop(int(pgid), None)
        case _:
            pass  # a line cut off by the daemon's death


def note_mark(marks: set[str], line: str) -> None:
    """Apply one line of the daemon to the marks of commands that run."""
    match line[:1], line[1:].split():
        case "*", [mark]:
            marks.add(mark)
        case "/", [mark]:
            marks.discard(mark)
        case _:
            pass


def doomed(groups: Mapping[int, str], start_time_of: Callable[[int], str | None]) -> list[int]:
    """Which groups are still ours and must go.

    1. The leader has the start time we were told: ours.
    2. There is no such process: its members, if any, are ours, because a group number is not given away while the
       group has members.
    3. The start time differs: the number now belongs to a stranger, leave it alone.
    """
    return [pgid for pgid, started in groups.items() if started == UNKNOWN or start_time_of(pgid) in {None, started}]


def kill_groups(groups: Iterable[int]) -> None:
    """Kill; a group that has gone meanwhile is fine."""
    for pgid in groups:
        try:
            os.killpg(pgid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def marked(mark: str, but_group: int = 0, strangers: set[str] | None = None) -> list[str]:
    """The pids of all living processes with this mark that are not in the group; [] without /proc.

    `mark` is the beginning of `SWAPLAB_LAUNCH` in their environment. Looks at every process, a few milliseconds; a
    second look is cheaper with the `strangers` of the first, the pids of those who bear another environment.
    """
    try:
        pids = set(filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208 - as below
    except OSError:
        return []
    known = strangers if strangers is not None else set()
    known &= pids
    return [pid for pid in pids - known if _bears(pid, mark, but_group, known)]


def open_marked(mark: str, but_group: int = 0, strangers: set[str] | None = None) -> list[int]:
    """The same as file descriptors (pidfd), which no stranger can get."""
    found = []
    for pid in marked(mark, but_group, strangers):
        try:
            pidfd = os.pidfd_open(int(pid))
        except OSError:
            continue
        if _bears(pid, mark, but_group, set()):  # once more: the number may have gone to somebody else meanwhile
            found.append(pidfd)
        else:
            os.close(pidfd)
    return found


def _bears(pid: str, mark: str, but_group: int, strangers: set[str]) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            environment = file.read()
        if f"{MARK}={mark}".encode() in environment:
            return os.getpgid(int(pid)) != but_group
    except OSError:
        return False
    if environment:  # that of a program which just begins is still empty
        strangers.add(pid)
    return False


def kill_opened(pidfd: int) -> None:
    """Kill; one that has gone meanwhile is fine."""
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return


def kill_marked(marks: Iterable[str]) -> None:
    """Kill all that bear one of these marks, and what they fork meanwhile."""
    for mark in marks:
        for _ in range(LOOKS):
            found = open_marked(mark)
            if not found:
                break
            for pidfd in found:
                kill_opened(pidfd)
                os.close(pidfd)
            time.sleep(LOOK_SECONDS)


def main() -> None:
    """Listen until the daemon is gone, then clean up."""
    groups: dict[int, str] = {}
    commands: set[str] = set()
    for line in sys.stdin:
        note(groups, line)
        note_mark(commands, line)
    kill_groups(doomed(groups, start_time))
    kill_marked([sys.argv[1], *commands])


if __name__ == "__main__":
    main()
