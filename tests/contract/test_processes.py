"""Both kinds of processes keep the contract: real ones on both event loops, and the fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.testing.contracts import ProcessesContract, ProcessesWorld
from swaplab_core.testing.fakes import Behaviour, FakeHttp, FakeProcesses
from swaplab_core.testing.real_behaviour import BASE_URL, POLITE_COMMAND, real_spec


@define
class RealWorld:
    processes: LocalProcesses = field(factory=LocalProcesses)
    polite_command: tuple[str, ...] = POLITE_COMMAND

    def spec(self, behaviour: Behaviour) -> LaunchSpec:
        return real_spec(behaviour)


@define
class FakeWorld:
    processes: FakeProcesses
    polite_command: tuple[str, ...] = ("stop-it", "${PID}")

    def spec(self, behaviour: Behaviour) -> LaunchSpec:
        program = repr(behaviour)
        self.processes.script(program, behaviour)
        return LaunchSpec((program,), BASE_URL)


class TestLocalProcesses(ProcessesContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ProcessesWorld]:
        world = RealWorld()
        try:
            yield world
        finally:
            world.processes.close()


class TestLocalProcessesOnUvloop(TestLocalProcesses):
    loop_factory = uvloop.new_event_loop


class TestFakeProcesses(ProcessesContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ProcessesWorld]:
        clock = LoopClock()
        yield FakeWorld(FakeProcesses(clock, FakeHttp(clock)))


class TestFakeProcessesOnUvloop(TestFakeProcesses):
    loop_factory = uvloop.new_event_loop
