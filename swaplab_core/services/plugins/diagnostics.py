"""The checks that plugins offer, run side by side, each with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from attrs import define, frozen

from swaplab_core.domain.diagnostic import Diagnostic, Finding, Health
from swaplab_core.plugin.hooks import Hooks, guarded_wait
from swaplab_core.plugin.lab import LabView

LIMIT_SECONDS = 15.0


@frozen
class Checkup:
    """One check and what it has found."""

    plugin: str
    diagnostic: Diagnostic
    findings: tuple[Finding, ...]


@define(eq=False)
class Diagnostics:
    """Runs them all, or those of one plugin."""

    hooks: Hooks
    view: LabView
    limit_seconds: float = LIMIT_SECONDS

    async def run(self, plugin: str = "") -> Sequence[Checkup]:
        """What all checks find, in the order of the plugins."""
        offers = self.hooks.diagnostics(self.view).items()
        wanted = [(name, each) for name, checks in offers if plugin in {"", name} for each in checks]
        return await asyncio.gather(*(self._checkup(name, each) for name, each in wanted))

    async def _checkup(self, plugin: str, diagnostic: Diagnostic) -> Checkup:
        answer = await guarded_wait(partial(self._within_limit, diagnostic))
        if isinstance(answer, TimeoutError):
            return Checkup(plugin, diagnostic, (Finding(Health.ERROR, f"no answer in {self.limit_seconds:g} s"),))
        if isinstance(answer, Exception):
            self.hooks.report(plugin, answer)
            return Checkup(plugin, diagnostic, (Finding(Health.ERROR, f"the check itself failed: {answer}"),))
        return Checkup(plugin, diagnostic, answer)

    async def _within_limit(self, diagnostic: Diagnostic) -> tuple[Finding, ...]:
        async with asyncio.timeout(self.limit_seconds):
            return tuple(await diagnostic.run())
