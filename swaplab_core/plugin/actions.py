"""An action together with its planner: what `swaplab_actions` answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import field, frozen
from attrs.validators import instance_of, is_callable

from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.plan import Plan

Planner = Callable[[Any, str], Plan | Awaitable[Plan]]
"""From a form (an instance of the spec's `form`) and a target to a plan.

It decides and does nothing: it is also called for the preview. It may be async, to look at the world. It raises
InvalidRequest for input that makes no sense together, and Conflict when it cannot be done now.
"""


@frozen
class Action:
    """One action. `guard(target)` answers why it cannot be run on this target now, "" when it can."""

    spec: ActionSpec = field(validator=instance_of(ActionSpec))
    plan: Planner = field(validator=is_callable(), eq=False, repr=False)
    guard: Callable[[str], str] | None = field(default=None, eq=False, repr=False)
