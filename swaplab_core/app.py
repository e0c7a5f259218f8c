"""The composition root: every object of the program is built here, once, by hand. And the life of the server."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self
from zlib import crc32

from aiohttp import web
from attrs import define, field, frozen
from multidict import CIMultiDict

from swaplab_core.adapters.addresses import local_addresses
from swaplab_core.adapters.admin_token import NoTokenFolder, TokenFolder, new_token
from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.console import Console
from swaplab_core.adapters.executor_local import LocalExecutor
from swaplab_core.adapters.files import read_sources
from swaplab_core.adapters.gateway import LoopbackGateway
from swaplab_core.adapters.hardware import gpu_sources
from swaplab_core.adapters.hardware.detect import LocalHardware
from swaplab_core.adapters.hardware.system import PsutilProbe
from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.adapters.job_files import FolderJobFiles
from swaplab_core.adapters.last_resort import exit_after
from swaplab_core.adapters.listen import Address, BadAddress
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.adapters.programs import find_program
from swaplab_core.adapters.relay import Relay
from swaplab_core.adapters.revisions import RevisionFolder
from swaplab_core.adapters.state_folder import StateFolder, default_state_folder, state_home
from swaplab_core.adapters.store import SqlStore
from swaplab_core.adapters.store_place import check_store_place
from swaplab_core.adapters.tls import BadCertificate, TlsFiles
from swaplab_core.adapters.watch import FileWatcher
from swaplab_core.builtin.checkout_actions import CheckoutActions
from swaplab_core.config.diff import Difference
from swaplab_core.config.json_schema import json_schema
from swaplab_core.config.load import Loaded, Source, load
from swaplab_core.config.schema import BackendSchema, Config, StoreConfig, nothing
from swaplab_core.domain.activity import Retention
from swaplab_core.domain.events import ConfigChanged, ModelChanged, PluginsChanged
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import SwapEngine
from swaplab_core.engine.facts import Reconfigured
from swaplab_core.plugin.abilities import NeedsOptions, RefusesFields, RunsRecipes
from swaplab_core.plugin.catalogue import EXECUTORS, Catalogue
from swaplab_core.plugin.hooks import guarded
from swaplab_core.plugin.interface import Backend, Executor
from swaplab_core.plugin.lab import LabView
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.captures import CaptureCache
from swaplab_core.runtime.dispatcher import DRAIN_POLL_SECONDS, Dispatcher
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
from swaplab_core.runtime.scheduling import check_policy, engine_limits, eviction_policy
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.runtime.tasks import spawn
from swaplab_core.runtime.timeline import Timeline
from swaplab_core.server.access import Access
from swaplab_core.server.access_log import AccessLog, protocol_logger
from swaplab_core.server.api_session import login_path
from swaplab_core.server.application import DEFAULT_MAX_BODY_MIB, Parts, RecipeParts, build_application
from swaplab_core.server.express import FrontRunner, Lane
from swaplab_core.server.express.lane import MOST_BODY_BYTES
from swaplab_core.server.gate import OWN_HEADER
from swaplab_core.server.metrics import Metrics
from swaplab_core.server.observation import Observer
from swaplab_core.server.plugin_routes import mount_plugin_routes
from swaplab_core.server.waiting import KEEP_ALIVE_SECONDS
from swaplab_core.services.actions import Actions
from swaplab_core.services.activity import Activity
from swaplab_core.services.backend_jobs import PLUGIN as BACKEND_PAGES
from swaplab_core.services.backend_jobs import BackendJobs, BackendPages
from swaplab_core.services.backends import Backends
from swaplab_core.services.config_editor import ConfigEditor
from swaplab_core.services.managed_models import ManagedModels
from swaplab_core.services.models import Models
from swaplab_core.services.plugin_checks import check_plugins
from swaplab_core.services.plugin_lab import PluginLab
from swaplab_core.services.recipe_pages import RecipePages
from swaplab_core.services.recipe_paths import Surroundings
from swaplab_core.services.recipe_sync import RecipeSync
from swaplab_core.services.recipe_world import RecipeWorld
from swaplab_core.services.recipes import Recipes
from swaplab_core.services.routes import Routes

DRAIN_SECONDS = 30.0
PLUGIN_SECONDS = 10.0
LAST_RESORT_SECONDS = 15.0
"""So much longer than all its limits may stopping take."""

_log = logging.getLogger(__name__)


def _engine(config: Config, launches: Launches) -> SwapEngine:
    patience = config.routing.scheduler.settings.fifo.patience
    return SwapEngine.build(eviction_policy(config), engine_limits(config, launches.may_sleep), patience)


def _observer(launches: Launches, bus: Bus, clock: LoopClock, store: SqlStore, metrics: Metrics) -> Observer:
    captures = CaptureCache(launches.config.capture_buffer_mib * 2**20)
    recorder = Recorder(store, captures, bus.publish)
    inflight = InFlight(bus, clock)
    return Observer(lambda: launches.config, launches.usage_reader, inflight, recorder, captures, metrics)


def _token_folder(options: Options) -> TokenFolder:
    """The user's daemons share it, unless one was given a folder of its own."""
    return TokenFolder(options.state_folder or state_home())


def _access(config: Config, options: Options) -> Access:
    try:
        token = _token_folder(options).admin_token()
    except NoTokenFolder as error:
        _log.warning("%s; until then the admin token changes with every start", error)
        token = new_token()
    return Access.of(config, token, host=options.host, is_exposed=options.is_exposed, is_insecure=options.is_insecure)


def _as_administrator(access: Access) -> CIMultiDict[str]:
    """The headers by which the daemon's own requests are let through."""
    return CIMultiDict({"Authorization": f"Bearer {access.admin_token}", OWN_HEADER: "1"})


def retention(config: Config) -> Retention:
    """In memory a bounded number of rows is kept, in a database as much as the file says."""
    if config.store is None:
        return Retention(max_rows=max(1, config.metrics_max_in_memory))
    return Retention(config.store.max_rows or None, config.store.max_age_seconds or None)


def activity_store(config: Config) -> SqlStore:
    """The store that a configuration names; nothing is opened yet."""
    place = config.store or StoreConfig()
    return SqlStore(place.path, place.url, retention(config))


def backend_schemas(backends: Mapping[str, Backend]) -> dict[str, BackendSchema]:
    """What the loader must know of each installed backend."""
    return {name: _schema(backend) for name, backend in backends.items()}


def _file_schema(catalogue: Catalogue) -> dict[str, Any]:
    return json_schema(backend_schemas(catalogue.backends), catalogue.hooks.config_section())


def _schema(backend: Backend) -> BackendSchema:
    return BackendSchema(
        backend.options,
        backend.needs_port,
        runs_recipes=isinstance(backend, RunsRecipes),
        drop_fields=backend.refused_fields if isinstance(backend, RefusesFields) else (),
        needed=backend.needed if isinstance(backend, NeedsOptions) else nothing,
    )


@frozen
class ConfigFiles:
    """The files of a configuration, and what is needed to check them."""

    file: Path | None
    folder: Path | None
    catalogue: Catalogue

    def read(self) -> Sequence[Source]:
        """Read them. Raises ConfigError when one cannot be read."""
        return read_sources(self.file, self.folder)

    def load(self, sources: Sequence[Source], keep_ports: Mapping[ModelId, int] | None = None) -> Loaded:
        """Check them, eviction policy and what plugins know included; `keep_ports` are the ports that models have."""
        loaded = load(
            sources,
            environment=os.environ,
            backends=backend_schemas(self.catalogue.backends),
            sections=self.catalogue.hooks.config_section(),
            keep_ports=keep_ports or {},
        )
        return check_plugins(check_store_place(check_policy(loaded)), self.catalogue.hooks)


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


def _recipe_parts(
    files: ConfigFiles, launches: Launches, nodes: Nodes, state: StateFolder, view: PluginLab
) -> RecipeParts:
    """Connect what has to do with recipes; its hooks stand beside those of plugins."""
    folder = files.file.resolve().parent if files.file is not None else files.folder

    def here() -> Surroundings:
        recipes = launches.config.recipes
        return Surroundings(os.environ, Path.home(), Path.cwd(), folder, recipes.backends, recipes.folders)

    world = RecipeWorld(files.catalogue.backends, files.catalogue.parsers, here)
    backends = Backends(world, view, state.path / "images.json", [CheckoutActions()])
    world.more = backends.named
    runs = state.below("runs")
    recipes = Recipes(world, find_program, nodes.all, local_addresses, runs)
    jobs = BackendJobs(backends)
    files.catalogue.hooks.register(BACKEND_PAGES, BackendPages(jobs))
    managed = ManagedModels(world, view.config)
    files.catalogue.hooks.register("recipes", RecipePages(recipes, managed))
    return RecipeParts(recipes, managed, jobs, RecipeSync(view, lambda: folder).changed)


@define(eq=False)
class _Ears:
    """Passes on what becomes of upstreams."""

    logs: LogBook
    metrics: Metrics

    def printed(self, model: ModelId, chunk: bytes) -> None:
        self.logs.heard(model, chunk)

    def loaded(self, model: ModelId, seconds: float) -> None:
        self.metrics.load_done(model, seconds)

    def failed(self, model: ModelId, *, was_ready: bool) -> None:
        if was_ready:
            self.metrics.restarted(model)
        else:
            self.metrics.start_failed(model)


@frozen
class Options:
    """How to serve.

    `replace_at_once`: a changed model is replaced without waiting for its streams to end. `keep_alive_seconds`: how
    long a client that waits for a stream may hear nothing. `state_folder` is for what survives a restart; None means
    places that follow from the user and the configuration. `host` is what it listens on, `is_exposed`: other machines
    can reach that, `is_insecure`: they may use it without a key. `drain_seconds`: how long running requests may go on
    when the daemon is asked to stop.
    """

    max_body_mib: int = DEFAULT_MAX_BODY_MIB
    watch: bool = False
    replace_at_once: bool = False
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    state_folder: Path | None = None
    host: str = ""
    is_exposed: bool = False
    is_insecure: bool = False
    tls: TlsFiles | None = None
    drain_seconds: float = DRAIN_SECONDS


@define(eq=False)
class Lab:
    """A running swaplab: what the handlers call (`parts`), and what must be reloaded and closed."""

    options: Options
    parts: Parts
    launches: Launches
    processes: LocalProcesses
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
    def build(cls, files: ConfigFiles, sources: Sequence[Source], config: Config, options: Options) -> Self:
        """Connect everything; nothing runs yet. Call inside the event loop that will serve.

        `sources` is what `files` hold, `config` what came of it.
        """
        clock, processes, http = LoopClock(), LocalProcesses(), AiohttpHttp()
        bus, console, metrics = Bus(time.time_ns() // 1000), Console(), Metrics()
        logs = LogBook(bus, console.write, PRINTED[config.log_to_stdout])
        proxy_log = ProxyLog(logs)
        proxy_log.install(config)
        access = _access(config, options)
        nodes = Nodes({"local": LocalExecutor(processes)})
        state = StateFolder(options.state_folder or default_state_folder(files.file or files.folder))
        job_files, gateway = FolderJobFiles(state.path / "jobs"), LoopbackGateway(access.own_headers)
        placer = Placer(nodes, files.catalogue.hooks)
        launches = Launches(config, files.catalogue, find_program, placer)
        timeline = Timeline()

        def announce(model: ModelId) -> None:
            timeline.note(dispatcher, model)
            bus.publish(ModelChanged(model))

        dispatcher = Dispatcher(_engine(config, launches), clock, announce)
        supervisor = Supervisor(nodes, http, clock, launches, dispatcher.tell, _Ears(logs, metrics), nodes)
        dispatcher.upstreams = supervisor
        models = Models(lambda: launches.config, dispatcher, supervisor)
        routes = Routes(models.phase)
        routes.use(config)
        monitor = PerformanceMonitor(PsutilProbe(), gpu_sources(processes, clock), clock)
        monitor.use(config.performance)
        jobs = Jobs(nodes, job_files, clock, partial(_leased, dispatcher), bus.publish)

        def apply(config: Config, difference: Difference) -> None:
            lab.apply(config, difference)

        reloader = Reloader(files.read, files.load, apply, config, sources, clock)
        editor = ConfigEditor(files.file, reloader, RevisionFolder(state.path / "config-history"))
        gateway.identity = partial(_as_administrator, access)
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
        )
        placer.view = lambda: view
        files.catalogue.on_change = lambda: bus.publish(PluginsChanged())
        nodes.others = lambda: files.catalogue.hooks.nodes(view)
        nodes.executors = _executors(files.catalogue, view, nodes.executors)
        recipes = _recipe_parts(files, launches, nodes, state, view)
        launches.recipe_of = recipes.recipes.launch_of
        launches.instance = f"{crc32(str(state.path).encode()):08x}"
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
            monitor=monitor,
            inventory=HardwareInventory(LocalHardware(processes)),
            http=http,
            access=access,
            jobs=jobs,
            actions=Actions(files.catalogue.hooks, view, jobs),
            view=view,
            editor=editor,
            timeline=timeline,
            schema=partial(_file_schema, files.catalogue),
            recipes=recipes,
        )
        application = build_application(
            parts, max_body_mib=options.max_body_mib, keep_alive_seconds=options.keep_alive_seconds
        )
        lab = cls(
            options, parts, launches, processes, supervisor, store, console, proxy_log, application, reloader, gateway,
            state, job_files, view,
        )  # fmt: skip
        lab.watcher = FileWatcher(files.file, files.folder, clock) if options.watch else None
        mount_plugin_routes(application, files.catalogue, gateway, view)
        return lab

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
        if not self.store.is_at_place_of(activity_store(config)):
            _log.warning("store: the activity stays where it is until swaplab is started again")
        self.parts.observer.captures.resize(config.capture_buffer_mib * 2**20)
        self.parts.bus.publish(ConfigChanged(self.reloader.revision))
        spawn(self.parts.editor.refresh(), name="document of the configuration")
        fresh = changed | difference.added
        self._preload(model for model in config.hooks.on_startup.preload if model in fresh)

    def _preload(self, models: Iterable[ModelId]) -> asyncio.Task[None]:
        return spawn(self.parts.models.preload(list(models), self.parts.bus.publish), name="preload")

    async def serve(self, address: Address, on_listening: Callable[[Address], None]) -> None:
        """Serve until SIGINT or SIGTERM, then end in good order: a second signal cuts running streams short."""
        runner = FrontRunner(
            self.application,
            self._lane(),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=5.0,
            logger=protocol_logger(),
        )
        await runner.setup()
        tls = self.options.tls.context() if self.options.tls else None
        stop = _Stop(partial(self._reload_on_signal, tls))
        with ExitStack() as ended:
            try:
                listening = await _listen(runner, address, tls)
                background = await self.begin(listening.url)
                with _token_folder(self.options).serving(listening.url):
                    on_listening(listening)
                    self._tell_exposure(listening)
                    await stop.first.wait()
                _log.info(
                    "stopping: running streams may end, at most %g s (again: at once)", self.options.drain_seconds
                )
                ended.callback(
                    exit_after(self.options.drain_seconds + self._longest_stop() + LAST_RESORT_SECONDS).cancel
                )
                for task in background:
                    task.cancel()
                await self._close(runner, stop)
            finally:
                stop.restore()
                await self.release(runner)

    async def begin(self, url: str) -> list[asyncio.Task[None]]:
        """Take up what another run has left, tell the plugins, and answer what now runs in the background."""
        await self.parts.editor.refresh()
        await self.parts.jobs.open(self.parts.actions.plan_again)
        self.gateway.use(url)
        await self._tell_plugins("start", self.parts.catalogue.hooks.startup(self.view))
        return self._background()

    async def release(self, runner: web.AppRunner) -> None:
        """Give everything back, in the order in which things need each other."""
        await self.parts.jobs.close()
        await runner.cleanup()
        await self._tell_plugins("end", self.parts.catalogue.hooks.shutdown(self.view))
        await self.view.close()
        self.job_files.close()
        self.state.close()
        await self.parts.observer.recorder.close()
        await self.store.close()
        await self.gateway.close()
        await self.parts.relay.close()
        await self.parts.http.close()
        self.processes.close()
        self.proxy_log.flush()
        self.console.close()

    def _lane(self) -> Lane:
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

    def _reload_on_signal(self, tls: ssl.SSLContext | None) -> None:
        _log.info("SIGHUP: looking at the configuration files")
        self.reloader.request()
        if tls is not None and self.options.tls is not None:
            try:
                self.options.tls.load_into(tls)
            except BadCertificate as error:
                _log.error("%s; the certificate in use stays", error)
            else:
                _log.info("the certificate was read again")

    def _tell_exposure(self, address: Address) -> None:
        if self.options.is_exposed:
            asks = self.parts.access.rules.keyring.asks
            _log.info("other machines can reach %s, %s", address.url, "with a key" if asks else "and need no key")

    def _longest_stop(self) -> float:
        config = self.launches.config
        return max((model.unload_timeout_seconds for model in config.models.values()), default=0.0)

    async def _close(self, runner: web.AppRunner, stop: _Stop) -> None:
        for site in list(runner.sites):
            await site.stop()
        await self.parts.jobs.close()
        self.parts.bus.close()
        deadline = stop.loop.time() + self.options.drain_seconds
        await self.parts.dispatcher.close(self.options.drain_seconds, stop.second)
        inflight = self.parts.observer.inflight
        while inflight.all() and stop.loop.time() < deadline and not stop.second.is_set():  # noqa: ASYNC110 - three ends
            await asyncio.sleep(DRAIN_POLL_SECONDS)  # what is left is a peer's: nobody's lease
        for request in inflight.all():
            inflight.cancel(request.id)


class _Stop:
    """Two wishes to stop, as events: a polite one and an urgent one. And the wish to reload, a call."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self.loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self._wish)
        self.loop.add_signal_handler(signal.SIGHUP, reload)

    def _wish(self) -> None:
        (self.second if self.first.is_set() else self.first).set()

    def restore(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.loop.remove_signal_handler(number)


async def _listen(runner: web.AppRunner, address: Address, tls: ssl.SSLContext | None) -> Address:
    """Open the port and answer the address with its real number."""
    site = web.TCPSite(runner, address.host, address.port, ssl_context=tls)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BadAddress(
                f"port {address.port} of {address.host} is taken by another program",
                advice="stop it, or choose another port with --listen",
            ) from None
        raise BadAddress(f"cannot listen on {address.host}:{address.port}: {error.strerror or error}") from None
    return Address(address.host, runner.addresses[0][1], has_tls=tls is not None)
