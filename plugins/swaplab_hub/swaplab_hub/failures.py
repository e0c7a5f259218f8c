"""What can go wrong with the hub, each in one sentence with what to do; how the worker tells it, and what it becomes.

The worker is a process of its own: its last line is `message — advice`, its exit code says which of these it is.
"""

from __future__ import annotations

import enum

from attrs import frozen

from swaplab_core.domain.errors import Conflict, FileFailed, InvalidRequest, NotThere, SwaplabError, UpstreamError

SEPARATOR = " — "


class Kind(enum.IntEnum):
    """Exit codes of the worker."""

    OTHER = 1
    CHOICE = 9
    OFFLINE = 10
    UNREACHABLE = 11
    GATED = 12
    TOKEN = 13
    UNKNOWN = 14
    LIMITED = 15
    DISK_FULL = 16
    FORBIDDEN = 17
    BUSY = 18
    DAMAGED = 19


class HubFailed(UpstreamError):
    """The hub cannot be reached, is switched off, or answers what nobody expects."""

    code = "hub-failed"


class HubRefused(Conflict):
    """The hub asks for a token, or for an agreement that is not there."""

    code = "hub-refused"


class DiskFull(Conflict):
    """There is no room for what is wanted."""

    code = "disk-full"


_ERRORS: dict[Kind, type[SwaplabError]] = {
    Kind.CHOICE: InvalidRequest,
    Kind.GATED: HubRefused,
    Kind.TOKEN: HubRefused,
    Kind.UNKNOWN: NotThere,
    Kind.DISK_FULL: DiskFull,
    Kind.FORBIDDEN: FileFailed,
    Kind.BUSY: Conflict,
}


@frozen
class Failure(Exception):
    """One failure, as the worker tells it."""

    kind: Kind
    message: str
    advice: str = ""

    def line(self) -> str:
        """The last line of the worker."""
        words = " ".join(f"{self.message}{SEPARATOR}{self.advice}".split())
        return words.removesuffix(SEPARATOR.strip()).strip()


def error_of(exit_code: int, last_line: str) -> SwaplabError:
    """Make the error of what the worker said at its end."""
    kind = Kind(exit_code) if exit_code in set(Kind) else Kind.OTHER
    message, _, advice = last_line.partition(SEPARATOR)
    if kind is Kind.OTHER and not message:
        message = f"the worker ended with exit code {exit_code}"
    return _ERRORS.get(kind, HubFailed)(message, advice=advice)
