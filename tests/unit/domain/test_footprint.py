"""What a model needs of the memory, and whether it is there."""

from __future__ import annotations

from attrs import evolve

from swaplab_core.domain.footprint import Basis, Fit, Footprint, Room, estimate, fits, rooms
from swaplab_core.domain.performance import GpuSample, MemoryKind
from swaplab_core.testing.fake_hardware import GIB, moment, system_sample

CARD = GpuSample(moment(0), 0, "card", memory_used_bytes=4 * GIB, memory_total_bytes=24 * GIB)
MEASURED = Footprint({"gpu": 9 * GIB}, Basis.MEASURED, 1.0)


def test_cards_are_one_place_and_gpus_in_the_systems_memory_none_of_their_own():
    shared = evolve(CARD, memory_kind=MemoryKind.UNIFIED)
    assert rooms(system_sample(), [CARD, CARD]) == {
        "system": Room(8 * GIB, 6 * GIB),
        "gpu": Room(48 * GIB, 40 * GIB),
    }
    assert rooms(system_sample(), [shared]).keys() == {"system"}
    assert rooms(None, []) == {}


def test_what_was_measured_counts_more_than_the_size_of_the_weights():
    places = rooms(system_sample(), [CARD])
    assert estimate(MEASURED, 5 * GIB, places) is MEASURED
    assert estimate(None, 5 * GIB, places) == Footprint({"gpu": 5 * GIB}, Basis.WEIGHTS)
    assert estimate(None, 5 * GIB, rooms(system_sample(), [])).held == {"system": 5 * GIB}
    assert estimate(Footprint(), 0, places).basis is Basis.UNKNOWN


def test_it_fits_when_those_that_leave_give_back_enough():
    places = {"gpu": Room(24 * GIB, 5 * GIB)}
    (alone,) = fits(MEASURED, places)
    (after,) = fits(MEASURED, places, [Footprint({"gpu": 4 * GIB, "system": GIB})])
    assert after == Fit("gpu", 9 * GIB, 5 * GIB, 4 * GIB, 24 * GIB)
    assert (alone.is_enough, after.is_enough) == (False, True)
    assert fits(MEASURED, {"system": Room(1, 1)}) == ()
