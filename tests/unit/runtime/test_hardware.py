"""The snapshot of the hardware: taken once, in ten seconds or not at all."""

from __future__ import annotations

import asyncio

from swaplab_core.domain.hardware import Architecture, Cpu, Environment, HardwareSnapshot, OperatingSystem
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.testing.fake_hardware import GIB, FakeHardware, moment
from swaplab_core.testing.fakes import ManualClock

SNAPSHOT = HardwareSnapshot(
    moment(0), Architecture("arm64"), OperatingSystem("linux"), Environment(), Cpu(), 128 * GIB, ()
)


async def gathered(probe, *, askers=1, limit_seconds=10.0):
    inventory = HardwareInventory(probe, limit_seconds)
    answers = asyncio.gather(*(inventory.snapshot() for _ in range(askers)))
    if isinstance(probe.clock, ManualClock):
        await probe.clock.advance(probe.seconds)
    return inventory, await answers


def test_everybody_gets_what_one_look_found():
    async def scenario():
        probe = FakeHardware(ManualClock(), SNAPSHOT, seconds=2)
        inventory, answers = await gathered(probe, askers=5)
        assert answers == [SNAPSHOT] * 5
        assert await inventory.snapshot() == SNAPSHOT
        assert probe.looks == 1

    asyncio.run(scenario())


def test_a_look_that_failed_is_no_last_word():
    async def scenario():
        probe = FakeHardware(ManualClock())
        inventory, answers = await gathered(probe)
        assert answers == [None]
        probe.snapshot = SNAPSHOT
        assert await inventory.snapshot() == SNAPSHOT

    asyncio.run(scenario())


def test_a_look_that_takes_too_long_is_given_up():
    async def scenario():
        clock = ManualClock()  # it stands still: the look never ends
        inventory = HardwareInventory(FakeHardware(clock, SNAPSHOT, seconds=1), limit_seconds=0.02)
        assert await inventory.snapshot() is None

    asyncio.run(scenario())


def test_a_look_has_ten_seconds():
    assert HardwareInventory(FakeHardware(ManualClock())).limit_seconds == 10


def test_whoever_leaves_takes_nobody_elses_snapshot_along():
    async def scenario():
        probe = FakeHardware(ManualClock(), SNAPSHOT, seconds=2)
        inventory = HardwareInventory(probe)
        leaver = asyncio.ensure_future(inventory.snapshot())
        stayer = asyncio.ensure_future(inventory.snapshot())
        await probe.clock.advance(1)
        leaver.cancel()
        await probe.clock.advance(2)
        assert await stayer == SNAPSHOT

    asyncio.run(scenario())
