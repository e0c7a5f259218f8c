"""What the machine is: one snapshot, in llama-swap's schema 1. None is a fact that could not be found out.

Live figures stand in `performance.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from attrs import asdict, evolve, frozen

from swaplab_core.domain.performance import MemoryKind

ARCHITECTURES = frozenset({"x86_64", "arm64", "armv7", "ppc64le", "riscv64", "s390x"})
SYSTEM_FAMILIES = frozenset({"linux", "macos", "windows", "freebsd"})
OTHER = "other"

T = TypeVar("T")

_ARCHITECTURE_ALIASES = {"amd64": "x86_64", "aarch64": "arm64", "armv7l": "armv7", "armv8l": "armv7", "arm": "armv7"}
_FAMILY_ALIASES = {"darwin": "macos"}


@frozen
class Architecture:
    """One of ARCHITECTURES or "other"; `raw_name` is the system's own word, where it differs."""

    name: str
    raw_name: str | None = None


@frozen
class OperatingSystem:
    """`family` is one of SYSTEM_FAMILIES or "other", then `raw_family` is the system's own word."""

    family: str
    name: str | None = None
    version: str | None = None
    kernel: str | None = None
    raw_family: str | None = None


@frozen
class Environment:
    """Where we run: `kind` is native, container, virtual_machine, wsl, other or unknown."""

    kind: str = "unknown"
    name: str | None = None
    version: str | None = None


@frozen
class Cpu:
    """The processors; counts are positive."""

    vendor: str | None = None
    model: str | None = None
    socket_count: int | None = None
    physical_core_count: int | None = None
    logical_thread_count: int | None = None


@frozen
class AcceleratorMemory:
    """The memory an accelerator computes in; unified memory is the system's, counted once more."""

    kind: MemoryKind = MemoryKind.UNKNOWN
    capacity_bytes: int | None = None


@frozen
class Driver:
    """The kernel's driver of an accelerator."""

    name: str | None = None
    version: str | None = None


@frozen
class Accelerator:
    """A GPU or NPU. `identity` (PCI address or UUID) tells two probes' findings apart, and is never shown."""

    identity: str
    kind: str = "gpu"
    vendor: str | None = None
    model: str | None = None
    architecture: str | None = None
    memory: AcceleratorMemory = AcceleratorMemory()
    driver: Driver | None = None
    power_limit_watts: float | None = None


@frozen
class HardwareSnapshot:
    """Everything at once; `accelerators` are merged and in order."""

    captured_at: datetime
    architecture: Architecture
    operating_system: OperatingSystem
    environment: Environment
    cpu: Cpu
    memory_bytes: int
    accelerators: tuple[Accelerator, ...]


def architecture_of(machine: str) -> Architecture:
    """The schema's name of what the system calls its machine."""
    name = _ARCHITECTURE_ALIASES.get(machine, machine)
    if name not in ARCHITECTURES:
        return Architecture(OTHER, machine or None)
    return Architecture(name, None if name == machine else machine)


def family_of(platform: str) -> OperatingSystem:
    """The schema's name of what Python calls the platform, all else unknown."""
    word = platform.lower()
    name = _FAMILY_ALIASES.get(word, word)
    return OperatingSystem(name) if name in SYSTEM_FAMILIES else OperatingSystem(OTHER, raw_family=platform)


def as_cpu(cpu: Cpu) -> Cpu:
    """Leave out counts that cannot be: fewer than one, more cores than threads."""
    counts = {name: value for name, value in asdict(cpu).items() if name.endswith("_count")}
    cpu = evolve(cpu, **{name: value if value and value > 0 else None for name, value in counts.items()})
    cores, threads = cpu.physical_core_count, cpu.logical_thread_count
    return evolve(cpu, physical_core_count=None) if cores and threads and cores > threads else cpu


def merge(found: Iterable[Accelerator]) -> tuple[Accelerator, ...]:
    """Make one of those with the same identity: the first probe is believed, later ones fill the gaps.

    Answers them in the order of their addresses, so that two snapshots of one machine are alike.
    """
    merged: dict[object, Accelerator] = {}
    for number, accelerator in enumerate(found):
        key = accelerator.identity or number
        merged[key] = _filled(merged[key], accelerator) if key in merged else accelerator
    return tuple(sorted(merged.values(), key=lambda accelerator: (accelerator.identity, accelerator.model or "")))


def pci_identity(address: str) -> str:
    """One spelling of a PCI address: nvidia-smi has eight digits of domain, sysfs four, lspci none."""
    parts = address.strip().lower().split(":")
    if len(parts) == 2:
        parts = ["0", *parts]
    try:
        domain, bus, device = parts
        return f"{int(domain, 16):04x}:{bus}:{device}"
    except ValueError:
        return ""


def _filled(known: Accelerator, more: Accelerator) -> Accelerator:
    kind = more.memory.kind if known.memory.kind is MemoryKind.UNKNOWN else known.memory.kind
    capacity = _first(known.memory.capacity_bytes, more.memory.capacity_bytes)
    return evolve(
        known,
        vendor=_first(known.vendor, more.vendor),
        model=_first(known.model, more.model),
        architecture=_first(known.architecture, more.architecture),
        memory=AcceleratorMemory(kind, capacity),
        driver=_merged_driver(known.driver, more.driver),
        power_limit_watts=_first(known.power_limit_watts, more.power_limit_watts),
    )


def _merged_driver(known: Driver | None, more: Driver | None) -> Driver | None:
    if known is None or more is None:
        return known or more
    return Driver(_first(known.name, more.name), _first(known.version, more.version))


def _first(known: T | None, more: T | None) -> T | None:
    return more if known is None else known
