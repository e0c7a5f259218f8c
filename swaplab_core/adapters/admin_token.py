"""The admin token, and which daemons of its owner serve where.

All daemons of a user share one folder, and so the token, unless one was given a folder of its own; each has a record of
where it serves. The commands send the token to an address only while a record says that a living daemon of this folder
serves there: a stranger's program that has taken the port gets nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from swaplab_core.adapters.guard import start_time
from swaplab_core.domain.errors import SwaplabError

_TOKEN = "admin-token"  # noqa: S105 - the name of its file
_log = logging.getLogger(__name__)


class BadTokenFolder(SwaplabError):
    """The state folder cannot be used as it is."""

    code = "bad-token-folder"


class NoTokenFolder(BadTokenFolder):
    """The state folder cannot be made, read or written."""

    code = "no-token-folder"


def new_token() -> str:
    """Make a token nobody can guess; its beginning tells people and scanners what it is."""
    return f"swaplab-admin-{secrets.token_urlsafe(32)}"


@frozen
class TokenFolder:
    """One folder, readable by its owner only."""

    path: Path

    def admin_token(self) -> str:
        """Read the token; the first to ask makes it. Raises NoTokenFolder, BadTokenFolder if others can read it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._token_file.exists():
                self._write_new(self._token_file, new_token())
            return self._read_private(self._token_file)
        except OSError as error:
            reason = f"{error.strerror or error}"
            raise NoTokenFolder(
                f"the state folder {self.path} cannot be used: {reason}", advice="name another with --state-dir"
            ) from None

    @contextlib.contextmanager
    def serving(self, url: str) -> Iterator[None]:
        """Inside the block a record says that this process serves at `url`."""
        record = self._record(url)
        text = json.dumps({"pid": os.getpid(), "started": start_time(os.getpid())})
        try:
            self._replace(record, text)
        except OSError as error:
            _log.warning("commands will not find the admin token: %s cannot be written: %s", record, error.strerror)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if record.read_text() == text:  # else a later daemon serves there
                    record.unlink()

    def token_for(self, url: str) -> str:
        """The token, if a living daemon of this folder serves at `url`; else "". A broken folder holds none."""
        try:
            record = json.loads(self._record(url).read_text())
            is_living = start_time(record["pid"]) == record["started"] and _exists(record["pid"])
            return self._read_private(self._token_file) if is_living else ""
        except (OSError, ValueError, TypeError, KeyError):
            return ""

    @property
    def _token_file(self) -> Path:
        return self.path / _TOKEN

    def _record(self, url: str) -> Path:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        return self.path / f"serving-{parts.hostname or ''}-{port}".replace("/", "")

    def _read_private(self, file: Path) -> str:
        """Read a file that only its owner can; a link in its place is not followed."""
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as opened:
            status = os.fstat(opened.fileno())
            mode = stat.S_IMODE(status.st_mode)
            if status.st_uid != os.geteuid():
                raise BadTokenFolder(f"{file} belongs to somebody else", advice="name a folder of yours: --state-dir")
            if mode & 0o077:
                raise BadTokenFolder(
                    f"{file} can be read by others (mode {mode:o})",
                    advice=f"remove it, and a new token is made; or: chmod 600 {file}",
                )
            token = opened.read().strip()
        if not token:
            raise BadTokenFolder(f"{file} is empty", advice="remove it, and a new token is made")
        return token

    def _write_new(self, file: Path, text: str) -> None:
        """Create it whole or not at all; whoever comes second leaves the first one's."""
        with self._temporary(text) as written, contextlib.suppress(FileExistsError):
            os.link(written, file)

    def _replace(self, file: Path, text: str) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._temporary(text) as written:
            written.replace(file)

    @contextlib.contextmanager
    def _temporary(self, text: str) -> Iterator[Path]:
        number, name = tempfile.mkstemp(dir=self.path, prefix=".new-")  # 0600
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
