"""The swap timeline: what it remembers, and for how long."""

from __future__ import annotations

import itertools

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import Phase
from swaplab_core.engine.effects import StopUpstream
from swaplab_core.runtime.timeline import LENGTH, Timeline

A, B = ModelId("a"), ModelId("b")


class _Slot:
    def __init__(self, phase):
        self.phase = phase


class _Dispatcher:
    """As much of a dispatcher as the timeline looks at."""

    def __init__(self):
        self.slots = {A: _Slot(Phase.STOPPED), B: _Slot(Phase.STOPPED)}
        self.engine = self.tape = self
        self.latest_effects = ()

    def moves(self, timeline, model, phase, *effects):
        self.slots[model].phase = phase
        self.latest_effects = effects
        timeline.note(self, model)


def ticking():
    ticks = itertools.count(1)
    return Timeline(lambda: float(next(ticks)))


def test_changes_come_back_in_order_with_the_reason_of_a_stop():
    timeline, dispatcher = ticking(), _Dispatcher()
    dispatcher.moves(timeline, A, Phase.STARTING)
    dispatcher.moves(timeline, A, Phase.READY)
    dispatcher.moves(timeline, A, Phase.STOPPING, StopUpstream(A, 1, because="b needs its place"))
    assert [(c.at, c.phase, c.because) for c in timeline.since(0.0)] == [
        (1.0, Phase.STARTING, ""),
        (2.0, Phase.READY, ""),
        (3.0, Phase.STOPPING, "b needs its place"),
    ]


def test_a_window_begins_with_where_every_model_was():
    timeline, dispatcher = ticking(), _Dispatcher()
    dispatcher.moves(timeline, A, Phase.STARTING)
    dispatcher.moves(timeline, A, Phase.READY)
    dispatcher.moves(timeline, B, Phase.READY)
    dispatcher.moves(timeline, B, Phase.STOPPED)
    assert [(c.model, c.at) for c in timeline.since(3.5)] == [(A, 2.0), (B, 3.0), (B, 4.0)]


def test_only_the_newest_are_kept():
    timeline, dispatcher = ticking(), _Dispatcher()
    for _ in range(LENGTH + 10):
        dispatcher.moves(timeline, A, Phase.READY)
    assert len(timeline.since(0.0)) == LENGTH
