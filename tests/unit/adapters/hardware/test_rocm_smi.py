"""Tables of rocm-smi: the columns of several versions."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.rocm_smi import as_samples
from swaplab_core.domain.performance import GpuSample
from swaplab_core.testing.fake_hardware import GIB, moment

V5 = (
    "device,GPU ID,Temperature (Sensor edge) (C),Temperature (Sensor junction) (C),Temperature (Sensor memory) (C),"
    "Fan speed (level),Fan speed (%),Fan RPM,Average Graphics Package Power (W),GPU use (%),GPU memory use (%),"
    "Memory Activity,VRAM Total Memory (B),VRAM Total Used Memory (B),Card series,Card model,Card vendor,Card SKU"
)
V5_CARD = f"card0,0x7551,38.0,45.0,39.0,51,20,1068,15.0,3,0,N/A,{32 * GIB},{16 * GIB},0x1002,0x1002,0x1002,APM1"
V6 = (
    "device,Device Name,Device ID,Device Rev,Subsystem ID,GUID,Temperature (Sensor edge) (C),Temperature (Sensor "
    "junction) (C),Temperature (Sensor memory) (C),Fan speed (level),Fan speed (%),Fan RPM,Current Socket Graphics "
    "Package Power (W),GPU use (%),GPU Memory Allocated (VRAM%),Memory Activity,VRAM Total Memory (B),VRAM Total Used "
    "Memory (B),Card Series,Card Model,Card Vendor,Card SKU,Subsystem ID,Device Rev,Node ID,GUID,GFX Version"
)
V6_CARD = (
    "card1,AMD Instinct MI300X,0x74a1,0x00,0x74a1,12345,N/A,61.0,52.0,N/A,N/A,N/A,812.0,99,49,N/A,"
    f"{192 * GIB},{96 * GIB},AMD Instinct MI300X,0x74a1,AMD,M3000100,0x74a1,0x00,2,12345,gfx942"
)
V7 = (
    "device,Device Name,Device ID,Device Rev,Subsystem ID,GUID,Temperature (Sensor edge) (C),Temperature (Sensor "
    "junction) (C),Temperature (Sensor memory) (C),Fan speed (level),Fan speed (%),Fan RPM,Average Graphics Package "
    "Power (W),GPU use (%),GPU Memory Allocated (VRAM%),GPU Memory Read/Write Activity (%),Memory Activity,Avg. Memory "
    "Bandwidth,VRAM Total Memory (B),VRAM Total Used Memory (B),Card Series,Card Model,Card Vendor,Card SKU,Node ID,"
    "GFX Version"
)
V7_CARD = (
    "card0,N/A,0x7551,0xc0,0x1234,55555,38.0,45.0,39.0,51,20,1068,15.0,3,88,0,N/A,0,"
    f"{32 * GIB},{16 * GIB},N/A,0x7551,0x1002,APM1,1,gfx1201"
)


def read(*lines):
    return as_samples("\n".join(lines) + "\n", moment(0))


def test_parse_rocm_smi_line_valid_line_v5():
    [sample] = read(V5, V5_CARD)
    assert sample == GpuSample(
        moment(0),
        0,
        "card0",
        temperature_celsius=38,
        memory_temperature_celsius=39,
        busy_percent=3,
        memory_used_bytes=16 * GIB,
        memory_total_bytes=32 * GIB,
        fan_percent=20,
        power_watts=15,
    )
    assert sample.memory_percent == 50


def test_parse_rocm_smi_line_valid_line_v6():
    [sample] = read(V6, V6_CARD)
    assert sample == GpuSample(
        moment(0),
        1,
        "AMD Instinct MI300X card1 (gfx942)",
        uuid="12345",
        temperature_celsius=61,
        memory_temperature_celsius=52,
        busy_percent=99,
        memory_used_bytes=96 * GIB,
        memory_total_bytes=192 * GIB,
        power_watts=812,
    )


def test_parse_rocm_smi_line_valid_line_v7():
    [sample] = read(V7, V7_CARD)
    assert (sample.id, sample.name, sample.uuid) == (0, "card0 (gfx1201)", "55555")
    assert (sample.temperature_celsius, sample.memory_temperature_celsius, sample.fan_percent) == (38, 39, 20)
    assert (sample.power_watts, sample.busy_percent, sample.memory_percent) == (15, 3, 50)


def test_all_cards_and_both_tables_are_read_whatever_stands_around_them():
    samples = read("WARNING: AMD GPU device(s) is/are in a low-power state.", "", V5, V5_CARD, "", V6, V6_CARD, "bye")
    assert [sample.id for sample in samples] == [0, 1]


@pytest.mark.parametrize(
    "lines",
    [(V5_CARD,), (V5,), (V5, "card0,0x7551,38.0"), (V5, V5_CARD.replace("card0", "system")), ()],
    ids=["no header", "no card", "field count mismatch", "no card's row", "nothing"],
)
def test_parse_rocm_smi_line_invalid_lines(lines):
    assert read(*lines) == ()


def test_header_names_are_known_in_any_case():
    [sample] = read(V5.upper(), V5_CARD)
    assert sample.busy_percent == 3
