"""What plugin authors import. Two ways to extend swaplab, both found through entry points:

- a **driver** is a class picked by name. Group `swaplab.backends`: subclass `Backend`, whose `launch` says how one
  model is started; a model entry chooses it with `backend: <name>`. Group `swaplab.executors`: subclass `Executor`,
  which runs things on other machines.
- a **hook** is a function that everyone may implement. Group `swaplab.plugins`: a module with functions marked
  `@hookimpl`; what there is to implement, and when it is called, is in `swaplab_core.plugin.hookspecs`.

Plugins plan, the core runs: a plugin starts no process, opens no connection and writes no file. When it cannot do
what it is asked, it raises `PluginFailed` with advice for the operator. `swaplab_core.testing.contracts` holds the
tests a driver must pass.

The rooms: `interface` driver base classes · `hookspecs` the hooks · `routes` HTTP routes of a plugin · `usage` reading
tokens and speeds that several engines write alike · `hooks` calling hooks (pluggy) · `catalogue` what is installed and
how it fares (stevedore). The last two are the core's own.
"""

from __future__ import annotations

from swaplab_core.domain.access import Policy
from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import HttpCall, LaunchRequest, LaunchSpec, Readiness, SleepCalls, StopStrategy
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.plugin.interface import Backend, Executor, Sink
from swaplab_core.plugin.lab import ConfigEdits, LabView
from swaplab_core.plugin.routes import Call, Gateway, GatewayResponse, Reply, Route
from swaplab_core.plugin.usage import merge_usage, read_usage
from swaplab_core.ports import ExitStatus, Process

__all__ = [
    "Backend",
    "Call",
    "ConfigEdits",
    "DemoModel",
    "Executor",
    "ExitStatus",
    "Gateway",
    "GatewayResponse",
    "HttpCall",
    "LabView",
    "LaunchRequest",
    "LaunchSpec",
    "ModelId",
    "PluginFailed",
    "Policy",
    "Process",
    "Progress",
    "Readiness",
    "Reply",
    "Route",
    "Sink",
    "SleepCalls",
    "StopStrategy",
    "Usage",
    "hookimpl",
    "merge_usage",
    "read_usage",
]
