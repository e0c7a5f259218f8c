"""The folder for what must survive a restart: jobs, revisions, state of plugins. One daemon at a time uses it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from attrs import define, field, frozen

from swaplab_core.domain.errors import SwaplabError

POLL_SECONDS = 0.05

_log = logging.getLogger(__name__)


class StateFolderInUse(SwaplabError):
    """Another daemon uses the state folder."""

    code = "state-folder-in-use"


def state_home() -> Path:
    """Where the state of this user's daemons is kept: below $XDG_STATE_HOME, else ~/.local/state."""
    if home := os.environ.get("XDG_STATE_HOME"):
        return Path(home) / "swaplab"
    try:
        return Path("~/.local/state/swaplab").expanduser()
    except RuntimeError:  # a user without a home, as in containers: a place that cannot be made, and that is told
        return Path("/.local/state/swaplab")


def default_state_folder(config: Path | None) -> Path:
    """Where the state of a daemon with this configuration is kept."""
    name = str(config.resolve()) if config is not None else os.getcwd()  # noqa: PTH109 - only as a name
    word = re.sub(r"[^A-Za-z0-9_-]", "-", Path(name).stem)[:40]
    return state_home() / f"{word}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@frozen
class _Holder:
    """The daemon that has the folder, as its record says; pid 0 when that cannot be read. `host` may be a container."""

    pid: int = 0
    host: str = ""
    is_stopping: bool = False

    @classmethod
    def ourselves(cls, *, is_stopping: bool = False) -> Self:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), is_stopping)

    @classmethod
    def read(cls, lock: int) -> Self:
        """What stands in the lock file."""
        try:
            record = json.loads(os.pread(lock, 1000, 0))
            return cls(int(record["pid"]), str(record["host"]), bool(record["stopping"]))
        except (OSError, ValueError, TypeError, KeyError):
            return cls()

    def write(self, lock: int) -> None:
        """Say it in the lock file; one that cannot be written still locks."""
        record = {"pid": self.pid, "host": self.host, "stopping": self.is_stopping}
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.pwrite(lock, json.dumps(record).encode(), 0)


@define(eq=False)
class StateFolder:
    """A folder that is ours until `close`. Raises StateFolderInUse when another daemon has it and does not go.

    The system gives a lock back when its process is gone, however it ended. A daemon that is stopping is waited for, so
    make this before the event loop runs; `tell` says it to whoever waits. One that was asked a moment ago may need
    `patience_seconds` to say that it stops. When the folder cannot be used at all, a temporary one takes its place, and
    `problem` says why.
    """

    path: Path
    tell: Callable[[str], object] = _log.info
    patience_seconds: float = 2.0
    problem: str = field(default="", init=False)
    _lock: int | None = field(default=None, init=False)
    _temporary: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._take(self._lock)
        except OSError as error:
            self._do_without(error.strerror or str(error))

    def below(self, *names: str) -> Path:
        """A folder in it, there already."""
        folder = self.path.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def tell_stopping(self) -> None:
        """Let a daemon that wants the folder wait for our end."""
        if self._lock is not None:
            _Holder.ourselves(is_stopping=True).write(self._lock)

    def close(self) -> None:
        """Let another daemon have it."""
        self._let_go()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.cleanup()

    def _take(self, lock: int) -> None:
        until, awaited = time.monotonic() + self.patience_seconds, 0
        while not _is_locked(lock):
            holder = _Holder.read(lock)
            if holder.is_stopping and holder.pid != awaited:
                awaited = holder.pid
                self.tell(f"waiting for swaplab {holder.pid} to stop: it has the state folder {self.path}")
            if not holder.is_stopping and time.monotonic() >= until:
                self._let_go()
                raise _in_use(self.path, holder)
            time.sleep(POLL_SECONDS)
        _Holder.ourselves().write(lock)

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _do_without(self, reason: str) -> None:
        self.problem = f"the state folder {self.path} cannot be used ({reason}): jobs and history end with this run"
        self._let_go()
        self._temporary = tempfile.TemporaryDirectory(prefix="swaplab-state-")
        self.path = Path(self._temporary.name)


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(path: Path, holder: _Holder) -> StateFolderInUse:
    if not holder.pid:
        who, stop = "another swaplab", "stop it"
    elif holder.host == socket.gethostname():
        who, stop = f"another swaplab (process {holder.pid})", f"stop it with: kill {holder.pid}"
    else:
        who, stop = f"another swaplab (process {holder.pid} on {holder.host})", "stop it there"
    return StateFolderInUse(
        f"{who} uses the state folder {path}", advice=f"{stop}, or give this one a folder of its own with --state-dir"
    )
