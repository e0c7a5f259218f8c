"""What is learned of the memory that models take: by their processes, and by what is less free after a load."""

from __future__ import annotations

from swaplab_core.domain.footprint import Room
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.performance import ProcessSample
from swaplab_core.engine import Phase
from swaplab_core.runtime.memory import MemoryBook
from swaplab_core.testing.fake_hardware import GIB, moment

A, B = ModelId("a"), ModelId("b")


class World:
    """A book, and a machine whose free memory the test sets."""

    def __init__(self):
        self.free = {"system": 50 * GIB, "gpu": 24 * GIB}
        self.saved = []
        self.book = MemoryBook(self.places, lambda known: self.saved.append(dict(known)), now=lambda: 7.0)

    def places(self):
        return {where: Room(100 * GIB, free) for where, free in self.free.items()}

    def loads(self, model, **took):
        self.book.changed(model, Phase.STARTING)
        for where, size in took.items():
            self.free[where] -= size
        self.book.changed(model, Phase.READY)

    def seen(self, model, size):
        self.book.told([ProcessSample(moment(0), model, size)])


def test_a_model_is_known_by_what_its_processes_hold_and_by_what_its_load_took():
    world = World()
    world.loads(A, gpu=9 * GIB)
    world.seen(A, GIB)
    assert world.book.held(A) == {"system": GIB, "gpu": 9 * GIB}
    world.seen(A, 2 * GIB)
    world.book.changed(A, Phase.STOPPED)
    assert world.book.held(A) == {}
    assert (world.book.known[A].held, world.book.known[A].at) == ({"system": 2 * GIB, "gpu": 9 * GIB}, 7.0)


def test_of_a_container_only_what_is_less_free_tells():
    world = World()
    world.loads(A, system=30 * GIB)
    world.seen(A, GIB // 32)
    assert world.book.held(A) == {"system": 30 * GIB}


def test_when_others_came_or_went_meanwhile_free_memory_tells_nothing():
    for meanwhile in (Phase.STARTING, Phase.STOPPED):
        world = World()
        world.book.changed(A, Phase.STARTING)
        world.book.changed(B, meanwhile)
        world.free["gpu"] -= 9 * GIB
        world.book.changed(A, Phase.READY)
        world.seen(A, GIB)
        assert world.book.held(A) == {"system": GIB}


def test_what_is_not_ready_yet_is_not_learned_from():
    world = World()
    world.book.changed(A, Phase.STARTING)
    world.seen(A, GIB)
    assert world.book.known == {}


def test_it_is_kept_when_it_is_new_and_not_for_every_sample():
    world = World()
    world.loads(A)
    for size in (GIB, GIB + 1, GIB + 2, 2 * GIB):
        world.seen(A, size)
    assert [saved[A].held["system"] for saved in world.saved] == [GIB, 2 * GIB]
