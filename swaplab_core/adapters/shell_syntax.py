"""Whether a shell could read the text that a command hands to it, as in `cmd: bash -lc '…'`. The shell is asked.

Such text comes from people and from older control planes. Nothing of it is run, and where the shell is not installed
nothing is said.
"""

from __future__ import annotations

import subprocess  # noqa: TID251 - this is an adapter, and what it asks for is over before anything is started
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from attrs import evolve, frozen

from swaplab_core.config.load import Loaded
from swaplab_core.config.schema import Config

SHELLS = frozenset({"bash", "sh"})
SECONDS = 5.0
ADVICE = "mend the quotes and the control words, or write the command without a shell"


@frozen
class BrokenText:
    """What is wrong with the `key` of a model."""

    model: str
    key: str
    message: str


def check_shell_text(loaded: Loaded) -> Loaded:
    """Add a warning for each text that no shell could read: its model would not start, all others do."""
    found = broken_texts(loaded.config) if loaded.config is not None else ()
    warnings = (loaded.place("models", one.model, one.key).warning(one.message, ADVICE) for one in found)
    return evolve(loaded, problems=(*loaded.problems, *warnings))


def broken_texts(config: Config) -> tuple[BrokenText, ...]:
    """Every text of a configuration that no shell could read. Blocks; what was asked before is remembered."""
    return tuple(_broken_texts(config))


def _broken_texts(config: Config) -> Iterator[BrokenText]:
    for model in config.models.values():
        for key, argv in (("cmd", getattr(model.options, "cmd", ())), ("cmdStop", model.cmd_stop or ())):
            asked = shell_text(argv)
            if asked is not None and (said := complaint(*asked)):
                shell, flag, _ = asked
                yield BrokenText(model.id, key, f"invalid {shell} {flag} payload: {said}")


def shell_text(argv: Sequence[str]) -> tuple[str, str, str] | None:
    """The shell, its flag and the text of a command such as `bash -lc TEXT`; None for any other command."""
    if not argv or PurePosixPath(argv[0]).name not in SHELLS:
        return None
    for at, word in enumerate(argv[1:-1], start=1):
        if not word.startswith("-") or word.startswith("--"):
            return None
        if "c" in word:
            return PurePosixPath(argv[0]).name, word, argv[at + 1]
    return None


@lru_cache(maxsize=1024)
def complaint(shell: str, flag: str, text: str) -> str:  # noqa: ARG001 - the flag only names it
    """What the shell of PATH says of the text, "" when it can be read."""
    argv = (shell, "-n", "-c", text)
    try:
        read = subprocess.run(  # noqa: S603 - a shell that is told to run nothing
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    lines = read.stderr.decode(errors="replace").strip().splitlines()
    return "" if read.returncode == 0 else (lines or ["it cannot be read"])[0][:300]
