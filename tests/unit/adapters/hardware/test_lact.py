"""Answers of LACT's daemon, in the shapes of its API."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.lact import Device, as_devices, as_samples, socket_paths
from swaplab_core.domain.performance import GpuSample
from swaplab_core.testing.fake_hardware import GIB, moment

ID = "1002:744C-1DA2:E471-0000:03:00.0"
CARD = Device(0, ID, "Navi 31 [Radeon RX 7900 XTX]")
STATS = {
    "fan": {"control_enabled": False, "pwm_current": 51, "speed_current": 900},
    "clockspeed": {"gpu_clockspeed": 500},
    "voltage": {"gpu": 700},
    "vram": {"total": 24 * GIB, "used": 6 * GIB},
    "power": {"average": 91.0, "current": 95.0, "cap_current": 339.0},
    "temps": {"edge": {"current": 48.0, "crit": 100.0}, "junction": {"current": 55.0}, "mem": {"current": 60.0}},
    "busy_percent": 37,
}


def read(stats, device=CARD):
    return as_samples([(device, stats)], moment(0))


def test_devices_are_numbered_in_the_order_of_the_list():
    assert as_devices([{"id": ID, "name": CARD.name}, {"id": "b"}]) == (CARD, Device(1, "b", "b"))


@pytest.mark.parametrize("data", [None, {}, "x", [], [None], [{}], [{"id": ""}]])
def test_a_strange_list_has_no_devices(data):
    assert as_devices(data) == ()


def test_amd_stats_are_read():
    assert read(STATS) == (
        GpuSample(
            moment(0),
            0,
            CARD.name,
            ID,
            temperature_celsius=48,
            memory_temperature_celsius=60,
            busy_percent=37,
            memory_used_bytes=6 * GIB,
            memory_total_bytes=24 * GIB,
            fan_percent=20,
            power_watts=91,
        ),
    )


def test_nvidia_stats_are_read():
    stats = {**STATS, "temps": {"GPU": {"current": 41}, "VRAM": {"current": 0}}, "power": {"current": 20.5}}
    [sample] = read(stats)
    assert (sample.temperature_celsius, sample.memory_temperature_celsius, sample.power_watts) == (41, None, 20.5)


def test_any_temperature_is_better_than_none():
    [sample] = read({**STATS, "temps": {"composite": {"current": 44.0}}})
    assert (sample.temperature_celsius, sample.memory_temperature_celsius) == (44, None)


def test_an_idle_card_that_tells_no_average_tells_its_power_now():
    [sample] = read({**STATS, "power": {"average": 0.0, "current": 8.0}})
    assert sample.power_watts == 8


@pytest.mark.parametrize("memory", [{"total": 0, "used": 0}, {}, None])
def test_a_device_without_memory_of_its_own_is_left_out(memory):
    assert read({**STATS, "vram": memory}) == ()


@pytest.mark.parametrize("stats", [None, [], "busy", 3])
def test_stats_of_a_strange_shape_are_left_out(stats):
    assert read(stats) == ()


def test_missing_and_strange_figures_are_unknown():
    [sample] = read({"vram": {"total": GIB}, "busy_percent": True, "fan": 3, "temps": {"edge": 5}, "power": {}})
    assert sample == GpuSample(moment(0), 0, CARD.name, ID, memory_total_bytes=GIB)


def test_the_socket_of_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv("LACT_DAEMON_SOCKET_PATH", "/somewhere/lactd.sock")
    assert [str(path) for path in socket_paths()][:2] == ["/somewhere/lactd.sock", "/run/lactd.sock"]


def test_without_it_the_systems_and_the_users_socket_are_tried(monkeypatch):
    monkeypatch.delenv("LACT_DAEMON_SOCKET_PATH", raising=False)
    assert [path.name for path in socket_paths()] == ["lactd.sock", "lactd.sock"]
