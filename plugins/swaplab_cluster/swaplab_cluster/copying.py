"""Copying a cached model from node to node: one rsync that runs on the source, over the data network. Pure.

The copy can be cut at any moment: what has arrived is kept beside the files (`.rsync-partial`), and the next copy goes
on there. A file gets its name when all of it is there, and is held against its hash afterwards (`model_cache`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attrs import frozen

from swaplab_cluster.host_keys import HostKey
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.model_cache import is_repo
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.plan import Command

SILENT_SECONDS = 60
"""A copy during which nothing has come for so long is given up, and can be taken up again."""
_PATH = re.compile(r"[A-Za-z0-9_./~@+-]+")
_PROGRESS = re.compile(r"\s(\d{1,3})%\s+(\S+/s)\s")


@frozen
class Login:
    """How the source logs in on the target: the key `identity` of its own (a path there; "" leaves it to ssh), and the
    host keys that are pinned for the target. When none are, those that the source itself knows count.
    """

    identity: str = ""
    pinned: Sequence[HostKey] = ()


NO_LOGIN = Login()


def copy_command(
    source: InventoryNode, target: InventoryNode, folder: str, repo: str, login: Login = NO_LOGIN, *, limit_mib: int = 0
) -> Command:
    """The rsync that sends a repository to the target; `limit_mib` bounds it to so many MiB/s.

    Links inside the repository stay links, so nothing is sent twice. A folder below the home is given relative to it,
    since no shell is there to know `~`.
    """
    if not is_repo(repo):
        raise InvalidRequest(f"{repo!r} is no folder of a model cache", advice="write models--ORG--NAME")
    place = folder.rstrip("/").removeprefix("~/")
    if place.startswith(("-", "~")):
        raise InvalidRequest(f"{folder!r} is no folder of a model cache")
    home = PurePosixPath(Path.home()) if source.executor == "local" else PurePosixPath("~")
    user = f"{target.ssh_user}@" if target.ssh_user else ""
    address = f"[{target.data_ip}]" if ":" in target.data_ip else target.data_ip
    way = (f"{place}/{repo}/", f"{user}{address}:{place}/{repo}/")
    return Command(("rsync", *_options(limit_mib), "--rsh", _shell(target, login), "--", *way), cwd=home)


def _options(limit_mib: int) -> tuple[str, ...]:
    keeping = ("--archive", "--mkpath", "--partial-dir=.rsync-partial", "--delay-updates")
    bounds = (f"--timeout={SILENT_SECONDS}", *((f"--bwlimit={limit_mib}m",) if limit_mib else ()))
    return (*keeping, *bounds, "--info=progress2,stats1")


def _shell(target: InventoryNode, login: Login) -> str:
    """The command line of ssh; rsync takes it apart at spaces, and knows double quotes."""
    words = [f"ssh -p {target.ssh_port} -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10"]
    if login.identity:
        if not _PATH.fullmatch(login.identity) or login.identity.startswith("-"):
            raise InvalidRequest(f"{login.identity!r} is no path of a key", advice="letters, digits and _ . / ~ @ + -")
        words.append(f"-o IdentitiesOnly=yes -i {login.identity}")
    return " ".join((*words, *_known(target, login.pinned), "-o StrictHostKeyChecking=yes"))


def _known(target: InventoryNode, keys: Sequence[HostKey]) -> Sequence[str]:
    """Hold ssh to the key that is pinned here, whatever address of the target it is shown at."""
    if not keys:
        return ()
    key = min(keys, key=lambda one: one.kind != "ssh-ed25519")
    line = f"/bin/echo {target.id} {key.kind} {base64.b64encode(key.blob).decode()}"
    nothing_else = "-o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null"
    return (nothing_else, f"-o HostKeyAlias={target.id}", f'-o "KnownHostsCommand={line}"')


def read_progress(line: str) -> Progress | None:
    """How far rsync says that it is."""
    found = _PROGRESS.search(line)
    return Progress(found[2], min(int(found[1]) / 100, 1.0)) if found else None
