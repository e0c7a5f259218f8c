"""What the system says of itself: name, kernel, container or not, processors, memory. `root` is "/" but in tests."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve

from swaplab_core.adapters.hardware.readings import amount, word
from swaplab_core.adapters.hardware.sysfs import read_text
from swaplab_core.domain.hardware import Architecture, Cpu, Environment, OperatingSystem, architecture_of, family_of

CONTAINERS = {"docker": "Docker", "podman": "Podman", "lxc": "LXC", "systemd-nspawn": "systemd-nspawn"}
HYPERVISORS = {
    "qemu": "QEMU", "kvm": "KVM", "vmware": "VMware", "virtualbox": "VirtualBox", "innotek": "VirtualBox",
    "xen": "Xen", "microsoft corporation virtual machine": "Hyper-V", "amazon ec2": "Amazon EC2",
    "google compute engine": "Google Compute Engine", "parallels": "Parallels", "openstack": "OpenStack",
}  # fmt: skip
"""By what stands in the vendor and name of the machine."""
CGROUP_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
CPU_VENDOR, CPU_MODEL, CPU_SOCKET = "vendor_id", "model name", "physical id"
ARM_IMPLEMENTER, ARM_PART, ARM = "CPU implementer", "CPU part", "0x41"
ARM_CORES = {
    "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1", "0xd40": "Neoverse-V1",
    "0xd42": "Cortex-A78AE", "0xd49": "Neoverse-N2", "0xd4f": "Neoverse-V2", "0xd85": "Cortex-X925",
    "0xd87": "Cortex-A725",
}  # fmt: skip
"""ARM's kernel gives numbers instead of names; these are the cores of machines that serve models."""

_ZONE = re.compile(r"Node\s+\d+, zone\s+(\S+)")
_PRESENT = re.compile(r"\s+present\s+(\d+)")


def find_architecture() -> Architecture:
    """The processor's kind, as the kernel calls it."""
    return architecture_of(platform.machine())


def find_operating_system(root: Path = Path("/")) -> OperatingSystem:
    """Family, distribution and kernel."""
    system = evolve(family_of(platform.system()), kernel=word(platform.release()))
    if system.family == "macos":
        return evolve(system, name="macOS", version=word(platform.mac_ver()[0]))
    told = _assignments(read_text(root / "etc/os-release") or read_text(root / "usr/lib/os-release"))
    return evolve(system, name=word(told.get("NAME", "")), version=word(told.get("VERSION_ID", "")))


def find_environment(kernel: str | None, root: Path = Path("/")) -> Environment:
    """Whether this is the bare machine, as far as its files tell; the innermost wrapping counts.

    Unknown when nothing tells of a wrapping, nor that there is none: only a machine whose firmware is described, and
    whose processor knows of no hypervisor, is taken for native.
    """
    if name := _container(root):
        return Environment("container", CONTAINERS.get(name, name))
    if re.search("microsoft|wsl", kernel or "", re.IGNORECASE):
        return Environment("wsl", "WSL")
    firmware = [read_text(root / "sys/class/dmi/id" / file) for file in ("sys_vendor", "product_name")]
    maker = " ".join(firmware).lower()
    hypervisor = next((title for mark, title in HYPERVISORS.items() if mark in maker), None)
    if hypervisor or "hypervisor" in cpu_fields(read_text(root / "proc/cpuinfo")).get("flags", "").split():
        return Environment("virtual_machine", hypervisor)
    return Environment("native") if maker.strip() else Environment()


def find_cpu(root: Path = Path("/")) -> Cpu:
    """What the kernel says of the processors; the counts are psutil's affair."""
    text = read_text(root / "proc/cpuinfo")
    fields = cpu_fields(text)
    return Cpu(
        vendor=word(fields.get(CPU_VENDOR, "")) or ("ARM" if fields.get(ARM_IMPLEMENTER) == ARM else None),
        model=word(fields.get(CPU_MODEL, "")) or _arm_model(text),
        socket_count=len(set(_values(text, CPU_SOCKET)) or _packages(root)) or None,
    )


def find_memory_bytes(usable_bytes: int, root: Path = Path("/")) -> int:
    """What is built in, which is more than the `usable_bytes`, or what our cgroup may have of it."""
    physical = present_pages(read_text(root / "proc/zoneinfo")) * page_bytes()
    limits = (amount(read_text(root / path)) for path in CGROUP_LIMITS)
    return min([max(physical, usable_bytes), *filter(None, limits)])


def present_pages(zoneinfo: str) -> int:
    """Pages of memory, without what devices map into its zones."""
    pages, zone = 0, ""
    for line in zoneinfo.splitlines():
        if found := _ZONE.match(line):
            zone = found[1]
        elif zone != "Device" and (found := _PRESENT.fullmatch(line)):
            pages += int(found[1])
    return pages


def cpu_fields(cpuinfo: str) -> Mapping[str, str]:
    """The fields of the first processor that has them."""
    fields: dict[str, str] = {}
    for key, value in _pairs(cpuinfo):
        fields.setdefault(key, value)
    return fields


def page_bytes() -> int:
    """The size of a page; 0 where the system has no such notion."""
    return os.sysconf("SC_PAGE_SIZE") if sys.platform != "win32" else 0


def _container(root: Path) -> str:
    """What kind of container this is, "" for none."""
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    return read_text(root / "run/systemd/container")


def _arm_model(cpuinfo: str) -> str | None:
    """The cores by name and number, like "10 Cortex-X925 + 10 Cortex-A725"; None when one has no name here."""
    if set(_values(cpuinfo, ARM_IMPLEMENTER)) != {ARM}:
        return None
    counts = Counter(ARM_CORES.get(part, "") for part in _values(cpuinfo, ARM_PART))
    if len(counts) == 1:
        return next(iter(counts)) or None
    return None if "" in counts else " + ".join(f"{count} {core}" for core, count in counts.items()) or None


def _packages(root: Path) -> set[str]:
    """Processor packages, for machines whose cpuinfo does not number them, like ARM's."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology/physical_package_id")
    return {text for file in files if (text := read_text(file)) and text != "-1"}


def _values(cpuinfo: str, wanted: str) -> Iterator[str]:
    return (value for key, value in _pairs(cpuinfo) if key == wanted)


def _pairs(cpuinfo: str) -> Iterator[tuple[str, str]]:
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        yield key.strip(), value.strip()


def _assignments(text: str) -> Mapping[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
