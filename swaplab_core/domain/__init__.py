"""Frozen values and errors: the words the rest of swaplab is said in.

`ids` names · `launch` how an upstream is started, probed, put to sleep and stopped · `metering` what an
engine tells about its work · `activity` what is remembered of a request, `capture` the exchange itself, `histogram` ·
`text` made fit to be kept · `problem` a located mistake in user input · `demo` a model that the demo shows ·
`node` machines · `action` what plugins offer, `plan` its steps, `job` one run of them · `view` what plugins show ·
`errors` the exception tree.
Nothing here does I/O, reads a clock or knows asyncio.
"""

from __future__ import annotations

from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.domain.launch import (
    HttpCall,
    LaunchRequest,
    LaunchSpec,
    Readiness,
    SleepCalls,
    StopStrategy,
)
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.domain.problem import Problem, Severity

__all__ = [
    "DemoModel",
    "HttpCall",
    "Incarnation",
    "LaunchRequest",
    "LaunchSpec",
    "ModelId",
    "Problem",
    "Progress",
    "Readiness",
    "Severity",
    "SleepCalls",
    "StopStrategy",
    "TicketId",
    "Usage",
]
