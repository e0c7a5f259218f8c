"""Where recipes lie on machines that have their own checkout: `LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT`. Pure.

A launch names the folder of its backend as it is on this machine, `LAB/backend/NAME`. With a root, a machine with an
agent runs it in `ROOT/backend/NAME`, and files below LAB are named from there, so that no home must be known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from swaplab_core.domain.errors import InvalidRequest

VARIABLE = "LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT"
BACKENDS = "backend"
_ROOT = re.compile(r"[\w./@+-]+")
_HOMES = ("~/", "$HOME/", "${HOME}/")


def root_of(text: str) -> str:
    """Read the variable: an absolute folder, one that begins with `~/` for the home over there, or "" when unset.

    Raises InvalidRequest.
    """
    root = text.strip().rstrip("/")
    home = next((home for home in _HOMES if root.startswith(home)), "")
    path = root.removeprefix(home)
    if not root:
        return ""
    if not (home or path.startswith("/")) or not _ROOT.fullmatch(path) or ".." in path.split("/"):
        raise InvalidRequest(
            f"{VARIABLE} is {root!r}, which is no folder of a node",
            advice="an absolute path without blanks, or one that begins with $HOME/",
        )
    return f"~/{path}" if home else path


def below(root: str, argv: Sequence[str], folder: str) -> tuple[tuple[str, ...], str]:
    """The command and its folder as they are over there; what belongs to no backend folder stays as it is."""
    here = PurePosixPath(folder)
    if not root or here.parent.name != BACKENDS:
        return tuple(argv), folder
    lab = f"{here.parent.parent}/"
    words = (f"../../{word.removeprefix(lab)}" if word.startswith(lab) else word for word in argv)
    return tuple(words), f"{root}/{BACKENDS}/{here.name}"
