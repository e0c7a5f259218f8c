"""How a checkout stands to its upstream, as git itself says it: asked when somebody looks, never kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from attrs import define, frozen

from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.plan import Command
from swaplab_core.plugin.lab import LabView

GIT_SECONDS = 3.0
_STATUS = ("--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch")


@frozen
class Checkout:
    """Commits that are here alone and at the upstream alone, and files that differ from the commit.

    `upstream` is "" for a branch that follows none; it is as old as the last fetch.
    """

    upstream: str = ""
    ahead: int = 0
    behind: int = 0
    changed: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Write it for people."""
        said = [f"{self.ahead} ahead"] if self.ahead else []
        said += [f"{self.behind} behind"] if self.behind else []
        said += [f"{len(self.changed)} changed"] if self.changed else []
        return ", ".join(said) or ("up to date" if self.upstream else "follows no other")


def read_status(output: str) -> Checkout:
    """Read `git status --porcelain=v2 --branch`."""
    upstream, ahead, behind = "", 0, 0
    changed: list[str] = []
    for line in output.splitlines():
        words = line.split(" ")
        match words:
            case ["#", "branch.upstream", name]:
                upstream = name
            case ["#", "branch.ab", plus, minus]:
                ahead, behind = int(plus[1:]), int(minus[1:])
            case ["1" | "2" | "u" | "?", *_]:
                changed.append(words[-1])
            case _:
                continue
    return Checkout(upstream, ahead, behind, tuple(changed))


@define(eq=False)
class Checkouts:
    """Asks git of this machine."""

    view: LabView

    async def all(self, states: Sequence[BackendState]) -> Mapping[str, Checkout]:
        """How each folder stands that is a checkout, by its id; those that git says nothing about are left out."""
        checked_out = [state for state in states if state.facts.git is not None]
        found = await asyncio.gather(*(self._ask(state) for state in checked_out))
        pairs = zip(checked_out, found, strict=True)
        return {state.id: checkout for state, checkout in pairs if checkout is not None}

    async def _ask(self, state: BackendState) -> Checkout | None:
        command = Command(("git", "-C", str(state.folder), *_STATUS))
        try:
            output = await self.view.run(command, timeout_seconds=GIT_SECONDS)
        except SwaplabError:
            return None
        return read_status(output.stdout.decode(errors="replace")) if output.exit_code == 0 else None
