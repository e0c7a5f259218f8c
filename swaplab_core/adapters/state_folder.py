"""The folder for what must survive a restart: jobs, revisions, state of plugins. One daemon at a time uses it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path

from attrs import define, field

_log = logging.getLogger(__name__)


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


@define(eq=False)
class StateFolder:
    """A folder that is ours until `close`. When it cannot be, a temporary one takes its place, with a warning."""

    path: Path
    _lock: int | None = field(default=None, init=False)
    _temporary: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._do_without("another swaplab uses it")
        except OSError as error:
            self._do_without(error.strerror or str(error))

    def below(self, *names: str) -> Path:
        """A folder in it, there already."""
        folder = self.path.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def close(self) -> None:
        """Let another daemon have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.cleanup()

    def _do_without(self, reason: str) -> None:
        _log.warning("the state folder %s cannot be used (%s): jobs and history end with this run", self.path, reason)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._temporary = tempfile.TemporaryDirectory(prefix="swaplab-state-")
        self.path = Path(self._temporary.name)
