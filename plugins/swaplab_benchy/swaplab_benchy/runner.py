"""Which program runs a benchmark: the one the operator names, our own environment, uvx, or one on PATH. Pure.

A moving branch is never run: what uvx fetches is pinned to a version, or for intelligence to a commit.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from attrs import frozen

from swaplab_core.domain.errors import Conflict

VERSION = "0.4.0"
"""The release of llama-benchy that our environment installs and our tests run."""

INTELLIGENCE_SOURCE = "git+https://github.com/christopherowen/llama-benchy.git"
INTELLIGENCE_COMMIT = "564b66b8ce81492aa21ffafad0a9bbbba1d6fc8e"
"""The edition with suites that is used where none is set: the first commit with all of them and their options."""

_INSTALL = (
    "run the action “Install llama-benchy” of the page Benchmarks (or `swaplab bench install`), put llama-benchy or "
    "uvx on PATH, or name a command in LLAMA_BENCHY_CMD"
)


@frozen
class Runner:
    """The command that llama-benchy's arguments follow, and where it comes from, for people."""

    argv: tuple[str, ...]
    source: str


def find_runner(
    environ: Mapping[str, str],
    find_program: Callable[[str], str | None],
    installed: str | None,
    *,
    intelligence: bool,
    intelligence_commit: str = "",
) -> Runner:
    """Choose the runner. `installed` is the program of our own environment of this edition, None when there is none.

    Raises Conflict, saying what to install.
    """
    if command := environ.get("LLAMA_BENCHY_CMD", "").strip():
        return Runner(_split(command), "LLAMA_BENCHY_CMD")
    if installed:
        return Runner((installed,), "environment")
    uvx = find_program("uvx") or find_program("~/.local/bin/uvx")
    if uvx:
        wanted = requirement(intelligence=intelligence, commit=intelligence_commit)
        return Runner((uvx, "--from", wanted, "llama-benchy"), "uvx")
    if program := find_program("llama-benchy") or find_program("~/.local/bin/llama-benchy"):
        return Runner((program,), "PATH")
    if intelligence:
        raise Conflict("no runner for intelligence suites is here", advice=_INSTALL)
    raise Conflict("llama-benchy is not installed", advice=_INSTALL)


def _split(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise Conflict(f"LLAMA_BENCHY_CMD cannot be read: {error}", advice="close the quotes") from None


def requirement(*, intelligence: bool, commit: str) -> str:
    """What pip or uvx is told to install, pinned."""
    if not intelligence:
        return f"llama-benchy=={VERSION}"
    return f"llama-benchy[intelligence] @ {INTELLIGENCE_SOURCE}@{commit or INTELLIGENCE_COMMIT}"
