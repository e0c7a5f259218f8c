"""The connections between who measures the memory of models and who wants to know."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from swaplab_core.adapters.footprints import read_footprints, write_footprints
from swaplab_core.adapters.hardware.descendants import PsutilProcesses
from swaplab_core.adapters.weights import weights_bytes
from swaplab_core.domain.footprint import Footprint
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.runtime.launches import Launches
from swaplab_core.runtime.memory import MemoryBook
from swaplab_core.runtime.performance import PerformanceMonitor, Programs
from swaplab_core.runtime.tasks import spawn
from swaplab_core.services.models.lifecycle import Models
from swaplab_core.services.models.memory import Memory, places_of


def memory_parts(file: Path, monitor: PerformanceMonitor, models: Models, launches: Launches) -> Memory:
    """Connect them; what was learned is kept in `file`."""
    book = MemoryBook(partial(places_of, monitor.latest), _keeper(file), read_footprints(file))
    monitor.programs = Programs(PsutilProcesses(), models.leaders, book.told)
    return Memory(book, launches.spec, _weigh, time.monotonic)


def _keeper(file: Path) -> Callable[[Mapping[ModelId, Footprint]], None]:
    """Writes in the background, one after the other, so that the newest stays."""
    lock = asyncio.Lock()

    async def write(known: Mapping[ModelId, Footprint]) -> None:
        async with lock:
            await asyncio.to_thread(write_footprints, file, known)

    def keep(known: Mapping[ModelId, Footprint]) -> None:
        spawn(write(dict(known)), name="what models take of the memory")

    return keep


async def _weigh(spec: LaunchSpec) -> int:
    return await asyncio.to_thread(weights_bytes, spec.argv, {**os.environ, **spec.env}, Path.home())
