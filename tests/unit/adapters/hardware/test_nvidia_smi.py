"""Lines of nvidia-smi, in the shapes that its versions print."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.nvidia_smi import as_sample, loop_argv
from swaplab_core.domain.performance import GpuSample
from swaplab_core.testing.fake_hardware import moment

MIB = 2**20
UUID = "GPU-12345678-1234-1234-1234-123456789abc"


def read(line):
    return as_sample(line, moment(0))


def test_parse_nvidia_smi_line_valid_line():
    sample = read(f"0, NVIDIA GeForce RTX 3080, {UUID}, 65, 80, 8192, 10240, 75, 250.31\r")
    assert sample == GpuSample(
        moment(0),
        0,
        "NVIDIA GeForce RTX 3080",
        UUID,
        temperature_celsius=65,
        busy_percent=80,
        memory_used_bytes=8192 * MIB,
        memory_total_bytes=10240 * MIB,
        fan_percent=75,
        power_watts=250.31,
    )
    assert sample.memory_percent == 80


@pytest.mark.parametrize(
    "line",
    [
        "0, NVIDIA GPU, GPU-123",
        "0, NVIDIA GPU, GPU-123, 65, 80, 8192, 10240, 75",
        "",
        "No devices were found",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "index, name, uuid, temperature.gpu, utilization.gpu, memory.used, memory.total, fan.speed, power.draw",
    ],
    ids=["short line", "missing field", "empty", "no devices", "complaint", "header"],
)
def test_what_is_no_sample_is_none(line):
    assert read(line) is None


def test_parse_nvidia_smi_line_zero_memory_total():
    assert read("0, NVIDIA GPU, GPU-123, 65, 80, 0, 0, 75, 250").memory_percent is None


@pytest.mark.parametrize("nothing", ["[N/A]", "N/A", "[Not Supported]", "[Unknown Error]", "ERR!", "", "nan", "inf"])
def test_what_a_card_does_not_tell_is_unknown_not_zero(nothing):
    sample = read(f"3, NVIDIA GB10, {UUID}, 35, {nothing}, {nothing}, {nothing}, {nothing}, {nothing}")
    assert sample == GpuSample(moment(0), 3, "NVIDIA GB10", UUID, temperature_celsius=35)


def test_the_command_loops_with_the_spelling_that_all_drivers_know():
    argv = loop_argv(5)
    assert argv[-2:] == ("--loop", "5")
    assert "--format=csv,noheader,nounits" in argv


@pytest.mark.parametrize(("every", "seconds"), [(0.2, "1"), (7.6, "8"), (90, "90")])
def test_the_loop_has_whole_seconds_and_at_least_one(every, seconds):
    assert loop_argv(every)[-1] == seconds
