"""One look at everything the machine is: the port `HardwareProbe`. Needs no rights, and fills only what it finds."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, evolve, field, frozen

from swaplab_core.adapters.hardware import accelerators, commands
from swaplab_core.adapters.hardware.machine import (
    find_architecture,
    find_cpu,
    find_environment,
    find_memory_bytes,
    find_operating_system,
)
from swaplab_core.adapters.hardware.sysfs import sysfs_accelerators
from swaplab_core.adapters.hardware.thread import SamplingThread
from swaplab_core.adapters.programs import find_program
from swaplab_core.domain.hardware import Accelerator, Cpu, HardwareSnapshot, as_cpu, merge
from swaplab_core.ports import Processes

PROGRAM_SECONDS = 4.0
"""For each question; both programs are asked at the same time, each at most twice."""
FILES_SECONDS = 1.5

_log = logging.getLogger(__name__)


@frozen
class _Counts:
    memory_bytes: int
    cores: int | None
    threads: int | None


@define(eq=False)
class LocalHardware:
    """Asks programs that are installed, then the kernel; the first to know a fact is believed."""

    processes: Processes
    root: Path = Path("/")
    _thread: SamplingThread = field(factory=lambda: SamplingThread("hardware"), init=False)

    async def detect(self) -> HardwareSnapshot | None:
        """Look at everything; None when not even the memory can be told."""
        try:
            snapshot = await self._thread.call(self._look, FILES_SECONDS)
        except TimeoutError:
            return None
        if snapshot is None:
            return None
        nvidia, amd = await asyncio.gather(self._nvidia(snapshot.memory_bytes), self._rocm())
        return evolve(snapshot, accelerators=merge((*nvidia, *amd, *snapshot.accelerators)))

    def _look(self) -> HardwareSnapshot | None:
        """Everything that files and libraries tell."""
        counts = _count()
        if counts is None:
            return None
        system = find_operating_system(self.root)
        return HardwareSnapshot(
            datetime.now(UTC),
            find_architecture(),
            system,
            find_environment(system.kernel, self.root),
            _with_counts(find_cpu(self.root), counts),
            find_memory_bytes(counts.memory_bytes, self.root),
            sysfs_accelerators(self.root),
        )

    async def _nvidia(self, memory_bytes: int) -> tuple[Accelerator, ...]:
        if find_program("nvidia-smi") is None:
            return ()
        found = accelerators.nvidia_accelerators(await self._told(accelerators.NVIDIA_ARGV), memory_bytes)
        if not found:
            return ()
        compute = await self._told(accelerators.NVIDIA_COMPUTE_ARGV)
        return accelerators.with_architectures(found, accelerators.compute_architectures(compute))

    async def _rocm(self) -> tuple[Accelerator, ...]:
        if find_program("rocm-smi") is None:
            return ()
        found = accelerators.rocm_accelerators(await self._told(accelerators.ROCM_ARGV))
        return found or accelerators.rocm_accelerators(await self._told(accelerators.ROCM_SHORT_ARGV))

    async def _told(self, argv: tuple[str, ...]) -> str:
        printed = await commands.run(self.processes, argv, PROGRAM_SECONDS)
        if printed.problem:
            _log.info("hardware: %s", printed.problem)
        return "" if printed.problem else printed.text


def _count() -> _Counts | None:
    import psutil  # noqa: PLC0415 - whoever never asks shall not pay for it

    try:
        memory_bytes = psutil.virtual_memory().total
    except (OSError, RuntimeError, ValueError) as error:
        _log.warning("hardware: the system does not tell its memory: %s", error)
        return None
    return _Counts(memory_bytes, psutil.cpu_count(logical=False), psutil.cpu_count())


def _with_counts(cpu: Cpu, counts: _Counts) -> Cpu:
    return as_cpu(evolve(cpu, physical_core_count=counts.cores, logical_thread_count=counts.threads))
