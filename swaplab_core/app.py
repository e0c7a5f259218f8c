"""The composition root: every object of the program is built here, once, by hand. And the life of the server."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aiohttp import web
from attrs import define

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.files import read_sources
from swaplab_core.adapters.http import AiohttpHttp
from swaplab_core.adapters.listen import Address, BadAddress
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.adapters.programs import find_program
from swaplab_core.adapters.relay import Relay
from swaplab_core.config.load import Loaded, load
from swaplab_core.config.schema import BackendSchema, Config
from swaplab_core.engine import SwapEngine
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.launches import Launches
from swaplab_core.runtime.limits import engine_limits, eviction_policy
from swaplab_core.runtime.supervisor import Supervisor
from swaplab_core.server.application import DEFAULT_MAX_BODY_MIB, Parts, build_application
from swaplab_core.services.models import Models
from swaplab_core.services.routes import Routes

DRAIN_SECONDS = 30.0

_log = logging.getLogger(__name__)


def load_config(file: Path | None, folder: Path | None, catalogue: Catalogue) -> Loaded:
    """Read and check the configuration. Raises ConfigError when a file cannot be read."""
    schemas = {name: BackendSchema(b.options, b.needs_port) for name, b in catalogue.backends.items()}
    return load(read_sources(file, folder), environment=os.environ, backends=schemas)


@define(eq=False)
class Lab:
    """All parts of a running swaplab."""

    launches: Launches
    processes: LocalProcesses
    http: AiohttpHttp
    relay: Relay
    dispatcher: Dispatcher
    models: Models
    application: web.Application

    @classmethod
    def build(cls, config: Config, catalogue: Catalogue, *, max_body_mib: int = DEFAULT_MAX_BODY_MIB) -> Self:
        """Connect everything; nothing runs yet. Call inside the event loop that will serve."""
        clock, processes, http, relay = LoopClock(), LocalProcesses(), AiohttpHttp(), Relay()
        launches = Launches(config, catalogue, find_program)
        patience = config.routing.scheduler.settings.fifo.patience
        engine = SwapEngine.build(eviction_policy(config), engine_limits(config), patience)
        dispatcher = Dispatcher(engine, clock)
        supervisor = Supervisor(processes, http, clock, launches, dispatcher.tell)
        dispatcher.upstreams = supervisor
        models = Models(lambda: launches.config, dispatcher, supervisor)
        routes = Routes(models.phase)
        routes.use(config)
        application = build_application(Parts(models, routes, dispatcher, relay, catalogue), max_body_mib=max_body_mib)
        return cls(launches, processes, http, relay, dispatcher, models, application)

    async def serve(self, address: Address, on_listening: Callable[[Address], None]) -> None:
        """Serve until SIGINT or SIGTERM, then end in good order: a second signal cuts running streams short."""
        runner = web.AppRunner(self.application, handler_cancellation=True, access_log=None, shutdown_timeout=5.0)
        await runner.setup()
        stop = _Stop()
        try:
            on_listening(await _listen(runner, address))
            await stop.first.wait()
            _log.info("stopping: running streams may end, at most %g s (again: at once)", DRAIN_SECONDS)
            await self._close(runner, stop)
        finally:
            stop.restore()
            await runner.cleanup()
            await self.relay.close()
            await self.http.close()
            self.processes.close()

    async def _close(self, runner: web.AppRunner, stop: _Stop) -> None:
        for site in list(runner.sites):
            await site.stop()
        await self.dispatcher.close(DRAIN_SECONDS, stop.second)


class _Stop:
    """Two wishes to stop, as events: a polite one and an urgent one."""

    def __init__(self) -> None:
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._wish)

    def _wish(self) -> None:
        (self.second if self.first.is_set() else self.first).set()

    def restore(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)


async def _listen(runner: web.AppRunner, address: Address) -> Address:
    """Open the port and answer the address with its real number."""
    site = web.TCPSite(runner, address.host, address.port)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BadAddress(
                f"port {address.port} of {address.host} is taken by another program",
                advice="stop it, or choose another port with --listen",
            ) from None
        raise BadAddress(f"cannot listen on {address.host}:{address.port}: {error.strerror or error}") from None
    return Address(address.host, runner.addresses[0][1])
