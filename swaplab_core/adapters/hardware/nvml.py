"""GPUs as NVIDIA's management library tells, through nvidia-ml-py: no process, and less than a millisecond a look.

The library may hang with its driver: it is called on a thread of its own, with a limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from swaplab_core.adapters.hardware.polling import SourceFailed, poll
from swaplab_core.adapters.hardware.thread import SamplingThread
from swaplab_core.domain.performance import GpuSample
from swaplab_core.ports import Clock

TIMEOUT_SECONDS = 5.0
LIBRARY = "libnvidia-ml.so.1"
"""It comes with the driver; the module loads it by this name."""


def load_library() -> Any:
    """The module of nvidia-ml-py. Raises OSError without a driver, before the module has cost its 2 MB."""
    ctypes.CDLL(LIBRARY)
    return importlib.import_module("pynvml")


@define(eq=False)
class NvmlSource:
    """The library stays open while it tells: to open it may wake a sleeping GPU. A failure opens it anew."""

    clock: Clock
    load: Callable[[], Any] = load_library
    timeout_seconds: float = TIMEOUT_SECONDS
    name: str = "NVML"
    _thread: SamplingThread = field(factory=lambda: SamplingThread("nvml"), init=False)
    _open: Any = field(default=None, init=False)
    """The module, while the library is initialised; belongs to the thread."""

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report until cancelled; answers why it cannot go on."""
        try:
            return await poll(self.clock, every_seconds, self._read, report)
        finally:
            with contextlib.suppress(TimeoutError):
                await self._thread.call(self._close, self.timeout_seconds)

    async def _read(self) -> Sequence[GpuSample]:
        try:
            samples = await self._thread.call(self._look, self.timeout_seconds)
        except TimeoutError:
            raise SourceFailed(f"NVIDIA's library did not answer within {self.timeout_seconds:g} s") from None
        if isinstance(samples, str):
            raise SourceFailed(samples)
        if not samples:
            raise SourceFailed("NVIDIA's driver knows no GPU")
        return samples

    def _look(self) -> Sequence[GpuSample] | str:
        """Answer the samples, or why there are none."""
        try:
            nvml = self._open or self.load()
        except ImportError as error:
            return f"nvidia-ml-py is not installed ({error})"
        except OSError:
            return "there is no driver of NVIDIA"
        try:
            if self._open is None:
                nvml.nvmlInit()
                self._open = nvml
            return as_samples(nvml, datetime.now(UTC))
        except nvml.NVMLError as error:
            self._close()
            return f"NVIDIA's driver does not tell: {error}"

    def _close(self) -> None:
        nvml, self._open = self._open, None
        if nvml is not None:
            with contextlib.suppress(nvml.NVMLError):
                nvml.nvmlShutdown()


def as_samples(nvml: Any, taken_at: datetime) -> tuple[GpuSample, ...]:
    """Ask an initialised library for every GPU; one that is lost is left out. Raises NVMLError."""
    samples = []
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            samples.append(_sample(nvml, handle, index, taken_at))
    return tuple(samples)


def _sample(nvml: Any, handle: Any, index: int, taken_at: datetime) -> GpuSample:
    def told(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except nvml.NVMLError:  # most cards tell only a part
            return None

    name = _text(nvml.nvmlDeviceGetName(handle))
    memory = told(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    use = told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    milliwatts = told(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    return GpuSample(
        taken_at,
        index,
        name,
        uuid=_text(told(lambda: nvml.nvmlDeviceGetUUID(handle)) or ""),
        temperature_celsius=told(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        memory_temperature_celsius=told(lambda: _memory_temperature(nvml, handle)),
        busy_percent=use and float(use.gpu),
        memory_used_bytes=memory and memory.used,
        memory_total_bytes=memory and memory.total,
        fan_percent=told(lambda: nvml.nvmlDeviceGetFanSpeed(handle)),
        power_watts=None if milliwatts is None else milliwatts / 1000,
    )


def _memory_temperature(nvml: Any, handle: Any) -> float | None:
    """Only cards with HBM have one. Raises NVMLError."""
    [value] = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_MEMORY_TEMP])
    return value.value.uiVal or None if value.nvmlReturn == nvml.NVML_SUCCESS else None


def _text(value: str | bytes) -> str:
    """Older versions of the library answer bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
