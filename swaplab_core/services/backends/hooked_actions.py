"""What plugins offer for backend folders, as an `OffersActions` like that of a driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define

from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.plan import Plan
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.hooks import Hooks
from swaplab_core.plugin.lab import LabView


@define(eq=False)
class HookedActions:
    """Asks the plugins anew each time, so that what they say is as it is now."""

    hooks: Hooks
    view: LabView

    def actions(self, state: BackendState) -> Sequence[ActionSpec]:
        """Say what plugins offer; of two with one id the first counts."""
        return tuple(action.spec for action in self._all(state).values())

    def plan(self, action: str, form: Any, state: BackendState) -> Plan:
        """Let the plugin plan it. Raises PluginFailed and what the planner raises."""
        found = self._all(state).get(action)
        if found is None:
            raise PluginFailed(f"no plugin offers {action!r} for {state.id} any more", advice="see GET /api/actions")
        plan = found.plan(form, str(state.folder))
        if not isinstance(plan, Plan):
            raise PluginFailed(f"the planner of {action!r} answered with {plan!r}, which is no Plan")
        return plan

    def _all(self, state: BackendState) -> dict[str, Action]:
        offered = self.hooks.backend_actions(state, self.view).values()
        return {action.spec.id: action for actions in reversed(list(offered)) for action in actions}
