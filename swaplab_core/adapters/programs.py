"""Where a program is, and in plain words why it cannot be started. Starting it is `process_group.py`'s job."""

from __future__ import annotations

import difflib
import errno
import os
import shutil
import stat
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from swaplab_core.domain.errors import StartFailed


def find_program(name: str, path: str | None = None) -> str | None:
    """Absolute path of an executable, or None.

    A bare name is looked up in `path` (PATH when None), then in the scripts folder of the running interpreter: an
    engine installed from a wheel beside swaplab is found without activating the virtual environment.
    """
    found = shutil.which(name, path=search_path(path))
    return os.path.abspath(found) if found else None  # noqa: PTH100 - resolving links would break virtual environments


def search_path(path: str | None = None) -> str:
    """PATH (ours when None) with the scripts folder of this interpreter at its end."""
    if path is None:
        path = os.environ.get("PATH", os.defpath)
    return os.pathsep.join(part for part in (path, sysconfig.get_path("scripts")) if part)


def locate_program(argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None) -> str:
    """Absolute path of `argv[0]`, the way execvp would find it from `cwd`.

    Raises StartFailed when there is nothing to run, or no folder to run it in.
    """
    if not argv or not argv[0]:
        raise StartFailed("the command is empty", advice="name a program to run")
    if cwd is not None and not Path(cwd).is_dir():
        raise StartFailed(f"the working directory {cwd} is not a folder", advice="create it, or correct its path")
    name = argv[0]
    if os.sep in name:
        return _check_file(Path.cwd() / (cwd or "") / name)
    path = search_path(env.get("PATH"))
    found = find_program(name, path)
    if found is None:
        raise StartFailed(f"program not found: {name}", advice=_advise_missing(name, map(Path, path.split(os.pathsep))))
    return found


def explain_failure(error: OSError | ValueError, program: str) -> StartFailed:
    """Say why the operating system refused to run a program that `locate_program` had found."""
    otherwise = (f"cannot be started: {error}", "correct its arguments and environment")
    reason, advice = _REFUSALS.get((error.errno or 0) if isinstance(error, OSError) else 0, otherwise)
    return StartFailed(f"{program} {reason}", advice=advice)


_TOO_MANY_FILES = ("cannot be started: too many open files", "raise the limit of open files (ulimit -n)")
_REFUSALS = {
    errno.ENOEXEC: (
        "is not a program this machine can run",
        "begin a script with a #! line; a binary must be built for this platform",
    ),
    errno.ENOENT: (
        "exists, but what it needs to run does not",
        "check the interpreter in its #! line, or for a binary its dynamic loader",
    ),
    errno.EACCES: (
        "may not be run",
        "check the rights of the file, of its folders and of the working directory, and that its disk allows programs",
    ),
    errno.E2BIG: ("cannot be started: arguments and environment are too long", "shorten them"),
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
    errno.EAGAIN: ("cannot be started: too many processes", "raise the limit of processes (ulimit -u)"),
    errno.ENOMEM: ("cannot be started: out of memory", "stop something else first"),
}
"""What is wrong, and what to do, by error number."""


def _check_file(program: Path) -> str:
    try:
        mode = program.stat().st_mode
    except OSError as error:
        advice = _advise_missing(program.name, [program.parent])
        raise StartFailed(f"program not found: {program} ({error.strerror})", advice=advice) from error
    except ValueError as error:  # a NUL character in the name
        raise explain_failure(error, repr(str(program))) from error
    if stat.S_ISDIR(mode):
        raise StartFailed(f"{program} is a folder, not a program", advice="name the program inside it")
    if not os.access(program, os.X_OK):
        raise StartFailed(f"{program} is not executable", advice=f"run: chmod +x {program}")
    return str(program)


def _advise_missing(name: str, folders: Iterable[Path]) -> str:
    alike = difflib.get_close_matches(name, _executables_like(name, folders), n=1, cutoff=0.75)
    question = f"did you mean {alike[0]}? Otherwise " if alike else ""
    return f"{question}install it, or write its full path"


def _executables_like(name: str, folders: Iterable[Path]) -> set[str]:
    """Names of about the same length: comparing all of a full PATH would take a tenth of a second."""
    names: set[str] = set()
    for folder in folders:
        try:
            entries = os.listdir(folder)  # noqa: PTH208 - only names, and thousands of them
        except OSError:
            continue
        names.update(
            entry for entry in entries if abs(len(entry) - len(name)) <= 2 and os.access(folder / entry, os.X_OK)
        )
    return names
