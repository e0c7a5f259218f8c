"""Frozen values and errors: the words the rest of swaplab is said in.

- models: `ids` names · `launch` how an upstream is started, probed, put to sleep and stopped · `placement` where it
  may run · `footprint` the memory it needs · `demo` a model that the demo shows
- backends: `backend` folders as facts · `image` container images · `recipe` what a recipe says, `recipe_settings` how
  a model entry uses one
- requests: `metering` what an engine tells about its work · `activity` what is remembered of a request, `capture` the
  exchange itself, `histogram`
- machines: `node` which there are · `hardware` what one is · `performance` how busy it is, `thinning` many samples as
  few
- plugins and people: `access` who may call a route · `action` what is offered, `plan` its steps, `job` one run of
  them · `view` what is shown · `diagnostic` what is checked
- `events` everything announced on the bus · `revision` what the configuration was · `problem` a located mistake in
  user input · `text` made fit to be kept · `errors` the exception tree

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
