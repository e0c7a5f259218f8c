"""The snapshot's values; upstream's conformance names: normalise, validate, merge."""

from __future__ import annotations

import pytest

from swaplab_core.domain.hardware import (
    Accelerator,
    AcceleratorMemory,
    Architecture,
    Cpu,
    Driver,
    OperatingSystem,
    architecture_of,
    as_cpu,
    family_of,
    merge,
    pci_identity,
)
from swaplab_core.domain.performance import MemoryKind
from swaplab_core.testing.fake_hardware import GIB

UNIFIED = AcceleratorMemory(MemoryKind.UNIFIED, 32 * GIB)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", Architecture("x86_64")),
        ("AMD64".lower(), Architecture("x86_64", "amd64")),
        ("aarch64", Architecture("arm64", "aarch64")),
        ("arm64", Architecture("arm64")),
        ("armv7l", Architecture("armv7", "armv7l")),
        ("riscv64", Architecture("riscv64")),
        ("mips64", Architecture("other", "mips64")),
    ],
)
def test_architecture_normalisation(machine, expected):
    assert architecture_of(machine) == expected


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("Linux", OperatingSystem("linux")),
        ("Darwin", OperatingSystem("macos")),
        ("FreeBSD", OperatingSystem("freebsd")),
        ("Plan9", OperatingSystem("other", raw_family="Plan9")),
    ],
)
def test_system_family_normalisation(platform, expected):
    assert family_of(platform) == expected


def test_validate_keeps_counts_that_can_be():
    assert as_cpu(Cpu("v", "m", 1, 8, 16)) == Cpu("v", "m", 1, 8, 16)


@pytest.mark.parametrize("count", [0, -1])
def test_validate_rejects_counts_that_are_not_positive(count):
    assert as_cpu(Cpu(socket_count=count, logical_thread_count=4)) == Cpu(logical_thread_count=4)


def test_validate_rejects_more_cores_than_threads():
    assert as_cpu(Cpu(physical_core_count=16, logical_thread_count=8)) == Cpu(logical_thread_count=8)


@pytest.mark.parametrize(
    "address", ["00000000:01:00.0", "0000:01:00.0", "01:00.0", " 0000:01:00.0 ", "00000000:01:00.0".upper()]
)
def test_every_spelling_of_a_pci_address_is_one_identity(address):
    assert pci_identity(address) == "0000:01:00.0"


def test_a_pci_domain_is_kept():
    assert pci_identity("0000000F:01:00.0") == "000f:01:00.0"


@pytest.mark.parametrize("text", ["", "[N/A]", "GPU-1234", "a:b:c:d", "zz:01:00.0"])
def test_what_is_no_pci_address_is_no_identity(text):
    assert pci_identity(text) == ""


def test_merge_fills_the_gaps_of_the_first_probe_and_overrules_nothing():
    first = Accelerator("0000:65:00.0", vendor="AMD", architecture="gfx1151", memory=UNIFIED)
    second = Accelerator(
        "0000:65:00.0",
        vendor="Someone",
        model="Radeon 8060S",
        memory=AcceleratorMemory(MemoryKind.DEDICATED, GIB),
        driver=Driver("amdgpu"),
        power_limit_watts=120.0,
    )
    [merged] = merge([first, second])
    assert merged == Accelerator(
        "0000:65:00.0",
        vendor="AMD",
        model="Radeon 8060S",
        architecture="gfx1151",
        memory=UNIFIED,
        driver=Driver("amdgpu"),
        power_limit_watts=120.0,
    )


def test_merge_replaces_an_unknown_kind_of_memory():
    [merged] = merge([Accelerator("a"), Accelerator("a", memory=UNIFIED)])
    assert merged.memory == UNIFIED


def test_merge_joins_what_two_probes_know_of_a_driver():
    [merged] = merge([Accelerator("a", driver=Driver("NVIDIA")), Accelerator("a", driver=Driver("nvidia", "580"))])
    assert merged.driver == Driver("NVIDIA", "580")


def test_merge_keeps_vendors_apart_and_sorts_by_address():
    found = merge([Accelerator("0000:65:00.0", vendor="AMD"), Accelerator("0000:01:00.0", vendor="NVIDIA")])
    assert [each.vendor for each in found] == ["NVIDIA", "AMD"]


def test_merge_never_joins_accelerators_without_an_identity():
    assert len(merge([Accelerator("", model="a"), Accelerator("", model="b")])) == 2
