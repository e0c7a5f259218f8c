"""When a refused client is told to come back."""

from __future__ import annotations

import asyncio

import pytest
from attrs import frozen

from swaplab_core.domain.errors import ShuttingDown, TooManyRequests, UnknownModel, Unloaded
from swaplab_core.engine.phases import Phase
from swaplab_core.server.inference.waiting import LONGEST_RETRY_SECONDS, WaitingRoom
from swaplab_core.server.metrics.counters import Metrics


@frozen
class Model:
    """A model as the waiting room sees it, and a ticket for it that is refused."""

    phase: Phase = Phase.READY
    serving: int = 0
    load: float | None = None
    error: type[Exception] = TooManyRequests
    id: str = "m"
    is_settled: bool = True
    joined_at: int = 0

    def find(self, _):
        return self

    def state(self, _):
        return self

    def seconds_until_ready(self, _):
        return self.load

    def waiting_count(self):
        return 0

    async def granted(self):
        raise self.error("refused")


def told(model: Model, pace: float | None = None) -> int | None:
    room = WaitingRoom(model, pace=lambda _: pace)
    with pytest.raises(model.error) as refused:
        asyncio.run(room.granted(None, model, model, streaming=False))
    return refused.value.retry_after_seconds


@pytest.mark.parametrize(
    ("model", "pace", "seconds"),
    [
        (Model(serving=4), 60.0, 15),  # one of the four ends about then
        (Model(serving=1), 60.0, 60),
        (Model(serving=2), 0.3, 1),
        (Model(serving=2), None, 1),
        (Model(serving=0), 5.5, 6),
        (Model(serving=1, load=100.0), 3.0, 3),  # it is loaded already
        (Model(Phase.STARTING, load=41.2), 3.0, 42),
        (Model(Phase.STARTING, load=-3.0), 3.0, 1),  # it takes longer than ever before
        (Model(Phase.STOPPED, load=None), 3.0, 1),
        (Model(Phase.STOPPED, load=1e9), None, LONGEST_RETRY_SECONDS),
    ],
)
def test_it_is_the_rest_of_the_load_or_when_a_request_is_likely_to_end(model, pace, seconds):
    assert told(model, pace) == seconds


class Removed(Model):
    """It was taken out of the file."""

    def find(self, name):
        raise UnknownModel(name)


def test_a_model_that_is_gone_hides_no_reason():
    assert told(Removed(error=Unloaded)) == 1


def test_a_daemon_that_stops_says_by_itself_when():
    assert told(Model(error=ShuttingDown), 600.0) == 10


def test_the_pace_of_a_model_follows_its_last_requests():
    metrics = Metrics()
    assert metrics.pace("m") is None

    metrics.request_done("m", 200, seconds=10)
    assert metrics.pace("m") == 10
    metrics.request_done("m", 502, seconds=0.1)
    metrics.request_done("other", 200, seconds=99)
    assert metrics.pace("m") == 10, "a failure tells nothing"
    for _ in range(50):
        metrics.request_done("m", 200, seconds=2)
    assert metrics.pace("m") == pytest.approx(2, abs=0.01)
