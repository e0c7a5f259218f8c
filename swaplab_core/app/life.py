"""The life of a server: it listens, serves, and ends in good order."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from aiohttp import web

from swaplab_core.adapters.last_resort import exit_after
from swaplab_core.adapters.listen import Address, BadAddress
from swaplab_core.adapters.tls import BadCertificate
from swaplab_core.app.access import token_folder
from swaplab_core.app.lab import Lab
from swaplab_core.runtime.dispatcher import DRAIN_POLL_SECONDS
from swaplab_core.runtime.interpreter import settle_interpreter
from swaplab_core.server.express import FrontRunner
from swaplab_core.server.inference.access_log import protocol_logger

LAST_RESORT_SECONDS = 15.0
"""So much longer than all its limits may stopping take."""

BACKLOG = 4096
"""So many connections may wait to be accepted; the system may know a lower bound. Beyond it clients lose a second."""

_log = logging.getLogger(__name__)


async def serve(lab: Lab, address: Address, on_listening: Callable[[Address], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end in good order: a second signal cuts running streams short."""
    runner = _runner(lab)
    await runner.setup()
    tls = lab.options.tls.context() if lab.options.tls else None
    stop = _Stop(lab.state.tell_stopping, partial(_reload_on_signal, lab, tls))
    with ExitStack() as ended:
        try:
            listening = await _listen(runner, address, tls)
            background = await lab.begin(listening.url)
            settle_interpreter()
            with token_folder(lab.options).serving(listening.url):
                on_listening(listening)
                _tell_exposure(lab, listening)
                await stop.first.wait()
            _log.info("stopping: running streams may end, at most %g s (again: at once)", lab.options.drain_seconds)
            ended.callback(exit_after(lab.options.drain_seconds + lab.longest_stop + LAST_RESORT_SECONDS).cancel)
            for task in background:
                task.cancel()
            await _close(lab, runner, stop)
        finally:
            stop.restore()
            await lab.release(runner)


def _runner(lab: Lab) -> web.AppRunner:
    """Where requests are counted, all take the long way: the express lane lets pass what was let in before."""
    options: dict[str, Any] = {"handler_cancellation": True, "access_log": None, "shutdown_timeout": 5.0}
    options["logger"] = protocol_logger()
    if lab.options.rate_limit is not None:
        return web.AppRunner(lab.application, **options)
    return FrontRunner(lab.application, lab.express_lane(), **options)


def _reload_on_signal(lab: Lab, tls: ssl.SSLContext | None) -> None:
    _log.info("SIGHUP: looking at the configuration files")
    lab.reloader.request()
    if tls is not None and lab.options.tls is not None:
        try:
            lab.options.tls.load_into(tls)
        except BadCertificate as error:
            _log.error("%s; the certificate in use stays", error)
        else:
            _log.info("the certificate was read again")


def _tell_exposure(lab: Lab, address: Address) -> None:
    if lab.options.is_exposed:
        asks = lab.parts.access.rules.keyring.asks
        _log.info("other machines can reach %s, %s", address.url, "with a key" if asks else "and need no key")


async def _close(lab: Lab, runner: web.AppRunner, stop: _Stop) -> None:
    for site in list(runner.sites):
        await site.stop()
    await lab.parts.jobs.close()
    lab.parts.bus.close()
    deadline = stop.loop.time() + lab.options.drain_seconds
    await lab.parts.dispatcher.close(lab.options.drain_seconds, stop.second)
    inflight = lab.parts.observer.inflight
    while inflight.all() and stop.loop.time() < deadline and not stop.second.is_set():  # noqa: ASYNC110 - three ends
        await asyncio.sleep(DRAIN_POLL_SECONDS)  # what is left is a peer's: nobody's lease
    for request in inflight.all():
        inflight.cancel(request.id)


class _Stop:
    """Signals that ask to stop, as events: the first politely, the second at once. SIGHUP asks to reload: a call."""

    def __init__(self, tell_stopping: Callable[[], None], reload: Callable[[], None]) -> None:
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self._tell_stopping = tell_stopping
        self.loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self._asked)
        self.loop.add_signal_handler(signal.SIGHUP, reload)

    def _asked(self) -> None:
        self._tell_stopping()
        (self.second if self.first.is_set() else self.first).set()

    def restore(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.loop.remove_signal_handler(number)


async def _listen(runner: web.AppRunner, address: Address, tls: ssl.SSLContext | None) -> Address:
    """Open the port and answer the address with its real number."""
    site = web.TCPSite(runner, address.host, address.port, ssl_context=tls, backlog=BACKLOG)
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
