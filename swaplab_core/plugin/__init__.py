"""What plugin authors import. Two ways to extend swaplab, both found through entry points:

- a **driver** is a class picked by name. Group `swaplab.backends`: subclass `Backend`, whose `launch` says how one
  model is started; a model entry chooses it with `backend: <name>`. Group `swaplab.executors`: subclass `Executor`,
  which runs things on other machines. Group `swaplab.recipe_parsers`: subclass `recipe_parser.RecipeParser`, which
  reads one format of recipe files.
- a **hook** is a function that everyone may implement. Group `swaplab.plugins`: a module, or a class, with functions
  marked `@hookimpl`; what there is to implement, and when it is called, is in `swaplab_core.plugin.hookspecs`.

Plugins plan, the core runs: a plugin starts no process, opens no connection and writes no file. When it cannot do
what it is asked, it raises `PluginFailed` with advice for the operator. `swaplab_core.testing.contracts` holds the
tests a driver must pass.

What is imported from here is what every author needs. The rooms behind it:

- drivers: `interface` their base classes · `abilities` what else a backend may be able to do · `stopping` the end of a
  process, for executors
- hooks: `hookspecs` which there are · `lab` what a plugin sees of the daemon · `actions` an action and its planner ·
  `forms` forms and settings · `routes` HTTP routes · `commands` what commands get · `check` what a check of the
  configuration is given · `pages` what the pages can show
- for backends, parts that several share: `usage` tokens and speeds · `progress` how far a load is · `canary` a short
  request that tells whether an engine is itself · `images` choosing one · `containers` an engine in a container,
  `run_command` such a command line read · `backend_actions` steps and locks of actions on folders
- recipes: `recipe_parser` the driver of a format, with `recipe_document` to read and `recipe_writer` to write a file ·
  `recipe_runner` the base of backends whose folders hold `run-recipe.sh` · `recipe_template` and `flag_map` command
  lines · `recipe_schema` help for editors · `cached_recipe` a recipe for weights that are there

The core's own: `hooks` calling hooks (pluggy) · `catalogue` what is installed and how it fares (stevedore) · `edits` of
the configuration file · `modules` where files for the pages lie, `texts` those of other
languages · `lint` what is wrong with what a plugin shows.
"""

from __future__ import annotations

from swaplab_core.domain.access import Policy
from swaplab_core.domain.action import ActionSpec, Confirm, NoInput
from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.diagnostic import Diagnostic, Finding, Health
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.events import PluginNews
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.image import KnownImages
from swaplab_core.domain.job import Job, JobId, JobState
from swaplab_core.domain.launch import HttpCall, LaunchRequest, LaunchSpec, Readiness, SleepCalls, StopStrategy
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.placement import AUTO, Placement, PlacementRequest, Refusal
from swaplab_core.domain.plan import Command, FileChange, Plan, ReadyCommand, SecretRef, Step, Work
from swaplab_core.domain.view import Module, NavEntry, Panels, View
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.check import ConfigFacts
from swaplab_core.plugin.commands import ServerClient, pass_server
from swaplab_core.plugin.forms import FieldProblem, Options, form_field, form_schema, read_form
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.plugin.interface import Backend, Executor, FindsPorts
from swaplab_core.plugin.lab import ConfigEdits, LabView, Output, Sink, groups_of
from swaplab_core.plugin.routes import Call, Gateway, GatewayResponse, Reply, Route
from swaplab_core.plugin.stopping import Stoppable, Stopping
from swaplab_core.plugin.usage import merge_usage, read_usage
from swaplab_core.ports import ExitStatus, Process

__all__ = [
    "AUTO",
    "LOCAL",
    "Action",
    "ActionSpec",
    "Backend",
    "Call",
    "Command",
    "ConfigEdits",
    "ConfigFacts",
    "Confirm",
    "DemoModel",
    "Diagnostic",
    "Executor",
    "ExitStatus",
    "FieldProblem",
    "FileChange",
    "Finding",
    "FindsPorts",
    "Gateway",
    "GatewayResponse",
    "Health",
    "HttpCall",
    "Job",
    "JobId",
    "JobState",
    "KnownImages",
    "LabView",
    "LaunchRequest",
    "LaunchSpec",
    "ModelId",
    "Module",
    "NavEntry",
    "NoInput",
    "Node",
    "NodeId",
    "Options",
    "Output",
    "Panels",
    "Placement",
    "PlacementRequest",
    "Plan",
    "PluginFailed",
    "PluginNews",
    "Policy",
    "Process",
    "Progress",
    "Readiness",
    "ReadyCommand",
    "Refusal",
    "Reply",
    "Route",
    "SecretRef",
    "ServerClient",
    "Sink",
    "SleepCalls",
    "Step",
    "StopStrategy",
    "Stoppable",
    "Stopping",
    "Usage",
    "View",
    "Work",
    "form_field",
    "form_schema",
    "groups_of",
    "hookimpl",
    "merge_usage",
    "pass_server",
    "read_form",
    "read_usage",
]
