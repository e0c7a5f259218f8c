"""Both kinds of processes keep the contract: real ones on both event loops, and the fakes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import uvloop
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.testing.contracts import ProcessesContract, ProcessesWorld
from swaplab_core.testing.fakes import Behaviour, FakeHttp, FakeProcesses

BASE_URL = "http://127.0.0.1:5800"
PYTHON = (sys.executable, "-I", "-S", "-c")
PROGRAM = """
import json, os, resource, signal, sys, time

behaviour = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def end(status):
    if status["signal"]:
        if status["signal"] != signal.SIGKILL:
            signal.signal(status["signal"], signal.SIG_DFL)
        os.kill(os.getpid(), status["signal"])
    os._exit(status["code"])

def leave(*_):
    time.sleep(behaviour["leaves_after"])
    end(behaviour["left"])

signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour["leaves_after"] is None else leave)
for text in behaviour["says"]:
    os.write(1, text.encode())
time.sleep(3600 if behaviour["ends_after"] is None else behaviour["ends_after"])
end(behaviour["end"])
"""
"""Does with a real process what a `Behaviour` (as JSON) says, readiness apart."""


@define
class RealWorld:
    processes: LocalProcesses = field(factory=LocalProcesses)
    polite_command: tuple[str, ...] = (*PYTHON, "import os, sys; os.kill(int(sys.argv[1]), 15)", "${PID}")

    def spec(self, behaviour: Behaviour) -> LaunchSpec:
        if behaviour.refusal:
            return LaunchSpec(("no-such-program",), BASE_URL)
        text = json.dumps(attrs.asdict(behaviour), default=bytes.decode)
        return LaunchSpec((*PYTHON, PROGRAM, text), BASE_URL)


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
