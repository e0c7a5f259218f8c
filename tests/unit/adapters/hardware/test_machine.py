"""What a system says of itself, in files written on the spot."""

from __future__ import annotations

import platform

import pytest

from swaplab_core.adapters.hardware.machine import (
    find_cpu,
    find_environment,
    find_memory_bytes,
    find_operating_system,
    page_bytes,
    present_pages,
)
from swaplab_core.domain.hardware import Cpu, Environment
from swaplab_core.testing.fake_hardware import GIB

ZONEINFO = """Node 0, zone DMA
        spanned  524288
        present  393216
        managed  390000
Node 0, zone   Normal
  pages free     23
        spanned  33554432
        present  33161216
        managed  32000000
      nr_present 5
Node 0, zone Device
        spanned  524288
        present  524288
        managed  0
"""
XEON = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6430
physical id\t: 0
flags\t\t: fpu vme

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6430
physical id\t: 1
flags\t\t: fpu vme
"""
ARM_CORE = "processor\t: {number}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: {part}\n\n"


@pytest.fixture
def write(tmp_path):
    """Write files below the root."""

    def write_files(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write_files


def arm(*parts):
    return "".join(ARM_CORE.format(number=number, part=part) for number, part in enumerate(parts))


def test_zoneinfo_memory_capacity_leaves_device_memory_out():
    assert present_pages(ZONEINFO) * 4096 == 128 * GIB


def test_memory_is_what_is_built_in(write):
    pages = 8 * GIB // page_bytes()
    root = write({"proc/zoneinfo": f"Node 0, zone Normal\n        present  {pages}\n"})
    assert find_memory_bytes(7 * GIB, root) == 8 * GIB


def test_without_zoneinfo_memory_is_what_is_usable(tmp_path):
    assert find_memory_bytes(7 * GIB, tmp_path) == 7 * GIB


@pytest.mark.parametrize("file", ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"])
def test_cgroup_memory_limit(write, file):
    assert find_memory_bytes(8 * GIB, write({file: f"{2 * GIB}\n"})) == 2 * GIB


@pytest.mark.parametrize("text", ["max\n", f"{2**63 - 4096}\n", "0\n", ""])
def test_a_cgroup_without_a_limit_changes_nothing(write, text):
    assert find_memory_bytes(8 * GIB, write({"sys/fs/cgroup/memory.max": text})) == 8 * GIB


def test_the_distribution_is_named(write):
    root = write({"etc/os-release": 'PRETTY_NAME="Debian"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'})
    system = find_operating_system(root)
    assert (system.name, system.version, system.kernel) == ("Debian GNU/Linux", "12", platform.release())


def test_a_distribution_without_a_version_has_none(write):
    assert find_operating_system(write({"etc/os-release": "NAME='Arch Linux'\n"})).version is None


def test_without_os_release_the_name_is_unknown(tmp_path):
    assert find_operating_system(tmp_path).name is None


def test_two_sockets_of_intel(write):
    assert find_cpu(write({"proc/cpuinfo": XEON})) == Cpu("GenuineIntel", "Intel(R) Xeon(R) Gold 6430", 2)


def test_cores_of_arm_are_counted_by_name(write):
    root = write({"proc/cpuinfo": arm("0xd85", "0xd85", "0xd87")})
    assert find_cpu(root) == Cpu("ARM", "2 Cortex-X925 + 1 Cortex-A725")


def test_many_equal_cores_of_arm_have_one_name(write):
    assert find_cpu(write({"proc/cpuinfo": arm("0xd4f", "0xd4f")})).model == "Neoverse-V2"


@pytest.mark.parametrize("parts", [("0xfff",), ("0xd85", "0xfff")])
def test_a_core_of_arm_without_a_name_leaves_the_model_unknown(write, parts):
    assert find_cpu(write({"proc/cpuinfo": arm(*parts)})) == Cpu("ARM")


def test_sockets_are_counted_by_package_where_cpuinfo_does_not_number_them(write):
    files = {f"sys/devices/system/cpu/cpu{n}/topology/physical_package_id": f"{n // 2}\n" for n in range(4)}
    assert find_cpu(write({**files, "proc/cpuinfo": arm("0xd0c")})).socket_count == 2


@pytest.mark.parametrize("package", ["-1\n", ""])
def test_a_package_that_is_none_is_not_counted(write, package):
    assert find_cpu(write({"sys/devices/system/cpu/cpu0/topology/physical_package_id": package})).socket_count is None


def test_without_files_the_processor_is_unknown(tmp_path):
    assert find_cpu(tmp_path) == Cpu()


DELL = {"sys/class/dmi/id/sys_vendor": "Dell Inc.\n", "sys/class/dmi/id/product_name": "Precision 5860 Tower\n"}
QEMU = {"sys/class/dmi/id/sys_vendor": "QEMU\n", "sys/class/dmi/id/product_name": "Standard PC (Q35)\n"}
GUEST = {"proc/cpuinfo": "flags\t: fpu hypervisor avx\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Environment("unknown")),
        (DELL, Environment("native")),
        (QEMU, Environment("virtual_machine", "QEMU")),
        ({**DELL, **GUEST}, Environment("virtual_machine")),
        ({**QEMU, **GUEST, ".dockerenv": ""}, Environment("container", "Docker")),
        ({"run/.containerenv": "engine=podman\n"}, Environment("container", "Podman")),
        ({"run/systemd/container": "lxc\n"}, Environment("container", "LXC")),
        ({"run/systemd/container": "rkt\n"}, Environment("container", "rkt")),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n",
                "sys/class/dmi/id/product_name": "Virtual Machine\n",
            },
            Environment("virtual_machine", "Hyper-V"),
        ),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n",
                "sys/class/dmi/id/product_name": "Surface Laptop\n",
            },
            Environment("native"),
        ),
    ],
)
def test_the_environment_is_told_by_files(write, files, expected):
    assert find_environment("6.1.0", write(files)) == expected


def test_wsl_is_told_by_its_kernel(write):
    assert find_environment("5.15.90.1-microsoft-standard-WSL2", write(GUEST)) == Environment("wsl", "WSL")
