"""Opening the port: in a test's event loop, or for a process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from attrs import frozen

from swaplab_core.testing.sim.application import application
from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.options import SimOptions

BACKLOG = 1024


@frozen
class RunningSim:
    """An engine that listens."""

    engine: SimEngine
    base_url: str


@contextlib.asynccontextmanager
async def running_sim(options: SimOptions | None = None) -> AsyncIterator[RunningSim]:
    """Run an engine in this event loop inside the block, on a free port: `options.port` is ignored.

    Options that end the process, or print, need a real process.
    """
    engine = SimEngine(options or SimOptions())
    engine.begin_load()
    if engine.options.bind_late:
        await engine.loaded.wait()
    runner = await listen(engine, port=0)
    try:
        host, port = runner.addresses[0][:2]
        yield RunningSim(engine, f"http://{host}:{port}")
    finally:
        await runner.cleanup()


async def listen(engine: SimEngine, *, port: int) -> web.AppRunner:
    """Open the port. Raises OSError when that is not possible."""
    runner = web.AppRunner(application(engine), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, engine.options.host, port, backlog=BACKLOG).start()
    return runner
