"""What nvidia-smi and rocm-smi tell of the accelerators, in recorded shapes."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.accelerators import (
    NVIDIA_ARGV,
    NVIDIA_FIELDS,
    architecture_of_compute,
    compute_architectures,
    nvidia_accelerators,
    rocm_accelerators,
    with_architectures,
)
from swaplab_core.domain.hardware import Accelerator, AcceleratorMemory, Driver
from swaplab_core.domain.performance import MemoryKind
from swaplab_core.testing.fake_hardware import GIB

MIB = 2**20
SYSTEM_BYTES = 128 * GIB
RTX = "NVIDIA GeForce RTX 4090, GPU-abc, 00000000:01:00.0, 24564, 570.124.06, 450.00\n"
SPARK = "NVIDIA GB10, GPU-e69daebb, 0000000F:01:00.0, [N/A], 580.95.05, [N/A]\n"
ROCM = (
    "device,Device Name,GUID,VRAM Total Memory (B),Card Series,GFX Version,Driver version,PCI Bus,"
    "Max Graphics Package Power (W)\n"
    f"card0,AMD Radeon,abc,{24 * GIB},Radeon RX 7900 XTX,gfx1100,6.12.12,0000:03:00.0,339\n"
    "system,,,,,,6.12.12,,\n"
)


def test_parse_nvidia_csv():
    assert nvidia_accelerators(RTX, SYSTEM_BYTES) == (
        Accelerator(
            "0000:01:00.0",
            vendor="NVIDIA",
            model="NVIDIA GeForce RTX 4090",
            memory=AcceleratorMemory(MemoryKind.DEDICATED, 24564 * MIB),
            driver=Driver("NVIDIA", "570.124.06"),
            power_limit_watts=450,
        ),
    )


def test_parse_nvidia_csv_gb10_computes_in_the_systems_memory():
    [spark] = nvidia_accelerators(SPARK, SYSTEM_BYTES)
    assert spark.identity == "000f:01:00.0"
    assert spark.memory == AcceleratorMemory(MemoryKind.UNIFIED, SYSTEM_BYTES)
    assert spark.power_limit_watts is None


@pytest.mark.parametrize("told", ["0", "[N/A]", "[Unknown Error]"])
def test_a_card_that_tells_no_memory_has_some_of_unknown_kind_and_size(told):
    [card] = nvidia_accelerators(RTX.replace("24564", told), SYSTEM_BYTES)
    assert card.memory == AcceleratorMemory(MemoryKind.UNKNOWN, None)


def test_a_card_without_an_address_is_known_by_its_uuid():
    [card] = nvidia_accelerators(RTX.replace("00000000:01:00.0", "[N/A]"), SYSTEM_BYTES)
    assert card.identity == "GPU-abc"


@pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b\n", "\n\n"])
def test_what_is_no_table_has_no_accelerators(text):
    assert nvidia_accelerators(text, SYSTEM_BYTES) == rocm_accelerators(text) == ()


def test_the_question_names_the_fields_that_are_read():
    assert f"--query-gpu={','.join(NVIDIA_FIELDS)}" in NVIDIA_ARGV


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("3.5", "Kepler"), ("6.1", "Pascal"), ("7.0", "Volta"), ("7.5", "Turing"), ("8.6", "Ampere"),
        ("8.9", "Ada Lovelace"), ("9.0", "Hopper"), ("10.0", "Blackwell"), ("12.1", "Blackwell"), ("99.0", None),
        ("[N/A]", None), ("", None),
    ],
)  # fmt: skip
def test_compute_capabilities_have_names(version, name):
    assert architecture_of_compute(version) == name


def test_architectures_are_added_by_address():
    found = nvidia_accelerators(RTX + SPARK, SYSTEM_BYTES)
    told = compute_architectures("0000000F:01:00.0, 12.1\n00000000:01:00.0, 8.9\n00000000:02:00.0, [N/A]\n")
    assert [each.architecture for each in with_architectures(found, told)] == ["Ada Lovelace", "Blackwell"]


def test_a_driver_that_does_not_know_compute_capabilities_leaves_the_architecture_unknown():
    found = nvidia_accelerators(RTX, SYSTEM_BYTES)
    told = compute_architectures('Field "compute_cap" is not a valid field to query.\n')
    assert [each.architecture for each in with_architectures(found, told)] == [None]


def test_parse_rocm_csv():
    assert rocm_accelerators(ROCM) == (
        Accelerator(
            "0000:03:00.0",
            vendor="AMD",
            model="Radeon RX 7900 XTX",
            architecture="gfx1100",
            memory=AcceleratorMemory(MemoryKind.DEDICATED, 24 * GIB),
            driver=Driver("amdgpu", "6.12.12"),
            power_limit_watts=339,
        ),
    )


def test_parse_rocm_csv_with_little_in_it():
    assert rocm_accelerators("device,GUID\ncard1,N/A\n") == (Accelerator("", vendor="AMD"),)
