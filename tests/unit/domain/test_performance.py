"""Values of the monitor: shares of memory, and GPUs that compute in the system's."""

from __future__ import annotations

import pytest
from attrs import evolve

from swaplab_core.domain.performance import GpuSample, MemoryKind, has_unified_memory, with_system_memory
from swaplab_core.testing.fake_hardware import GIB, moment, system_sample

CARD = GpuSample(moment(0), 0, "NVIDIA GeForce RTX 4090", memory_used_bytes=6 * GIB, memory_total_bytes=24 * GIB)
SPARK = GpuSample(moment(0), 0, "NVIDIA GB10", busy_percent=40)


def test_memory_percent_is_used_of_total():
    assert CARD.memory_percent == 25


@pytest.mark.parametrize(
    "unknown", [{"memory_total_bytes": 0}, {"memory_total_bytes": None}, {"memory_used_bytes": None}]
)
def test_memory_percent_is_unknown_without_both_numbers(unknown):
    assert evolve(CARD, **unknown).memory_percent is None


@pytest.mark.parametrize("name", ["NVIDIA GB10", "NVIDIA Thor", "Orin (nvgpu)", "nvidia jetson agx xavier"])
def test_integrated_gpus_that_tell_no_memory_share_the_systems(name):
    assert has_unified_memory(name, None)
    assert has_unified_memory(name, 0)


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090", "NVIDIA GH200 480GB", "NVIDIA GB100", "NVIDIA GB200"])
def test_a_card_that_fails_to_tell_its_memory_is_not_given_the_systems(name):
    assert not has_unified_memory(name, None)


def test_an_integrated_gpu_that_tells_is_believed():
    assert not has_unified_memory("NVIDIA GB10", 8 * GIB)


def test_a_gb10_gets_the_systems_memory():
    filled = with_system_memory(SPARK, system_sample())
    assert (filled.memory_used_bytes, filled.memory_total_bytes, filled.memory_percent) == (2 * GIB, 8 * GIB, 25)
    assert filled.memory_kind is MemoryKind.UNIFIED
    assert filled.busy_percent == SPARK.busy_percent


def test_a_gb10_without_a_look_at_the_system_has_unified_memory_of_unknown_size():
    filled = with_system_memory(SPARK, None)
    assert filled.memory_kind is MemoryKind.UNIFIED
    assert filled.memory_total_bytes is None


def test_other_gpus_stay_as_they_are():
    assert with_system_memory(CARD, system_sample()) == CARD
