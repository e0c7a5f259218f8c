"""What this machine is, and what it would be with the programs and files of others."""

from __future__ import annotations

import os
import platform

import pytest

from swaplab_core.adapters.hardware import LocalHardware, detect
from swaplab_core.domain.hardware import ARCHITECTURES, OTHER, SYSTEM_FAMILIES
from swaplab_core.domain.performance import MemoryKind

NVIDIA = """case "$*" in
*compute_cap*) echo '0000000F:01:00.0, 12.1';;
*) echo 'NVIDIA GB10, GPU-1, 0000000F:01:00.0, [N/A], 580.95.05, [N/A]';;
esac"""
ROCM_LONG_FAILS = """case "$*" in
*showmaxpower*) echo 'rocm-smi: error: unrecognized arguments' >&2; exit 2;;
*) printf 'device,VRAM Total Memory (B),Card Series,PCI Bus\\ncard0,25769803776,Radeon RX 7900 XTX,0000:03:00.0\\n';;
esac"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a shell script first on PATH; the real tools of this machine are hidden behind ones that fail."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def write(name, body):
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)

    for name in ("nvidia-smi", "rocm-smi"):
        write(name, "exit 1")
    return write


def test_detect_local_host(run, processes):
    async def scenario():
        found = await LocalHardware(processes).detect()
        assert found is not None
        assert found.architecture.name in ARCHITECTURES | {OTHER}
        assert found.operating_system.family in SYSTEM_FAMILIES
        assert found.operating_system.kernel == platform.release()
        assert found.environment.kind in {"native", "container", "virtual_machine", "wsl", "unknown"}
        assert found.cpu.logical_thread_count == os.cpu_count()
        assert found.memory_bytes > 2**28

    run(scenario())


def test_a_gb10_is_one_accelerator_with_the_systems_memory(run, processes, install, tmp_path):
    install("nvidia-smi", NVIDIA)

    async def scenario():
        found = await LocalHardware(processes, tmp_path).detect()
        [spark] = found.accelerators
        assert (spark.model, spark.architecture) == ("NVIDIA GB10", "Blackwell")
        assert (spark.memory.kind, spark.memory.capacity_bytes) == (MemoryKind.UNIFIED, found.memory_bytes)
        assert spark.driver.version == "580.95.05"

    run(scenario())


def test_programs_and_kernel_are_merged(run, processes, install, tmp_path):
    install("nvidia-smi", NVIDIA)
    install("rocm-smi", ROCM_LONG_FAILS)
    device = tmp_path / "sys/devices/0000:03:00.0"
    (device / "drm/renderD128").mkdir(parents=True)
    (device / "vendor").write_text("0x1002\n")
    (device / "product_name").write_text("Someone's RX 7900\n")
    (device / "hwmon/hwmon1").mkdir(parents=True)
    (device / "hwmon/hwmon1/power1_cap").write_text("327000000\n")
    (tmp_path / "sys/class/drm/card0").mkdir(parents=True)
    (tmp_path / "sys/class/drm/card0/device").symlink_to(device)
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/dri/renderD128").touch()

    async def scenario():
        found = await LocalHardware(processes, tmp_path).detect()
        assert [(each.vendor, each.model) for each in found.accelerators] == [
            ("AMD", "Radeon RX 7900 XTX"),
            ("NVIDIA", "NVIDIA GB10"),
        ]
        assert found.accelerators[0].power_limit_watts == 327

    run(scenario())


def test_programs_that_hang_or_fail_leave_the_rest_known(run, processes, install, tmp_path, monkeypatch):
    monkeypatch.setattr(detect, "PROGRAM_SECONDS", 0.2)
    install("nvidia-smi", "sleep 1000")
    install("rocm-smi", "exit 1")

    async def scenario():
        found = await LocalHardware(processes, tmp_path).detect()
        assert found.accelerators == ()
        assert found.memory_bytes > 2**28

    run(scenario())
