"""The machine under us: how busy it is, and what it is.

`system.py` samples CPU, memory and network, `descendants.py` the memory of running models (psutil). GPUs are sampled
by the first of four sources that works: `lact.py` (LACT's socket), `nvml.py` (NVIDIA's library), `nvidia_smi.py` (a
program that keeps running) and `rocm_smi.py` (a program run again and again); a machine without any works and says
so. `detect.py` takes the one snapshot of what the machine is, with `machine.py` (system, CPU, memory), `sysfs.py`
(what the kernel knows of GPUs) and `accelerators.py` (what programs tell of them).

Whatever reads text is a pure function. Whatever may block runs on a thread of `thread.py`, whatever is a program is
run by `commands.py` and the port `Processes`: bounded in time and ended by pid. `polling.py` asks sources that do not
tell by themselves, `readings.py` makes numbers and names of what they print.
"""

from __future__ import annotations

from swaplab_core.adapters.hardware.detect import LocalHardware
from swaplab_core.adapters.hardware.lact import LactSource
from swaplab_core.adapters.hardware.nvidia_smi import NvidiaSmiSource
from swaplab_core.adapters.hardware.nvml import NvmlSource
from swaplab_core.adapters.hardware.rocm_smi import RocmSmiSource
from swaplab_core.adapters.hardware.system import PsutilProbe
from swaplab_core.ports import Clock, GpuSource, Processes

__all__ = [
    "LactSource",
    "LocalHardware",
    "NvidiaSmiSource",
    "NvmlSource",
    "PsutilProbe",
    "RocmSmiSource",
    "gpu_sources",
]


def gpu_sources(processes: Processes, clock: Clock) -> tuple[GpuSource, ...]:
    """Make the four sources, in the order in which they are asked."""
    return (LactSource(clock), NvmlSource(clock), NvidiaSmiSource(processes), RocmSmiSource(processes, clock))
