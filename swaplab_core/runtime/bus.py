"""The event bus: whoever publishes never waits, whoever listens never slows anybody else.

Each subscriber has a queue of its own, bounded: STATE events replace an older one of their key, of STREAM events the
oldest are dropped and a Gap is put in their place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from attrs import define, field, frozen

from swaplab_core.domain.events import Event, Gap, Overflow

QUEUE_LIMIT = 1024
REMEMBERED = 2048
"""Events kept for subscribers that come back."""


@frozen
class Numbered:
    """An event with its number; numbers grow by one with each event published."""

    number: int
    event: Event


@define(eq=False)
class Subscription:
    """One listener's queue. Iterate to receive; ends when the bus is closed, or with the loop that reads it."""

    kinds: tuple[type[Event], ...]
    limit: int
    _queue: OrderedDict[object, Numbered] = field(factory=OrderedDict, init=False)
    _streamed: int = field(default=0, init=False)
    _dropped: int = field(default=0, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    is_closed: bool = field(default=False, init=False)

    async def __aiter__(self) -> AsyncIterator[Numbered]:
        """Yield events as they come."""
        while not self.is_closed:
            await self._news.wait()
            for numbered in self.take():
                yield numbered

    async def wait(self) -> None:
        """Return when something has come, or the bus is closed; nothing is taken."""
        await self._news.wait()

    async def wait_for(self, wanted: Callable[[Event], bool]) -> None:
        """Return when something wanted has come, or the bus is closed; all that has come by then is taken."""
        while not self.is_closed:
            await self._news.wait()
            if any(wanted(numbered.event) or isinstance(numbered.event, Gap) for numbered in self.take()):
                return

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

    def close(self) -> None:
        """Nothing more will come."""
        self.is_closed = True
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
    _recent: deque[Numbered] = field(factory=lambda: deque(maxlen=REMEMBERED), init=False)
    _subscriptions: dict[type[Event], list[Subscription]] = field(factory=dict, init=False)

    def publish(self, event: Event) -> None:
        """Hand the event to everybody who asked for its kind."""
        self.published += 1
        numbered = Numbered(self.published, event)
        if event.remembered:
            self._recent.append(numbered)
        for subscription in self._subscriptions.get(type(event), ()):
            subscription.offer(numbered)

    def close(self) -> None:
        """Let every subscriber end, so that streams of events and logs do not hold up the end of the daemon."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.close()

    def since(self, number: int, kinds: tuple[type[Event], ...]) -> list[Numbered] | None:
        """What was published after `number`; None when that is too long ago to know, or from another run."""
        if number > self.published or (self._recent and number < self._recent[0].number - 1):
            return None
        return [recent for recent in self._recent if recent.number > number and isinstance(recent.event, kinds)]

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
