"""The swap engine: facts in, effects out, pure.

`facts` what the engine is told · `effects` what it wants done · `phases` the life of a model as one table · `limits`
what it knows of a model · `policy` the interface of "who must go" with `groups` and `matrix` (`matrix_dsl`,
`matrix_solver`) · `slot` the record of one model · `places` the order of the queue · `swap` the planner · `plan` the
dry run · `recording` what was told and answered, to be played again. The shell that carries effects out is
`runtime.dispatcher`.
"""

from __future__ import annotations

from swaplab_core.engine.limits import Limits
from swaplab_core.engine.phases import TRANSITIONS, Phase
from swaplab_core.engine.plan import SwapPlan, Verdict, plan
from swaplab_core.engine.swap import DEFAULT_PATIENCE, SwapEngine

__all__ = ["DEFAULT_PATIENCE", "TRANSITIONS", "Limits", "Phase", "SwapEngine", "SwapPlan", "Verdict", "plan"]
