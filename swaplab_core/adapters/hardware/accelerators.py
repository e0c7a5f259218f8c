"""What accelerators there are, as NVIDIA's and AMD's programs tell: the questions, and pure readers of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from swaplab_core.adapters.hardware.readings import MIB, amount, positive, row, word
from swaplab_core.adapters.hardware.rocm_smi import Columns, model_of, tables, told
from swaplab_core.domain.hardware import Accelerator, AcceleratorMemory, Driver, pci_identity
from swaplab_core.domain.performance import MemoryKind, has_unified_memory

NVIDIA_FIELDS = ("name", "uuid", "pci.bus_id", "memory.total", "driver_version", "power.limit")
NVIDIA_ARGV = ("nvidia-smi", f"--query-gpu={','.join(NVIDIA_FIELDS)}", "--format=csv,noheader,nounits")
NVIDIA_COMPUTE_ARGV = ("nvidia-smi", "--query-gpu=pci.bus_id,compute_cap", "--format=csv,noheader,nounits")
"""A question of its own: drivers before 510 do not know the field, and then answer nothing at all."""

ROCM_ARGV = (
    "rocm-smi", "-i", "--showmeminfo", "vram", "--showproductname", "--showdriverversion", "--showmaxpower",
    "--showbus", "--csv",
)  # fmt: skip
ROCM_SHORT_ARGV = ("rocm-smi", "-i", "--showmeminfo", "vram", "--showproductname", "--showbus", "--csv")
"""For versions that do not know all of the first."""

_NVIDIA_ARCHITECTURES = {
    "2": "Fermi",
    "3": "Kepler",
    "5": "Maxwell",
    "6": "Pascal",
    "7": "Volta",
    "7.5": "Turing",
    "8": "Ampere",
    "8.9": "Ada Lovelace",
    "9": "Hopper",
    "10": "Blackwell",
    "11": "Blackwell",
    "12": "Blackwell",
}
"""By compute capability, or by its first number."""


def nvidia_accelerators(text: str, memory_bytes: int) -> tuple[Accelerator, ...]:
    """Read the answer to NVIDIA_ARGV; `memory_bytes` is the system's, which some of them share."""
    rows = (row(line) for line in text.splitlines())
    return tuple(_nvidia(fields, memory_bytes) for fields in rows if len(fields) == len(NVIDIA_FIELDS))


def compute_architectures(text: str) -> Mapping[str, str]:
    """Read the answer to NVIDIA_COMPUTE_ARGV: identity → the architecture's name."""
    rows = (fields for line in text.splitlines() if len(fields := row(line)) == 2)
    known = ((pci_identity(address), architecture_of_compute(version)) for address, version in rows)
    return {identity: name for identity, name in known if identity and name}


def architecture_of_compute(version: str) -> str | None:
    """NVIDIA's name for a compute capability such as "8.9"; None for one that we do not know."""
    return _NVIDIA_ARCHITECTURES.get(version) or _NVIDIA_ARCHITECTURES.get(version.partition(".")[0])


def with_architectures(
    accelerators: tuple[Accelerator, ...], architectures: Mapping[str, str]
) -> tuple[Accelerator, ...]:
    """Add what the second question told."""
    return tuple(evolve(each, architecture=architectures.get(each.identity)) for each in accelerators)


def rocm_accelerators(text: str) -> tuple[Accelerator, ...]:
    """Read the answer to ROCM_ARGV or the short one."""
    return tuple(_rocm(columns) for columns in tables(text) if columns["device"].lower().startswith("card"))


def _nvidia(fields: Sequence[str], memory_bytes: int) -> Accelerator:
    name, uuid, address, memory, driver, power = fields
    version = word(driver)
    return Accelerator(
        pci_identity(address) or uuid,
        vendor="NVIDIA",
        model=word(name),
        memory=_nvidia_memory(name, amount(memory, MIB) or None, memory_bytes),
        driver=Driver("NVIDIA", version) if version else None,
        power_limit_watts=positive(power),
    )


def _nvidia_memory(name: str, told_bytes: int | None, memory_bytes: int) -> AcceleratorMemory:
    """A card that does not tell its memory has some all the same, of a size we do not know."""
    if has_unified_memory(name, told_bytes):
        return AcceleratorMemory(MemoryKind.UNIFIED, memory_bytes)
    return AcceleratorMemory(MemoryKind.DEDICATED if told_bytes else MemoryKind.UNKNOWN, told_bytes)


def _rocm(columns: Columns) -> Accelerator:
    capacity = amount(told(columns, "vram total memory (b)")) or None
    version = told(columns, "driver version")
    address = told(columns, "pci bus", "pci bus id", "bus")
    power = told(columns, "max graphics package power (w)", "maximum graphics package power (w)")
    return Accelerator(
        pci_identity(address) or told(columns, "unique id", "guid"),
        vendor="AMD",
        model=model_of(columns),
        architecture=told(columns, "gfx version") or None,
        memory=AcceleratorMemory(MemoryKind.DEDICATED if capacity else MemoryKind.UNKNOWN, capacity),
        driver=Driver("amdgpu", version) if version else None,
        power_limit_watts=positive(power),
    )
