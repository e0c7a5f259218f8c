"""How a child process comes into being: forked with care, or, when its program is known to start, without a copy of us.

A fork copies the page tables of the whole daemon and keeps the event loop for 3 to 20 ms, which each swap would pay.
Python's `vfork` copies nothing but can run nothing of ours between fork and exec, where the parent-death signal must be
set (parent_death.py). So util-linux's `setpriv` sets it and then becomes the program. A program that the system refuses
would be explained by setpriv and not by us: therefore each file is started with care the first time.
"""

from __future__ import annotations

import os
import subprocess  # noqa: TID251 - this is the adapter
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from swaplab_core.adapters.open_files import OpenFiles
from swaplab_core.adapters.parent_death import death_setter, die_with_parent

_FileId = tuple[str, int, int, int]
Started = tuple[subprocess.Popen[bytes], tuple[int, ...]]
"""The child, and the read ends of its outputs."""


@frozen
class Command:
    """What to run: `env` is the whole environment, `stdin` all that it can read, `open_files` its limit if not ours.

    What bears `mark` ("": none) in its environment, and left the group, is ended with it; with `leaves_be` only if it
    was signalled: what it left behind at its own end stays.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str | None = None
    stdin: bytes = field(default=b"", repr=False)
    open_files: OpenFiles | None = None
    mark: str = ""
    leaves_be: bool = False


@define(eq=False)
class Spawner:
    """Starts children, and remembers the files of engines that it could start.

    Only engines are started without a fork: should the daemon be killed before setpriv has set the signal, the guard
    finds them by their mark.
    """

    _setter: tuple[str, ...] | None = None
    """None: nobody has looked for one."""
    _started: set[_FileId] = field(factory=set, init=False)

    def start(self, program: str, command: Command, outputs: int) -> Started:
        """Start `program`, the place of the command's, with one or two outputs. Raises OSError or ValueError."""
        if not command.mark or command.leaves_be:
            return _forked(program, command, outputs)
        file = _file_id(program)
        if file in self._started and _loader(command.env) == _loader(os.environ) and (setter := self._death_setter()):
            return _quickly([*setter, program], command, outputs)
        started = _forked(program, command, outputs)
        self._started.add(file)
        return started

    def _death_setter(self) -> tuple[str, ...]:
        if self._setter is None:
            self._setter = death_setter()
        return self._setter


def _loader(env: Mapping[str, str]) -> dict[str, str]:
    """What the dynamic loader is told: meant for the program, it could keep setpriv from starting."""
    return {name: value for name, value in env.items() if name.startswith("LD_")}


def _file_id(program: str) -> _FileId:
    """Another for a file that was replaced."""
    status = Path(program).stat()
    return (program, status.st_dev, status.st_ino, status.st_mtime_ns)


def _forked(program: str, command: Command, outputs: int) -> Started:
    limit = command.open_files
    return _start([program], command, outputs, die_with_parent(limit.use if limit else None))


def _quickly(prefix: list[str], command: Command, outputs: int) -> Started:
    """The limit of files is set before setpriv has found its libraries, so the program has it from its beginning."""
    started = _start(prefix, command, outputs, None)
    if command.open_files is not None:
        command.open_files.give(started[0].pid)
    return started


def _start(prefix: list[str], command: Command, outputs: int, in_child: Callable[[], None] | None) -> Started:
    read_ends, write_ends = zip(*(os.pipe() for _ in range(outputs)), strict=True)
    stdin = _readable(command.stdin)
    try:
        popen = subprocess.Popen(  # noqa: S603 - an argv list, no shell
            [*prefix, *command.argv[1:]],
            stdin=stdin,
            stdout=write_ends[0],
            stderr=write_ends[-1],
            env=command.env,
            cwd=command.cwd,
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509 - parent_death.py says why this one is safe
        )
    except (OSError, ValueError):
        for read_end in read_ends:
            os.close(read_end)
        raise
    finally:
        os.close(stdin)
        for write_end in write_ends:
            os.close(write_end)
    return popen, read_ends


def _readable(content: bytes) -> int:
    """A file descriptor to read this from: a file without a name, since a pipe holds only so much."""
    if not content:
        return os.open(os.devnull, os.O_RDONLY)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return os.dup(file.fileno())
