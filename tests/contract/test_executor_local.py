"""The executor of this machine keeps the contract of executors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from attrs import define, field

from swaplab_core.adapters.executor_local import LocalExecutor
from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.node import Node
from swaplab_core.runtime.nodes import THIS
from swaplab_core.testing.contracts import ExecutorContract, ExecutorWorld


@define
class LocalWorld:
    processes: LocalProcesses = field(factory=LocalProcesses)
    executor: LocalExecutor = field(init=False)
    node: Node = THIS

    def __attrs_post_init__(self) -> None:
        self.executor = LocalExecutor(self.processes)

    def is_alive(self, pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"


class TestLocalExecutor(ExecutorContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[ExecutorWorld]:
        world = LocalWorld()
        try:
            yield world
        finally:
            world.processes.close()


class TestLocalExecutorOnUvloop(TestLocalExecutor):
    loop_factory = uvloop.new_event_loop
