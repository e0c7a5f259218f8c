"""The simulated engine itself: one object that knows whether it is loaded and awake, and what it has done so far.

HTTP is next door: `application` has the routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define, evolve, field

from swaplab_core.testing.sim.loading import load_plan, ready_text
from swaplab_core.testing.sim.meter import Meter
from swaplab_core.testing.sim.options import SimOptions
from swaplab_core.testing.sim.request_log import RequestLog
from swaplab_core.testing.sim.residency import Residency

FORGOTTEN = "I forgot everything in my sleep, even who I am."


def _print_nothing(data: bytes) -> None:
    """In a test's own process the log has no reader."""


def _stay(code: int) -> None:
    raise RuntimeError(
        f"the simulated engine was told to end its process with code {code}, but it runs inside another program"
        " (run it as a process: the swaplab_sim fixture)"
    )


@define
class SimEngine:
    """One engine. `write` prints, `leave` ends the process at once with an exit code."""

    options: SimOptions = field(factory=SimOptions)
    write: Callable[[bytes], None] = _print_nothing
    leave: Callable[[int], None] = _stay
    requests: RequestLog = field(factory=RequestLog, init=False)
    loaded: asyncio.Event = field(factory=asyncio.Event, init=False)
    meter: Meter = field(init=False)
    residency: Residency = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.meter = Meter(self.options.slots)
        self.residency = Residency(self.options)

    @property
    def speech(self) -> SimOptions:
        """What it says now: who has forgotten everything in its sleep says so."""
        return evolve(self.options, say=FORGOTTEN) if self.residency.has_forgotten else self.options

    def print(self, text: str) -> None:
        """Print a line, or a part of one."""
        self.write(text.encode())

    def begin_load(self) -> None:
        """Schedule the load's lines and its end, and return. Needs a running event loop."""
        loop = asyncio.get_running_loop()
        self.residency.allocate()
        for moment in load_plan(self.options.load_style, self.options.stages):
            loop.call_later(moment.at_seconds, self.print, moment.text)
        if not self.options.never_ready:
            loop.call_later(sum(stage.seconds for stage in self.options.stages), self._end_load)

    def _end_load(self) -> None:
        if self.options.die_at_start is not None:
            self.print(f"swaplab-sim: error: cannot load the model, exiting with code {self.options.die_at_start}\n")
            self.leave(self.options.die_at_start)
        else:
            self.print(ready_text(self.options.load_style))
            self.loaded.set()
