"""What is said to a shell at the other end of a connection so that it runs one program, and what it answers. Pure.

The text that runs there is always the same script (`data/remote.sh`); everything that varies is an argument, quoted in
one place, `command_line`. Environment and input go through the connection and never into an argv.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from importlib.resources import files

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import ExitStatus

ALIVE, TERM, KILL = b".", b"t", b"k"
LEASE_SECONDS = 12
"""A program whose controller has been silent for so long is ended."""
BEAT_SECONDS = 3.0
GRACE_SECONDS = 5

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_HEADER = 64 * 1024


@frozen
class RemoteRun:
    """One program to run: `merge` sends stderr where stdout goes. `mark` is a word nobody else knows."""

    argv: tuple[str, ...]
    mark: str
    env: Mapping[str, str]
    folder: str = ""
    stdin: bytes = b""
    merge: bool = False


def script() -> str:
    """The text of the script."""
    return files("swaplab_cluster").joinpath("data/remote.sh").read_text(encoding="utf-8")


def command_line(text: str, run: RemoteRun) -> str:
    """The one line for the remote shell; `text` is the script."""
    if any("\0" in word for word in run.argv):
        raise InvalidRequest("an argument holds a NUL character")
    fixed = (run.mark, str(LEASE_SECONDS), str(GRACE_SECONDS), str(int(run.merge)), str(len(run.stdin)), run.folder)
    return shlex.join(("exec", "sh", "-c", text, "swaplab-run", *fixed, *run.argv))


def first_input(run: RemoteRun) -> bytes:
    """What is sent before anything else: variables, an empty line, the program's input."""
    lines = [f"{_name(name)}={_escaped(value)}\n" for name, value in run.env.items()]
    return "".join([*lines, "\n"]).encode() + run.stdin


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} cannot be the name of an environment variable")
    return name


def _escaped(value: str) -> str:
    if "\0" in value:
        raise InvalidRequest("the value of an environment variable holds a NUL character")
    return value.replace("\\", "\\\\").replace("\n", "\\n")


@frozen
class Started:
    """The program runs; `rest` is what it has already printed."""

    pid: int
    rest: bytes


@frozen
class Refused:
    """It was not started."""

    reason: str


def header(received: bytes, mark: str) -> Started | Refused | None:
    """Read the first line; None when it has not come yet. What a talkative login shell prints before is dropped."""
    found = re.search(rb"(?:^|\n)" + re.escape(mark.encode()) + rb" ([^\n]*)\n", received)
    if found is None:
        return Refused("it answers with something else than the script") if len(received) > _LONGEST_HEADER else None
    said = found[1].decode(errors="replace")
    if said.isdecimal():
        return Started(int(said), received[found.end() :])
    return Refused(said.removeprefix("! "))


def exit_status(code: int | None) -> ExitStatus:
    """How it ended; None is a lost connection, which ends a program as a hang-up does."""
    if code is None:
        return ExitStatus(signal=1)
    return ExitStatus(signal=code - 128) if 128 < code <= 192 else ExitStatus(code=code)
