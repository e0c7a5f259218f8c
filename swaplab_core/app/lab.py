"""Every object of the program, built here once, by hand."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self
from zlib import crc32

from aiohttp import web
from attrs import define, field

from swaplab_core.adapters.addresses import local_addresses
from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.console import Console
from swaplab_core.adapters.executor_local import LocalExecutor
from swaplab_core.adapters.gateway import LoopbackGateway
from swaplab_core.adapters.hardware import gpu_sources
from swaplab_core.adapters.hardware.detect import LocalHardware
from swaplab_core.adapters.hardware.system import PsutilProbe
from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.adapters.job_files import FolderJobFiles
from swaplab_core.adapters.open_files import raise_open_files
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.adapters.programs import find_program
from swaplab_core.adapters.relay import Relay
from swaplab_core.adapters.revisions import RevisionFolder
from swaplab_core.adapters.state_folder import StateFolder
from swaplab_core.adapters.store import SqlStore
from swaplab_core.adapters.watch import FileWatcher
from swaplab_core.app.access import access_of, as_administrator
from swaplab_core.app.files import ConfigFiles, file_schema
from swaplab_core.app.memory import memory_parts
from swaplab_core.app.options import Options
from swaplab_core.app.recipes import recipe_parts
from swaplab_core.app.store import activity_store, retention
from swaplab_core.config.diff import Difference, touched
from swaplab_core.config.load import Source
from swaplab_core.config.schema import Config
from swaplab_core.domain.events import ConfigChanged, ModelChanged, ModelUsed, PluginsChanged
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import SwapEngine
from swaplab_core.engine.facts import Reconfigured
from swaplab_core.plugin.catalogue import EXECUTORS, Catalogue
from swaplab_core.plugin.hooks import guarded
from swaplab_core.plugin.interface import Executor
from swaplab_core.plugin.lab import LabView
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.captures import CaptureCache
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.inflight import InFlight
from swaplab_core.runtime.jobs import Jobs
from swaplab_core.runtime.launches import Launches
from swaplab_core.runtime.logbook import PRINTED, LogBook
from swaplab_core.runtime.nodes import Nodes
from swaplab_core.runtime.performance import PerformanceMonitor
from swaplab_core.runtime.placement import Placer
from swaplab_core.runtime.proxy_log import ProxyLog
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.runtime.reload import Reloader
from swaplab_core.runtime.scheduling import engine_limits, eviction_policy
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.runtime.tasks import spawn
from swaplab_core.runtime.timeline import Timeline
from swaplab_core.server.api.session import login_path
from swaplab_core.server.application import Parts, build_application
from swaplab_core.server.express import Lane
from swaplab_core.server.express.lane import MOST_BODY_BYTES
from swaplab_core.server.inference.access_log import AccessLog
from swaplab_core.server.inference.observation import Observer
from swaplab_core.server.metrics.counters import Metrics
from swaplab_core.server.plugins.routes import mount_plugin_routes
from swaplab_core.services.configuration.editor import ConfigEditor
from swaplab_core.services.configuration.preview import ConfigPreview
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.request_router import RequestRouter
from swaplab_core.services.plugins.actions import Actions
from swaplab_core.services.plugins.lab import PluginLab
from swaplab_core.services.requests.activity import Activity
from swaplab_core.services.requests.history import History

PLUGIN_SECONDS = 10.0

_log = logging.getLogger(__name__)


def _engine(config: Config, launches: Launches) -> SwapEngine:
    patience = config.routing.scheduler.settings.fifo.patience
    return SwapEngine.build(eviction_policy(config), engine_limits(config, launches.may_sleep), patience)


def _observer(launches: Launches, bus: Bus, clock: LoopClock, store: SqlStore, metrics: Metrics) -> Observer:
    captures = CaptureCache(launches.config.capture_buffer_mib * 2**20)
    recorder = Recorder(store, captures, bus.publish)
    inflight = InFlight(bus, clock)
    return Observer(lambda: launches.config, launches.usage_reader, inflight, recorder, captures, metrics)


@asynccontextmanager
async def _leased(dispatcher: Dispatcher, model: ModelId) -> AsyncIterator[str]:
    """A model loaded and kept, for jobs."""
    async with dispatcher.lease(model) as lease:
        yield lease.base_url


def _executors(catalogue: Catalogue, view: LabView, own: Mapping[str, Executor]) -> dict[str, Executor]:
    """Make the executors of plugins; one that cannot be made is put on its record."""
    executors = dict(own)
    for name, kind in catalogue.executors.items():
        made = guarded(partial(kind, view))
        if isinstance(made, Exception):
            catalogue.degrade(EXECUTORS, name, made)
        else:
            executors[name] = made
    return executors


@define(eq=False)
class _UpstreamListener:
    """Passes on what becomes of upstreams."""

    logs: LogBook
    metrics: Metrics
    bus: Bus

    def printed(self, model: ModelId, chunk: bytes) -> None:
        self.logs.heard(model, chunk)

    def progressed(self, model: ModelId) -> None:
        self.bus.publish(ModelChanged(model))

    def loaded(self, model: ModelId, seconds: float) -> None:
        self.metrics.load_done(model, seconds)

    def failed(self, model: ModelId, *, was_ready: bool) -> None:
        if was_ready:
            self.metrics.restarted(model)
        else:
            self.metrics.start_failed(model)


@define(eq=False)
class Lab:
    """A running swaplab: what the handlers call (`parts`), and what must be reloaded and closed."""

    options: Options
    parts: Parts
    launches: Launches
    processes: LocalProcesses
    http: AiohttpHttp
    supervisor: Supervisor
    store: SqlStore
    console: Console
    proxy_log: ProxyLog
    application: web.Application
    reloader: Reloader
    gateway: LoopbackGateway
    state: StateFolder
    job_files: FolderJobFiles
    view: PluginLab
    watcher: FileWatcher | None = field(init=False)

    @classmethod
    def build(
        cls, files: ConfigFiles, sources: Sequence[Source], config: Config, options: Options, state: StateFolder
    ) -> Self:
        """Connect everything; nothing runs yet. Call inside the event loop that will serve.

        `sources` is what `files` hold, `config` what came of it; `state` is this daemon's from now on.
        """
        clock, processes, http = LoopClock(), LocalProcesses(open_files=raise_open_files()), AiohttpHttp()
        bus, console, metrics = Bus(time.time_ns() // 1000), Console(), Metrics()
        logs = LogBook(bus, console.write, PRINTED[config.log_to_stdout])
        proxy_log = ProxyLog(logs)
        proxy_log.install(config)
        access = access_of(config, options)
        nodes = Nodes({"local": LocalExecutor(processes)}, own=local_addresses)
        job_files, gateway = FolderJobFiles(state.path / "jobs"), LoopbackGateway(access.own_headers)
        placer = Placer(nodes, files.catalogue.hooks)
        launches = Launches(config, files.catalogue, find_program, placer)
        timeline = Timeline()

        def announce(model: ModelId) -> None:
            timeline.note(dispatcher, model)
            memory.book.changed(model, models.phase_now(model))
            bus.publish(ModelChanged(model))

        dispatcher = Dispatcher(_engine(config, launches), clock, announce, lambda model: bus.publish(ModelUsed(model)))
        supervisor = Supervisor(
            nodes, http, clock, launches, dispatcher.tell, _UpstreamListener(logs, metrics, bus), nodes
        )
        dispatcher.upstreams = supervisor
        models = Models(lambda: launches.config, dispatcher, supervisor)
        routes = RequestRouter(models.phase)
        routes.use(config)
        monitor = PerformanceMonitor(PsutilProbe(), gpu_sources(processes, clock), clock, config.performance)
        memory = memory_parts(state.path / "memory.json", monitor, models, launches)
        jobs = Jobs(nodes, job_files, clock, partial(_leased, dispatcher), bus.publish)

        def apply(config: Config, difference: Difference) -> None:
            lab.apply(config, difference)

        reloader = Reloader(files.read, files.load, apply, config, sources, clock)
        editor = ConfigEditor(files.file, reloader, RevisionFolder(state.path / "config-history"))
        gateway.identity = partial(as_administrator, access)
        launches.instance = f"{crc32(str(state.path).encode()):08x}"
        view = PluginLab(
            gateway.as_daemon(),
            lambda: gateway.url,
            access.program_key,
            editor,
            lambda: launches.config,
            state,
            nodes,
            jobs,
            bus,
            dispatcher,
            launches.instance,
        )
        placer.view = lambda: view
        files.catalogue.on_change = lambda: bus.publish(PluginsChanged())
        nodes.others = lambda: files.catalogue.hooks.nodes(view)
        nodes.executors = _executors(files.catalogue, view, nodes.executors)
        recipes = recipe_parts(files, launches, nodes, state, view)
        store = activity_store(config)
        observer = _observer(launches, bus, clock, store, metrics)
        parts = Parts(
            models=models,
            routes=routes,
            dispatcher=dispatcher,
            relay=Relay(),
            catalogue=files.catalogue,
            bus=bus,
            logs=logs,
            observer=observer,
            activity=Activity(store, observer.recorder, observer.captures),
            history=History(store, observer.recorder, observer.captures, bus.publish),
            monitor=monitor,
            inventory=HardwareInventory(LocalHardware(processes)),
            http=http,
            access=access,
            jobs=jobs,
            actions=Actions(files.catalogue.hooks, view, jobs),
            view=view,
            editor=editor,
            preview=ConfigPreview(editor, launches, lambda: os.environ),
            timeline=timeline,
            schema=partial(file_schema, files.catalogue),
            recipes=recipes,
            memory=memory,
        )
        application = build_application(
            parts,
            max_body_mib=options.max_body_mib,
            keep_alive_seconds=options.keep_alive_seconds,
            rate_limit=options.rate_limit,
            security_headers=options.security_headers,
        )
        lab = cls(
            options, parts, launches, processes, http, supervisor, store, console, proxy_log, application, reloader,
            gateway, state, job_files, view,
        )  # fmt: skip
        lab.watcher = FileWatcher(files.file, files.folder, clock) if options.watch else None
        mount_plugin_routes(application, files.catalogue, gateway, view)
        return lab

    @property
    def longest_stop(self) -> float:
        """How long a model may take to stop, in seconds."""
        config = self.launches.config
        return max((model.unload_timeout_seconds for model in config.models.values()), default=0.0)

    def login_path(self) -> str:
        """The path of a link that makes a browser the administrator's, once."""
        return login_path(self.parts.access.links.make())

    def apply(self, config: Config, difference: Difference) -> None:
        """Put a checked configuration in force: new requests follow it at once, running ones are not touched."""
        self.launches.use(config)
        self.parts.routes.use(config)
        self.parts.access.use(config)
        changed = difference.changed
        self.supervisor.outdate(changed | difference.removed)
        self.supervisor.retune({name: config.models[name].unload_timeout_seconds for name in difference.retuned})
        self.parts.dispatcher.tell(
            Reconfigured(
                engine_limits(config, self.launches.may_sleep),
                eviction_policy(config),
                changed,
                patience=config.routing.scheduler.settings.fifo.patience,
                at_once=self.options.replace_at_once,
            )
        )
        self.parts.observer.metrics.forget(difference.removed)
        self.proxy_log.use(config)
        self.parts.monitor.use(config.performance)
        self.store.retention = retention(config)
        if "disabled_plugins" in difference.sections:
            _log.warning("plugins: what is switched on or off is so when swaplab is started again")
        if not self.store.is_at_place_of(activity_store(config)):
            _log.warning("store: the activity stays where it is until swaplab is started again")
        self.parts.observer.captures.resize(config.capture_buffer_mib * 2**20)
        for model in touched(config, difference):
            self.parts.bus.publish(ModelChanged(model))
        self.parts.bus.publish(ConfigChanged(self.reloader.revision))
        spawn(self.parts.editor.refresh(), name="document of the configuration")
        fresh = changed | difference.added
        self._preload(model for model in config.hooks.on_startup.preload if model in fresh)

    def _preload(self, models: Iterable[ModelId]) -> asyncio.Task[None]:
        return spawn(self.parts.models.preload(list(models), self.parts.bus.publish), name="preload")

    async def begin(self, url: str) -> list[asyncio.Task[None]]:
        """Take up what another run has left, tell the plugins, and answer what now runs in the background."""
        await self.parts.editor.refresh()
        self.gateway.use(url)  # those who plan a waiting job again ask it
        await self.parts.jobs.open(self.parts.actions.plan_again)
        await self._tell_plugins("start", self.parts.catalogue.hooks.startup(self.view))
        return self._background()

    async def release(self, runner: web.AppRunner) -> None:
        """Give everything back, in the order in which things need each other."""
        await self.parts.jobs.close()
        await runner.cleanup()
        await self._tell_plugins("end", self.parts.catalogue.hooks.shutdown(self.view))
        await self.view.close()
        self.job_files.close()
        await self.parts.observer.recorder.close()
        await self.store.close()
        await self.gateway.close()
        await self.parts.relay.close()
        await self.http.close()
        self.processes.close()
        self.proxy_log.flush()
        self.console.close()
        self.state.close()

    def express_lane(self) -> Lane:
        """What passes plain requests without the server of aiohttp."""
        parts = self.parts
        return Lane(
            parts.routes,
            parts.dispatcher,
            parts.relay,
            parts.observer,
            AccessLog(self.proxy_log),
            lambda: parts.access.rules,
            min(MOST_BODY_BYTES, self.options.max_body_mib * 2**20),
        )

    def _background(self) -> list[asyncio.Task[None]]:
        tasks = []
        if self.watcher is not None:
            tasks.append(spawn(self.watcher.run(self.reloader.request), name="watch"))
            self.reloader.request()  # somebody may have edited the files since they were read
        return [
            *tasks,
            spawn(self.reloader.run(), name="reload"),
            spawn(self.view.pass_on_events(self.parts.catalogue.hooks), name="events for plugins"),
            spawn(self.parts.monitor.run(), name="performance"),
            spawn(self.parts.observer.recorder.run(), name="activity"),
            self._preload(self.launches.config.hooks.on_startup.preload),
        ]

    async def _tell_plugins(self, what: str, hook: Coroutine[None, None, None]) -> None:
        try:
            async with asyncio.timeout(PLUGIN_SECONDS):
                await hook
        except TimeoutError:
            _log.warning("a plugin took more than %g s to %s, and was left behind", PLUGIN_SECONDS, what)
