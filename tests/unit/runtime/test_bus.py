"""The bus: everybody hears everything of their kind in order, and nobody waits for anybody.

Names of upstream's event tests: order, unsubscribe, concurrency, type conflict, backpressure.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.domain.events import (
    ActivityRecorded,
    ConfigChanged,
    Event,
    Gap,
    Logged,
    ModelChanged,
    Overflow,
    RequestChanged,
)
from swaplab_core.domain.ids import ModelId
from swaplab_core.runtime.bus import REMEMBERED, Bus, Numbered, Subscription


def rows(*ids: int) -> list[Event]:
    return [ActivityRecorded(number) for number in ids]


def publish(bus: Bus, *events: Event) -> None:
    for event in events:
        bus.publish(event)


def events(subscription: Subscription) -> list[Event]:
    return [numbered.event for numbered in subscription.take()]


def test_order_is_that_of_publishing_and_numbers_grow_by_one():
    bus = Bus()
    with bus.subscribe(ActivityRecorded, ConfigChanged) as subscription:
        publish(bus, *rows(7, 8), ConfigChanged("x"), *rows(9))

        assert subscription.take() == [
            Numbered(1, ActivityRecorded(7)),
            Numbered(2, ActivityRecorded(8)),
            Numbered(3, ConfigChanged("x")),
            Numbered(4, ActivityRecorded(9)),
        ]
        assert subscription.take() == []


def test_who_has_unsubscribed_hears_no_more_and_the_others_do():
    bus = Bus()
    with bus.subscribe(ActivityRecorded) as stays:
        with bus.subscribe(ActivityRecorded) as leaves:
            publish(bus, *rows(1))
        publish(bus, *rows(2))

        assert events(leaves) == rows(1)
        assert events(stays) == rows(1, 2)


def test_what_was_published_before_is_not_heard():
    bus = Bus()
    publish(bus, *rows(1))
    with bus.subscribe(ActivityRecorded) as subscription:
        publish(bus, *rows(2))

        assert events(subscription) == rows(2)


def test_who_asks_for_one_kind_hears_no_other():
    bus = Bus()
    with bus.subscribe(ConfigChanged) as subscription:
        publish(bus, ModelChanged(ModelId("m")), *rows(1), ConfigChanged("x"), Logged("proxy", b"x"))

        assert events(subscription) == [ConfigChanged("x")]


def test_many_listeners_all_hear_everything():
    async def scenario() -> None:
        bus, count = Bus(), 300

        async def listen() -> list[Event]:
            heard: list[Event] = []
            with bus.subscribe(ActivityRecorded) as subscription:
                listening.release()
                async for numbered in subscription:
                    heard.append(numbered.event)
                    if len(heard) == count:
                        return heard
            raise AssertionError

        listening = asyncio.Semaphore(0)
        listeners = [asyncio.get_running_loop().create_task(listen()) for _ in range(100)]
        for _ in listeners:
            await listening.acquire()
        for number in range(count):
            bus.publish(ActivityRecorded(number))
            if number % 7 == 0:
                await asyncio.sleep(0)

        assert [await listener for listener in listeners] == [rows(*range(count))] * 100

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_a_listener_that_never_reads_keeps_the_newest_and_learns_how_many_it_missed():
    bus = Bus()
    with bus.subscribe(ActivityRecorded, limit=3) as slow, bus.subscribe(ActivityRecorded) as quick:
        publish(bus, *rows(*range(10)))

        assert events(quick) == rows(*range(10))
        assert events(slow) == [Gap(7), *rows(7, 8, 9)]
        publish(bus, *rows(10))
        assert events(slow) == rows(10), "the gap is told once"


def test_of_a_state_only_the_newest_is_kept_whatever_else_is_dropped():
    bus = Bus()
    a, b = ModelChanged(ModelId("a")), ModelChanged(ModelId("b"))
    with bus.subscribe(ModelChanged, Logged, limit=2) as subscription:
        publish(bus, a, b, *(Logged("proxy", b"%d" % number) for number in range(10, 60)), a)

        assert events(subscription) == [Gap(48, 96), b, Logged("proxy", b"58"), Logged("proxy", b"59"), a]


def test_a_listener_that_misses_states_learns_that_what_it_knows_may_be_wrong():
    bus = Bus()
    with bus.subscribe(RequestChanged, limit=2) as subscription:
        publish(bus, *(RequestChanged(number) for number in range(9)))

        assert events(subscription) == [Gap(0, states=True), RequestChanged(7), RequestChanged(8)]
        publish(bus, RequestChanged(9))
        assert events(subscription) == [RequestChanged(9)], "the gap is told once"


def test_logs_that_wait_are_bounded_in_bytes():
    bus = Bus()
    with bus.subscribe(Logged, limit_bytes=10) as subscription:
        publish(bus, *(Logged("proxy", bytes(4)) for _ in range(5)))
        assert events(subscription) == [Gap(3, 12), *[Logged("proxy", bytes(4))] * 2]
        publish(bus, Logged("proxy", bytes(99)))
        assert events(subscription) == [Logged("proxy", bytes(99))], "one is always kept"


@given(
    st.lists(
        st.one_of(
            st.builds(ActivityRecorded, st.integers(0, 3)),
            st.builds(ModelChanged, st.sampled_from("ab")),
            st.builds(RequestChanged, st.integers(0, 2)),
        )
    ),
    st.integers(1, 5),
)
def test_whatever_is_published_what_is_kept_is_bounded_in_order_and_accounted_for(published, limit):
    bus = Bus()
    with bus.subscribe(ActivityRecorded, ModelChanged, RequestChanged, limit=limit) as subscription:
        publish(bus, *published)
        taken = subscription.take()

    numbers = [numbered.number for numbered in taken if not isinstance(numbered.event, Gap)]
    dropped = sum(numbered.event.dropped for numbered in taken if isinstance(numbered.event, Gap))
    streamed = [event for event in published if event.overflow is Overflow.STREAM]
    kept = [numbered.event for numbered in taken if isinstance(numbered.event, ActivityRecorded)]
    assert numbers == sorted(set(numbers))
    assert kept == streamed[-limit:]
    assert dropped == len(streamed) - len(kept)
    newest: dict[object, Event] = {}
    for event in published:
        if event.overflow is Overflow.STATE:
            newest.pop((type(event), event.key), None)
            newest[type(event), event.key] = event
    states = [n.event for n in taken if n.event.overflow is Overflow.STATE]
    assert states == list(newest.values())[-limit:]
    assert any(n.event.states for n in taken if isinstance(n.event, Gap)) or len(newest) <= limit


def test_what_somebody_missed_can_be_had_again_for_a_while():
    bus = Bus()
    publish(bus, *rows(1), Logged("proxy", b"x"), *rows(2), ConfigChanged("x"))

    assert [numbered.number for numbered in bus.since(1, (ActivityRecorded, ConfigChanged)) or ()] == [3, 4]
    assert [numbered.number for numbered in bus.since(1, (ConfigChanged,)) or ()] == [4]
    assert bus.since(4, (ActivityRecorded,)) == []


def test_numbers_of_an_earlier_run_are_not_taken_for_ones_of_this():
    bus = Bus(1000)
    assert (bus.since(1000, (ActivityRecorded,)), bus.since(7, (ActivityRecorded,))) == ([], None)

    publish(bus, *rows(1))

    assert [numbered.number for numbered in bus.since(1000, (ActivityRecorded,)) or ()] == [1001]
    assert bus.since(7, (ActivityRecorded,)) is None


@pytest.mark.parametrize("number", [0, 5, REMEMBERED + 100])
def test_what_is_too_long_ago_or_of_another_run_is_not_known(number):
    bus = Bus()
    publish(bus, *rows(*range(REMEMBERED + 10)))

    assert bus.since(number, (ActivityRecorded,)) is None
