"""What the Linux kernel knows of accelerators: DRM cards, and AMD's compute nodes (KFD), below /sys.

`root` is "/" but in tests. Only devices that a program may open count: a container sees the others in /sys, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from swaplab_core.adapters.hardware.readings import amount, positive
from swaplab_core.domain.hardware import Accelerator, AcceleratorMemory, Driver, pci_identity
from swaplab_core.domain.performance import MemoryKind

VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x1022": "AMD", "0x8086": "Intel", "0x106b": "Apple"}
AMD = "AMD"
APU_RATIO = 2
"""An APU may borrow more system memory than its carve-out, a card with its own borrows less."""
MICROWATT = 1e-6

_CARD = re.compile(r"card\d+")


def read_text(path: Path) -> str:
    """The content without blanks around it, "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def sysfs_accelerators(root: Path = Path("/")) -> tuple[Accelerator, ...]:
    """Everything the kernel shows; KFD first, since it knows the architecture."""
    return (*kfd_accelerators(root), *drm_accelerators(root))


def drm_accelerators(root: Path = Path("/")) -> Iterator[Accelerator]:
    """The graphics cards, connectors and virtual ones left out."""
    for card in sorted(_children(root / "sys/class/drm")):
        device = card / "device"
        vendor = VENDORS.get(read_text(device / "vendor").lower())
        if _CARD.fullmatch(card.name) and vendor and _may_be_opened(device, root):
            yield _drm(device, vendor, root)


def kfd_accelerators(root: Path = Path("/")) -> Iterator[Accelerator]:
    """AMD's GPUs that compute, with their architecture."""
    for node in sorted(_children(root / "sys/class/kfd/kfd/topology/nodes")):
        properties = dict(_properties(read_text(node / "properties")))
        architecture = gfx_name(properties.get("gfx_target_version", 0))
        render_node = f"renderD{properties.get('drm_render_minor', 0)}"
        device = root / "sys/class/drm" / render_node / "device"
        identity = pci_identity(device.resolve().name)
        is_amd = VENDORS.get(read_text(device / "vendor").lower()) == AMD
        if architecture and identity and is_amd and (root / "dev/dri" / render_node).exists():
            yield Accelerator(identity, vendor=AMD, architecture=architecture)


def gfx_name(version: int) -> str | None:
    """AMD's name of a target: 90010 is gfx90a, 110501 gfx1151. None for what is no GPU."""
    major, minor, stepping = version // 10_000, version // 100 % 100, version % 100
    return f"gfx{major}{minor}{stepping:x}" if major and minor < 10 and stepping < 16 else None


def _drm(device: Path, vendor: str, root: Path) -> Accelerator:
    driver = _link_name(device / "driver")
    version = read_text(root / "sys/module" / driver / "version") if driver else ""
    return Accelerator(
        pci_identity(device.resolve().name),
        vendor=vendor,
        model=read_text(device / "product_name") or None,
        memory=_memory(device),
        driver=Driver(driver, version or None) if driver else None,
        power_limit_watts=_power_limit(device),
    )


def _memory(device: Path) -> AcceleratorMemory:
    """Only amdgpu tells; what an APU may borrow counts with its carve-out."""
    own = amount(read_text(device / "mem_info_vram_total")) or 0
    borrowed = amount(read_text(device / "mem_info_gtt_total")) or 0
    if not own:
        return AcceleratorMemory()
    if borrowed >= APU_RATIO * own:
        return AcceleratorMemory(MemoryKind.SHARED_SYSTEM, own + borrowed)
    return AcceleratorMemory(MemoryKind.DEDICATED, own)


def _power_limit(device: Path) -> float | None:
    limits = (positive(read_text(sensor / "power1_cap")) for sensor in sorted(_children(device / "hwmon")))
    return next((microwatts * MICROWATT for microwatts in limits if microwatts), None)


def _may_be_opened(device: Path, root: Path) -> bool:
    nodes = (node.name for node in _children(device / "drm") if node.name.startswith("renderD"))
    return any((root / "dev/dri" / name).exists() for name in nodes)


def _properties(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if value.isdecimal():
            yield key, int(value)


def _link_name(path: Path) -> str:
    return path.resolve().name if path.exists() else ""


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
