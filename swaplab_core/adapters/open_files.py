"""How many files and connections the daemon may have open at once: as many as the system lets it.

Shells give a program a soft limit of often 1 024, small for the sake of programs that call select(2). A proxy needs two
for each request, so it takes the hard limit; what it starts gets back the limit that the shell gave.
"""

from __future__ import annotations

import contextlib
import resource
from typing import Self

from attrs import frozen


@frozen
class OpenFiles:
    """A limit, as setrlimit(2) wants it: the soft one and the hard one."""

    soft: int
    hard: int

    @classmethod
    def now(cls) -> Self:
        """The limit of this process."""
        return cls(*resource.getrlimit(resource.RLIMIT_NOFILE))

    def use(self) -> None:
        """Make it the limit of this process; for a child, between fork and exec."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.soft, self.hard))

    def give(self, pid: int) -> None:
        """Make it the limit of a child of ours on Linux; one that has ended already needs none."""
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.soft, self.hard))


def raise_open_files() -> OpenFiles:
    """Raise the soft limit to the hard one, and answer what it was. Where that is forbidden, nothing changes."""
    given = OpenFiles.now()
    try:
        OpenFiles(given.hard, given.hard).use()
    except (OSError, ValueError):  # macOS has a limit of the kernel's below an "unlimited" hard one
        return given
    return given
