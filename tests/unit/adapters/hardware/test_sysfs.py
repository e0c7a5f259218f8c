"""What the kernel knows of accelerators, in a /sys written on the spot."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.sysfs import gfx_name, sysfs_accelerators
from swaplab_core.domain.hardware import Accelerator, AcceleratorMemory, Driver, merge
from swaplab_core.domain.performance import MemoryKind
from swaplab_core.testing.fake_hardware import GIB

AMD, INTEL, NVIDIA = "0x1002", "0x8086", "0x10de"


@pytest.fixture
def add_card(tmp_path):
    """Write a DRM card with its render node; further arguments are files of its device folder."""

    def add(number, address, vendor, *, driver="", openable=True, **files):
        device = tmp_path / "sys/devices" / address
        node = f"renderD{128 + number}"
        for folder in (device / "drm" / node, tmp_path / "dev/dri", tmp_path / "sys/class/drm"):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"vendor": vendor, **files}.items():
            file = device / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        for name in (f"card{number}", node):
            (tmp_path / "sys/class/drm" / name).mkdir()
            (tmp_path / "sys/class/drm" / name / "device").symlink_to(device)
        if driver:
            module = tmp_path / "sys/module" / driver
            module.mkdir(parents=True)
            (module / "version").write_text("6.10.5\n")
            (device / "driver").symlink_to(module)
        if openable:
            (tmp_path / "dev/dri" / node).touch()

    return add


def add_compute_node(root, number, **properties):
    node = root / "sys/class/kfd/kfd/topology/nodes" / str(number)
    node.mkdir(parents=True)
    (node / "properties").write_text("".join(f"{key} {value}\n" for key, value in properties.items()))


def test_a_machine_without_sysfs_has_none(tmp_path):
    assert sysfs_accelerators(tmp_path) == ()


def test_a_card_of_amd_tells_its_memory_driver_and_power_limit(tmp_path, add_card):
    add_card(
        0,
        "0000:03:00.0",
        AMD,
        driver="amdgpu",
        mem_info_vram_total=24 * GIB,
        mem_info_gtt_total=GIB // 4,
        product_name="Radeon RX 7900 XTX",
        hwmon__hwmon3__power1_cap=339_000_000,
    )
    assert sysfs_accelerators(tmp_path) == (
        Accelerator(
            "0000:03:00.0",
            vendor="AMD",
            model="Radeon RX 7900 XTX",
            memory=AcceleratorMemory(MemoryKind.DEDICATED, 24 * GIB),
            driver=Driver("amdgpu", "6.10.5"),
            power_limit_watts=339,
        ),
    )


def test_an_apu_counts_what_it_may_borrow(tmp_path, add_card):
    add_card(0, "0000:c4:00.0", AMD, mem_info_vram_total=GIB // 2, mem_info_gtt_total=23 * GIB)
    [apu] = sysfs_accelerators(tmp_path)
    assert apu.memory == AcceleratorMemory(MemoryKind.SHARED_SYSTEM, 23 * GIB + GIB // 2)


@pytest.mark.parametrize(("vendor", "name"), [(INTEL, "Intel"), (NVIDIA, "NVIDIA")])
def test_what_the_kernel_does_not_tell_of_other_vendors_is_unknown(tmp_path, add_card, vendor, name):
    add_card(0, "0000:00:02.0", vendor)
    assert sysfs_accelerators(tmp_path) == (Accelerator("0000:00:02.0", vendor=name),)


def test_a_virtual_card_is_none(tmp_path, add_card):
    add_card(0, "0000:00:01.0", "0x1af4")
    assert sysfs_accelerators(tmp_path) == ()


def test_a_card_that_this_container_may_not_open_is_none(tmp_path, add_card):
    add_card(0, "0000:03:00.0", AMD, openable=False, mem_info_vram_total=GIB)
    assert sysfs_accelerators(tmp_path) == ()


def test_connectors_are_no_cards(tmp_path, add_card):
    add_card(0, "0000:03:00.0", AMD)
    (tmp_path / "sys/class/drm/card0-DP-1/device").mkdir(parents=True)
    (tmp_path / "sys/class/drm/card0-DP-1/device/vendor").write_text(AMD)
    assert len(sysfs_accelerators(tmp_path)) == 1


def test_a_compute_node_adds_the_architecture(tmp_path, add_card):
    add_card(0, "0000:65:00.0", AMD, mem_info_vram_total=GIB)
    add_compute_node(tmp_path, 0, cpu_cores_count=16, gfx_target_version=0, drm_render_minor=0)
    add_compute_node(tmp_path, 1, gfx_target_version=110501, drm_render_minor=128, vendor_id=4098)
    [merged] = merge(sysfs_accelerators(tmp_path))
    assert (merged.architecture, merged.memory.capacity_bytes) == ("gfx1151", GIB)


def test_a_compute_node_that_this_container_may_not_open_is_none(tmp_path, add_card):
    add_card(0, "0000:65:00.0", AMD, openable=False)
    add_compute_node(tmp_path, 1, gfx_target_version=110501, drm_render_minor=128)
    assert sysfs_accelerators(tmp_path) == ()


@pytest.mark.parametrize(
    ("version", "name"),
    [(0, None), (90010, "gfx90a"), (90402, "gfx942"), (110000, "gfx1100"), (110501, "gfx1151"), (129999, None)],
)
def test_gfx_target_formatting(version, name):
    assert gfx_name(version) == name
