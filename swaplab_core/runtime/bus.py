"""The event bus: whoever publishes never waits, whoever listens never slows anybody else.

Each subscriber has a queue of its own, bounded: STATE events replace an older one of their key, of STREAM events the
oldest are dropped and a Gap is put in their place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from attrs import define, field, frozen

from swaplab_core.domain.events import Event, Gap, Overflow

QUEUE_LIMIT = 1024


@frozen
class Numbered:
    """An event with its number; numbers grow by one with each event published."""

    number: int
    event: Event


@define(eq=False)
class Subscription:
    """One listener's queue. Iterate to receive; ends only with the loop that reads it."""

    kinds: tuple[type[Event], ...]
    limit: int
    _queue: OrderedDict[object, Numbered] = field(factory=OrderedDict, init=False)
    _streamed: int = field(default=0, init=False)
    _dropped: int = field(default=0, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)

    async def __aiter__(self) -> AsyncIterator[Numbered]:
        """Yield events as they come."""
        while True:
            await self._news.wait()
            for numbered in self.take():
                yield numbered

    def take(self) -> list[Numbered]:
        """Everything that has come, without waiting."""
        waiting = list(self._queue.values())
        if self._dropped and waiting:
            waiting.insert(0, Numbered(waiting[0].number - 1, Gap(self._dropped)))
        self._queue.clear()
        self._streamed = self._dropped = 0
        self._news.clear()
        return waiting

    def offer(self, numbered: Numbered) -> None:
        """Add an event; never blocks, never grows beyond the limit for stream events."""
        event = numbered.event
        if event.overflow is Overflow.STATE:
            key: object = (type(event), event.key)
            self._queue.pop(key, None)
            self._queue[key] = numbered
        else:
            self._queue[numbered.number] = numbered
            self._streamed += 1
            if self._streamed > self.limit:
                self._drop_oldest()
        self._news.set()

    def _drop_oldest(self) -> None:
        oldest = next(key for key, kept in self._queue.items() if kept.event.overflow is Overflow.STREAM)
        del self._queue[oldest]
        self._streamed -= 1
        self._dropped += 1


@define(eq=False)
class Bus:
    """Publishing is a plain call."""

    published: int = 0
    _subscriptions: dict[type[Event], list[Subscription]] = field(factory=dict, init=False)

    def publish(self, event: Event) -> None:
        """Hand the event to everybody who asked for its kind."""
        self.published += 1
        listeners = self._subscriptions.get(type(event))
        if listeners:
            numbered = Numbered(self.published, event)
            for subscription in listeners:
                subscription.offer(numbered)

    @contextmanager
    def subscribe(self, *kinds: type[Event], limit: int = QUEUE_LIMIT) -> Iterator[Subscription]:
        """Receive these kinds of events until the block ends."""
        subscription = Subscription(kinds, limit)
        for kind in kinds:
            self._subscriptions.setdefault(kind, []).append(subscription)
        try:
            yield subscription
        finally:
            for kind in kinds:
                self._subscriptions[kind].remove(subscription)
