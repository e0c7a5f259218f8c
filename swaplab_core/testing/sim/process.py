"""The simulated engine as a process: signals, log, grandchild, the order of loading and listening, the way out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess  # noqa: TID251 - the grandchild is the point
import sys

from attrs import define

from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.options import SimOptions
from swaplab_core.testing.sim.output import Output
from swaplab_core.testing.sim.running import listen

GRANDCHILD_LIVES_SECONDS = 600


async def serve(options: SimOptions) -> None:
    """Be an engine until a signal ends the process. Raises OSError when the port cannot be had."""
    output = Output(sys.stdout.fileno(), 0 if options.silent else options.log_bytes)
    output.start()
    departure = Departure(options, output)
    departure.obey_signals()
    engine = SimEngine(options, _ignored if options.silent else output.write, departure.leave)
    if options.fork_grandchild:
        engine.print(f"swaplab-sim: grandchild pid {start_grandchild()}\n")
    engine.begin_load()
    if options.bind_late:
        await engine.loaded.wait()
    runner = await listen(engine, port=options.port)
    host, port = runner.addresses[0][:2]
    engine.print(f"swaplab-sim: listening on http://{host}:{port}\n")
    await asyncio.Event().wait()


@define
class Departure:
    """How the process ends: at once, with open streams cut. A person's second SIGINT always ends it."""

    options: SimOptions
    output: Output
    interrupts: int = 0

    def leave(self, code: int) -> None:
        """End the process; does not return."""
        self.output.close()
        os._exit(code)

    def obey_signals(self) -> None:
        """Take over SIGTERM and SIGINT. Needs a running event loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        if self.options.ignore_term:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a grandchild inherits this
        else:
            loop.add_signal_handler(signal.SIGTERM, self._terminated)

    def _terminated(self) -> None:
        if self.options.term_seconds and not self.options.silent:
            self.output.write(b"swaplab-sim: SIGTERM, leaving in %g s\n" % self.options.term_seconds)
        asyncio.get_running_loop().call_later(self.options.term_seconds, self.leave, 0)

    def _interrupted(self) -> None:
        self.interrupts += 1
        if self.options.ignore_first_interrupt and self.interrupts == 1:
            self.output.write(b"swaplab-sim: SIGINT ignored, once\n")
        else:
            self.leave(0)


def start_grandchild() -> int:
    """Start a process in our group that holds our output open and outlives us; answer its pid."""
    return subprocess.Popen(["sleep", str(GRANDCHILD_LIVES_SECONDS)]).pid  # noqa: S603, S607 - fixed words


def _ignored(data: bytes) -> None:
    """Print nothing."""
