"""The aiohttp application: routes, middleware, and nothing that decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.adapters.relay import Relay
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.lab import LabView
from swaplab_core.ports import HttpReader
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.jobs import Jobs
from swaplab_core.runtime.logbook import LogBook
from swaplab_core.runtime.performance import PerformanceMonitor
from swaplab_core.runtime.timeline import Timeline
from swaplab_core.server.api.actions import ActionRoutes
from swaplab_core.server.api.activity import ActivityRoutes
from swaplab_core.server.api.backends import BackendRoutes
from swaplab_core.server.api.bundle import BundleRoutes
from swaplab_core.server.api.config import ConfigRoutes
from swaplab_core.server.api.config_form import ConfigFormRoutes
from swaplab_core.server.api.debug import DebugRoutes
from swaplab_core.server.api.events import EventRoutes
from swaplab_core.server.api.history import HistoryRoutes
from swaplab_core.server.api.inflight import InFlightRoutes
from swaplab_core.server.api.jobs import JobRoutes
from swaplab_core.server.api.logs import LogRoutes
from swaplab_core.server.api.manifest import ManifestRoutes
from swaplab_core.server.api.memory import MemoryRoutes
from swaplab_core.server.api.metrics import MetricsRoutes
from swaplab_core.server.api.model_entry import ModelEntryRoutes
from swaplab_core.server.api.models import ModelRoutes
from swaplab_core.server.api.nodes import NodeRoutes
from swaplab_core.server.api.performance import PerformanceRoutes
from swaplab_core.server.api.plugins import PluginRoutes
from swaplab_core.server.api.profiles import ProfileRoutes
from swaplab_core.server.api.recipe_pages import RecipePageRoutes
from swaplab_core.server.api.recipes import RecipeRoutes
from swaplab_core.server.api.session import SessionRoutes
from swaplab_core.server.api.timeline import TimelineRoutes
from swaplab_core.server.api.version import VersionRoutes
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.heads import stop_at_head
from swaplab_core.server.inference.access_log import access_log_middleware
from swaplab_core.server.inference.forwarding import Through
from swaplab_core.server.inference.observation import Observer
from swaplab_core.server.inference.openai import InferenceRoutes
from swaplab_core.server.inference.passthrough import ComfyUiRoutes, PassthroughRoutes
from swaplab_core.server.inference.waiting import KEEP_ALIVE_SECONDS, WaitingRoom
from swaplab_core.server.openapi.document import OpenApiRoutes
from swaplab_core.server.route import ROUTES, RouteTable
from swaplab_core.server.security.access import Access
from swaplab_core.server.security.gate import allow_reader, gate_middleware
from swaplab_core.server.security.headers import protect
from swaplab_core.server.security.rate_limit import Buckets, RateLimit, rate_limit_middleware
from swaplab_core.server.security.sender import Sender
from swaplab_core.server.shapes.projections import Projections
from swaplab_core.server.ui.manifest import Manifest
from swaplab_core.server.ui.module_files import ModuleFiles
from swaplab_core.server.ui.pages import UiRoutes
from swaplab_core.services.backends.jobs import BackendJobs
from swaplab_core.services.configuration.editor import ConfigEditor
from swaplab_core.services.configuration.model_entry import ModelEntries
from swaplab_core.services.configuration.plugin_settings import SettingsEditor
from swaplab_core.services.configuration.preview import ConfigPreview
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.memory import Memory
from swaplab_core.services.models.request_router import RequestRouter
from swaplab_core.services.plugins.actions import Actions
from swaplab_core.services.plugins.diagnostics import Diagnostics
from swaplab_core.services.plugins.switches import PluginSwitches
from swaplab_core.services.recipes.files import Recipes
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.trial import Trials
from swaplab_core.services.recipes.values import RecipeValues
from swaplab_core.services.recipes.wizard import RecipeWizard
from swaplab_core.services.requests.activity import Activity
from swaplab_core.services.requests.history import History

DEFAULT_MAX_BODY_MIB = 128


@define(eq=False)
class RecipeParts:
    """What the handlers of recipes and backends call; `changed` is told when a recipe file has."""

    recipes: Recipes
    managed: ManagedModels
    backends: BackendJobs
    trials: Trials
    changed: Callable[[], Awaitable[None]]


@define(eq=False)
class Parts:
    """What the handlers call."""

    models: Models
    routes: RequestRouter
    dispatcher: Dispatcher
    relay: Relay
    catalogue: Catalogue
    bus: Bus
    logs: LogBook
    monitor: PerformanceMonitor
    inventory: HardwareInventory
    observer: Observer
    activity: Activity
    history: History
    http: HttpReader
    access: Access
    jobs: Jobs
    actions: Actions
    view: LabView
    editor: ConfigEditor
    preview: ConfigPreview
    schema: Callable[[], dict[str, Any]]
    timeline: Timeline
    recipes: RecipeParts
    memory: Memory


def build_application(
    parts: Parts,
    *,
    max_body_mib: int = DEFAULT_MAX_BODY_MIB,
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    rate_limit: RateLimit | None = None,
    security_headers: bool = True,
) -> web.Application:
    """Mount every route. A request body above `max_body_mib` is refused with 413.

    A client that waits for a stream hears something every `keep_alive_seconds`.
    """
    hooks = parts.catalogue.hooks
    actions, diagnostics = parts.actions, Diagnostics(hooks, parts.view)
    sender = Sender(parts.access)
    waiting = WaitingRoom(parts.models, keep_alive_seconds, parts.observer.metrics.pace)
    through = Through(parts.models, parts.dispatcher, parts.relay, waiting, parts.observer)
    show = Projections(
        parts.models.config,
        parts.models,
        parts.routes,
        parts.observer.inflight,
        parts.jobs,
        lambda: parts.recipes.backends.backends.last,
    )
    application = web.Application(client_max_size=max_body_mib * 2**20)
    table = application[ROUTES] = RouteTable(application)
    application.middlewares.extend([access_log_middleware, error_middleware, gate_middleware(table, parts.access)])
    if rate_limit is not None:
        application.middlewares.append(rate_limit_middleware(table, parts.access, Buckets(rate_limit)))
    groups = (
        InferenceRoutes(parts.models, parts.routes, parts.dispatcher, parts.relay, waiting, parts.observer, through),
        PassthroughRoutes(parts.routes, through),
        ComfyUiRoutes(parts.models, through),
        ModelRoutes(parts.models, parts.routes, show, parts.memory),
        MemoryRoutes(parts.memory, parts.models),
        ProfileRoutes(parts.routes, parts.bus),
        PluginRoutes(PluginSwitches(parts.catalogue, parts.editor, parts.models.config), sender),
        JobRoutes(parts.jobs, actions, parts.bus, sender),
        NodeRoutes(parts.view.nodes),
        ActionRoutes(actions, diagnostics, sender),
        BundleRoutes(show, parts.catalogue, diagnostics, parts.editor, parts.inventory, parts.logs),
        ModelEntryRoutes(ModelEntries(parts.editor, parts.schema, parts.models.config), sender),
        ConfigRoutes(parts.editor, parts.models, sender, parts.schema),
        ConfigFormRoutes(parts.preview),
        ManifestRoutes(
            Manifest(parts.catalogue, parts.view, actions, ModuleFiles()), SettingsEditor(hooks, parts.editor), sender
        ),
        LogRoutes(parts.models, parts.logs, parts.bus),
        EventRoutes(parts.bus, parts.logs, show),
        InFlightRoutes(parts.observer.inflight, show),
        ActivityRoutes(parts.activity, lambda: parts.models.config().metrics_max_in_memory),
        HistoryRoutes(parts.history),
        PerformanceRoutes(parts.monitor, parts.inventory),
        MetricsRoutes(parts.observer.metrics, parts.monitor, parts.models, parts.http, parts.catalogue.backends),
        *_recipe_routes(parts.recipes),
        BackendRoutes(parts.recipes.backends, parts.recipes.managed),
        DebugRoutes(parts.dispatcher),
        TimelineRoutes(parts.timeline),
        VersionRoutes(),
        SessionRoutes(parts.access),
        OpenApiRoutes(),
        UiRoutes(parts.models, sender.demand),
    )
    careful = [protect] if security_headers else []
    application.on_response_prepare.extend([*careful, allow_reader, stop_at_head])
    for group in groups:
        table.mount(group.routes())
    table.seal()
    return application


def _recipe_routes(parts: RecipeParts) -> list[RecipeRoutes | RecipePageRoutes]:
    """The routes of recipe files and of the models made of them."""
    recipes, managed = parts.recipes, parts.managed
    pages = RecipePageRoutes(recipes, managed, RecipeValues(recipes), RecipeWizard(recipes), parts.changed)
    return [RecipeRoutes(recipes, managed, parts.trials, parts.changed), pages]
