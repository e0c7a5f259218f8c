"""Which programs an agent runs: what its operator has listed, and nothing else. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

_FORBIDDEN = frozenset(
    {
        "LD_PRELOAD",
        "LD_AUDIT",
        "BASH_ENV",
        "ENV",
        "IFS",
        "SHELLOPTS",
        "PS4",
        "PROMPT_COMMAND",
        "PYTHONSTARTUP",
        "PERL5OPT",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
        "DYLD_INSERT_LIBRARIES",
    }
)
"""Variables that make a listed program run something else."""


def refusal(
    allowed: Sequence[str], argv: Sequence[str], env: Mapping[str, str], folder: str = "", home: str = ""
) -> str:
    """Why a command is refused, "" when it is not. `folder` is where it is run, `~` there being `home`.

    An entry of `allowed` is the name of a program, its full path, or a folder (with `/` at its end) whose programs are
    all allowed; `~/` at its beginning is `home`. A name allows what is found under it on the agent's PATH, a path does
    not follow from a name. A program that is named from its folder, `./x`, is the one of that path.
    """
    if not argv or not argv[0]:
        return "the command is empty"
    if any("\0" in word for word in argv):
        return "an argument holds a NUL character"
    if bad := sorted(_FORBIDDEN.intersection(env)):
        return f"the variable {bad[0]} is not passed on"
    program = _from_its_folder(argv[0], _at_home(folder, home))
    if not _is_allowed([_at_home(entry, home) for entry in allowed], program):
        return f"the agent of this node does not allow {program}"
    return ""


def _at_home(path: str, home: str) -> str:
    return f"{home}{path[1:]}" if home and (path == "~" or path.startswith("~/")) else path


def _from_its_folder(program: str, folder: str) -> str:
    """The whole path of a program; nothing that leads out of its folder is followed."""
    if not program.startswith("./") or not folder.startswith("/"):
        return program
    return posixpath.join(folder, program.removeprefix("./"))


def _is_allowed(allowed: Sequence[str], program: str) -> bool:
    if "/" not in program:
        return program in allowed
    path = posixpath.normpath(program)
    return path == program and (path in allowed or f"{posixpath.dirname(path)}/" in allowed)
