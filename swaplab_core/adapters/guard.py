"""The guard: a helper process that kills what a dead daemon left behind.

Engines bear a mark in their environment, and so do their descendants, also those that left the group for a session of
their own: they are found by it, and killed with the rest.

The daemon (guard_link.py) writes one line per process group into the guard's standard input, `+<pgid> <start time>`
after a spawn and `-<pgid>` when the group is gone. When the daemon dies, in whatever way, the pipe ends; the guard
then kills the groups that are still listed, and exits. It is what reaches grandchildren, and macOS;
parent_death.py says why there are two mechanisms.

Run as a plain file with `python -I -S`, so that it starts fast and stays small: standard library only, and nothing
of swaplab. The signals that end a daemon politely are blocked in it, because it must outlive the daemon by a moment.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping

DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Blocked by guard_link.py while it starts the guard, so from the first instruction on."""

MARK = "SWAPLAB_LAUNCH"
"""The variable of an engine's environment by which its descendants are known."""

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


def open_marked(mark: str, but_group: int = 0) -> list[int]:
    """File descriptors (pidfd) of all living processes with this mark that are not in the group; [] without /proc.

    `mark` is the beginning of `SWAPLAB_LAUNCH` in their environment. Looks at every process, a few milliseconds.
    """
    found = []
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - as below
    except OSError:
        return []
    for name in filter(str.isdigit, names):
        if not _bears(name, mark, but_group):
            continue
        try:
            pidfd = os.pidfd_open(int(name))
        except OSError:
            continue
        if _bears(name, mark, but_group):  # once more: the number may have gone to somebody else meanwhile
            found.append(pidfd)
        else:
            os.close(pidfd)
    return found


def _bears(pid: str, mark: str, but_group: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return f"{MARK}={mark}".encode() in file.read() and os.getpgid(int(pid)) != but_group
    except OSError:
        return False


def kill_opened(pidfd: int) -> None:
    """Kill; one that has gone meanwhile is fine."""
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return


def main() -> None:
    """Listen until the daemon is gone, then clean up."""
    groups: dict[int, str] = {}
    for line in sys.stdin:
        note(groups, line)
    kill_groups(doomed(groups, start_time))
    for pidfd in open_marked(sys.argv[1]):
        kill_opened(pidfd)


if __name__ == "__main__":
    main()
