"""As whom suites run that execute what a model wrote: a user of their own where that can be had. Pure.

The daemon's secrets stay away from them: they see neither its files (another user's) nor its environment. What cannot
be had is said: on the plan, in the log and with the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

_MAY_SEE = re.compile(
    r"PATH|LANG|LC_\w+|TZ|TERM|\w+_proxy|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|HF_(HUB|DATASETS)_OFFLINE"
)
"""What a program needs to find its way; everything else in the daemon's environment may be a secret."""


@frozen
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


@frozen
class Isolation:
    """How the runner is kept apart: as `account` through `tool` (setpriv), or not at all, and then why not."""

    account: Account | None = None
    tool: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """For people."""
        if self.account is None:
            return f"the user of this server ({self.reason})"
        return f"the user {self.account.name} (uid {self.account.uid}), with a home of its own and none of our secrets"

    def wrap(self, argv: tuple[str, ...], environment: Iterable[str]) -> tuple[str, ...]:
        """The command line that runs `argv` that way; `environment` names the variables of the daemon."""
        if self.account is None:
            return argv
        hidden = sorted(name for name in environment if not _MAY_SEE.fullmatch(name))
        unset = [part for name in hidden for part in ("-u", name)]
        who = ("--reuid", str(self.account.uid), "--regid", str(self.account.gid), "--clear-groups", "--no-new-privs")
        return (self.tool, *who, "--", "env", *unset, *argv)


def choose(*, is_root: bool, wanted: str, account: Account | None, tool: str | None) -> Isolation:
    """Decide. `wanted` is the name that is set ("" for none), `account` that user if there is one."""
    if not wanted:
        return Isolation(reason="plugins.benchy.user is empty")
    if not is_root:
        return Isolation(reason="only root can run them as somebody else")
    if account is None:
        return Isolation(reason=f"this machine has no user {wanted}")
    if tool is None:
        return Isolation(reason="setpriv is not installed")
    return Isolation(account, tool)


def home_below(output_dir: str) -> Path:
    """The home of that user: it keeps data sets from run to run."""
    return Path(output_dir) / ".home"
