"""NVIDIA's library, played by an object with the same functions; and the real module without a driver."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import threading
from types import SimpleNamespace

import pytest
from attrs import define, field

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.hardware.nvml import LIBRARY, NvmlSource
from swaplab_core.testing.fake_hardware import GIB

OFTEN = 0.01


class NVMLError(Exception):
    """As pynvml's."""


@define(eq=False)
class Card:
    """A GPU; what is None is not supported."""

    name: object = "NVIDIA GeForce RTX 4090"
    uuid: object = "GPU-1"
    temperature: int | None = 55
    memory_temperature: int | None = None
    busy: int | None = 70
    used: int | None = 6 * GIB
    total: int = 24 * GIB
    fan: int | None = 40
    milliwatts: int | None = 320_500
    lost: bool = False


@define(eq=False)
class FakeNvml:
    """Stands in for the module; `open` counts initialisations that were not taken back."""

    cards: list[Card] = field(factory=lambda: [Card()])
    refusal: str = ""
    failures: int = 0
    """So many of the next looks fail."""
    open: int = 0
    opened: int = 0
    hang: threading.Event | None = None

    NVMLError = NVMLError
    NVML_SUCCESS = 0
    NVML_TEMPERATURE_GPU = 0
    NVML_FI_DEV_MEMORY_TEMP = 82

    def nvmlInit(self):  # noqa: N802
        if self.refusal:
            raise NVMLError(self.refusal)
        self.open += 1
        self.opened += 1

    def nvmlShutdown(self):  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self):  # noqa: N802
        if self.hang is not None:
            self.hang.wait()
        if self.failures:
            self.failures -= 1
            raise NVMLError("Unknown Error")
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        if self.cards[index].lost:
            raise NVMLError("GPU is lost")
        return self.cards[index]

    def nvmlDeviceGetName(self, card):  # noqa: N802
        return told(card.name)

    def nvmlDeviceGetUUID(self, card):  # noqa: N802
        return told(card.uuid)

    def nvmlDeviceGetTemperature(self, card, _sensor):  # noqa: N802
        return told(card.temperature)

    def nvmlDeviceGetUtilizationRates(self, card):  # noqa: N802
        return SimpleNamespace(gpu=told(card.busy), memory=1)

    def nvmlDeviceGetMemoryInfo(self, card):  # noqa: N802
        return SimpleNamespace(used=told(card.used), total=card.total, free=card.total - card.used)

    def nvmlDeviceGetFanSpeed(self, card):  # noqa: N802
        return told(card.fan)

    def nvmlDeviceGetPowerUsage(self, card):  # noqa: N802
        return told(card.milliwatts)

    def nvmlDeviceGetFieldValues(self, card, _fields):  # noqa: N802
        value = SimpleNamespace(uiVal=card.memory_temperature or 0)
        return [SimpleNamespace(nvmlReturn=0 if card.memory_temperature else 3, value=value)]


def told(value):
    if value is None:
        raise NVMLError("Not Supported")
    return value


async def rounds(nvml, count, between=lambda: None, **options):
    """Run a source until it has reported so often, then cancel it; answers the reports."""
    source = NvmlSource(LoopClock(), lambda: nvml, **options)
    reports, enough = [], asyncio.Event()

    def take(samples):
        reports.append(samples)
        between()
        if len(reports) >= count:
            enough.set()

    running = asyncio.ensure_future(source.run(OFTEN, take))
    waiting = asyncio.ensure_future(enough.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=120)
    waiting.cancel()
    if running.done():
        return reports, running.result()
    running.cancel()
    await asyncio.wait({running})
    return reports, None


def test_everything_a_card_tells_is_read():
    [[sample]], _ = asyncio.run(rounds(FakeNvml([Card(memory_temperature=66)]), 1))
    assert (sample.id, sample.name, sample.uuid) == (0, "NVIDIA GeForce RTX 4090", "GPU-1")
    assert (sample.temperature_celsius, sample.memory_temperature_celsius, sample.busy_percent) == (55, 66, 70)
    assert (sample.memory_used_bytes, sample.memory_total_bytes) == (6 * GIB, 24 * GIB)
    assert (sample.fan_percent, sample.power_watts) == (40, 320.5)


def test_a_gb10_tells_no_memory_and_no_fan():
    card = Card("NVIDIA GB10", used=None, fan=None, milliwatts=None, busy=None, temperature=None)
    [[sample]], _ = asyncio.run(rounds(FakeNvml([card]), 1))
    assert (sample.name, sample.memory_used_bytes, sample.memory_total_bytes) == ("NVIDIA GB10", None, None)
    assert (sample.fan_percent, sample.power_watts, sample.busy_percent, sample.temperature_celsius) == (None,) * 4


def test_an_idle_card_tells_zero_and_not_nothing():
    [[sample]], _ = asyncio.run(rounds(FakeNvml([Card(busy=0, used=0, fan=0, milliwatts=0)]), 1))
    assert (sample.busy_percent, sample.memory_used_bytes, sample.fan_percent, sample.power_watts) == (0, 0, 0, 0)


def test_names_may_be_bytes_as_in_older_versions():
    [[sample]], _ = asyncio.run(rounds(FakeNvml([Card(b"NVIDIA A100", b"GPU-2")]), 1))
    assert (sample.name, sample.uuid) == ("NVIDIA A100", "GPU-2")


def test_every_gpu_is_in_every_look_and_a_lost_one_is_left_out():
    reports, _ = asyncio.run(rounds(FakeNvml([Card(), Card(lost=True), Card()]), 3))
    assert [[sample.id for sample in samples] for samples in reports] == [[0, 2]] * 3


def test_the_library_is_opened_once_and_closed_at_the_end():
    nvml = FakeNvml()
    asyncio.run(rounds(nvml, 5))
    assert (nvml.opened, nvml.open) == (1, 0)


@pytest.mark.parametrize("refusal", ["Driver Not Loaded", "Driver/library version mismatch"])
def test_without_a_driver_it_says_so_at_once(refusal):
    reports, reason = asyncio.run(rounds(FakeNvml(refusal=refusal), 1))
    assert not reports
    assert refusal in reason


def test_a_driver_without_gpus_is_no_source():
    assert asyncio.run(rounds(FakeNvml([]), 1)) == ([], "NVIDIA's driver knows no GPU")


def test_a_short_failure_is_forgiven_and_opens_the_library_anew():
    nvml = FakeNvml(failures=0)
    fail_twice_after_the_first = iter([2])

    def between():
        nvml.failures = next(fail_twice_after_the_first, 0)

    reports, reason = asyncio.run(rounds(nvml, 4, between))
    assert (len(reports), reason) == (4, None)
    assert (nvml.opened, nvml.open) == (3, 0)


def test_a_lasting_failure_ends_it_with_the_librarys_own_words():
    nvml = FakeNvml()

    def between():
        nvml.failures = 100

    reports, reason = asyncio.run(rounds(nvml, 2, between))
    assert len(reports) == 1
    assert reason == "NVIDIA's driver does not tell: Unknown Error"
    assert nvml.open == 0


def test_a_library_that_hangs_is_given_up_and_not_asked_again():
    nvml = FakeNvml(hang=threading.Event())

    async def scenario():
        source = NvmlSource(LoopClock(), lambda: nvml, timeout_seconds=0.05)
        reasons = [await source.run(OFTEN, print) for _ in range(2)]
        nvml.hang.set()
        return reasons

    first, second = asyncio.run(scenario())
    assert "did not answer within 0.05 s" in first
    assert "did not answer" in second
    assert nvml.opened == 1


def test_without_a_driver_the_real_module_is_not_even_imported():
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        assert asyncio.run(NvmlSource(LoopClock()).run(OFTEN, print)) == "there is no driver of NVIDIA"
    else:
        pytest.skip("this machine has a driver of NVIDIA")


def test_the_real_module_has_every_function_that_is_used():
    module = importlib.import_module("pynvml")
    used = [name for name in vars(FakeNvml) if name.lower().startswith("nvml")]
    assert len(used) > 10
    assert all(hasattr(module, name) for name in used)


def test_without_the_module_it_says_so():
    def missing():
        raise ImportError("No module named 'pynvml'")

    source = NvmlSource(LoopClock(), missing)
    assert "not installed" in asyncio.run(source.run(OFTEN, print))
