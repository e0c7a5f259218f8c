"""A real PostgreSQL for a test: a plain process with its data in a folder of its own, reached by a socket in there."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from attrs import define, field

from swaplab_core.testing.waiting import wait_until

ADVICE = "apt install postgresql"
PROGRAMS = "/usr/lib/postgresql/*/bin"
"""Where Debian has them, beside PATH."""
UNPRIVILEGED = ("postgres", "nobody")
"""PostgreSQL refuses to run as root."""
FAST = {"fsync": "off", "full_page_writes": "off", "listen_addresses": "", "max_connections": "30"}
STOP_SECONDS = 20.0


@functools.cache
def find_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, the newest version of Debian's before what is on PATH."""
    debian = sorted(Path("/").glob(f"{PROGRAMS[1:]}/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@define(eq=False)
class Postgresql:
    """A server in `folder`; `database` makes an empty one and answers its address."""

    programs: Path
    folder: Path
    user: str | None
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def start(self) -> None:
        """Serve; returns when connections are taken."""
        settings = [f"-c{key}={value}" for key, value in FAST.items()]
        argv = [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings]
        self._process = self._popen(argv)
        wait_until(self._answers, "PostgreSQL to take connections")

    def stop(self) -> None:
        """End the server and cut its connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_SECONDS)
        self._process = None

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://tester@/{name}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement from outside; answers what psql prints."""
        argv = [self.programs / "psql", "-qAtX", "-h", self.folder, "-U", "tester", "-c", statement, database]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout.strip()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        argv = [self.programs / "pg_isready", "-q", "-h", self.folder]
        return subprocess.run(argv, check=False, timeout=120).returncode == 0

    def initialise(self) -> None:
        """Make the data folder."""
        argv = ["-D", self.folder / "data", "-U", "tester", "--auth=trust", "--no-sync", "--no-instructions"]
        done = self._popen([self.programs / "initdb", *argv, "--encoding=UTF8", "--locale=C"])
        assert done.wait(60) == 0, (self.folder / "log").read_text()

    def _popen(self, argv: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self.user, cwd=self.folder
            )


@contextlib.contextmanager
def running_postgresql(programs: Path) -> Iterator[Postgresql]:
    """Serve inside the block. The folder is none of pytest's: the path of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="swaplab-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgresql(programs, Path(folder), _unprivileged())
        if server.user is not None:
            shutil.chown(folder, server.user)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in UNPRIVILEGED if user in known)
