"""The event bus: whoever publishes never waits, whoever listens never slows anybody else.

Each subscriber has a queue of its own, bounded: STATE events replace an older one of their key, and of what is too much
the oldest are dropped and a Gap is put in their place.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from heapq import merge

from attrs import define, field, frozen

from swaplab_core.domain.events import Event, Gap, Overflow

QUEUE_LIMIT = 1024
QUEUE_BYTES = 2**20
REMEMBERED = 2048
"""Events kept for subscribers that come back."""


@frozen
class Numbered:
    """An event with its number; numbers grow by one with each event published."""

    number: int
    event: Event


@define(eq=False)
class Subscription:
    """One listener's queue. Iterate to receive; ends when the bus is closed, or with the loop that reads it.

    At most `limit` events of each sort wait, and STREAM events of `limit_bytes` together.
    """

    limit: int
    limit_bytes: int
    is_closed: bool = field(default=False, init=False)
    _states: OrderedDict[object, Numbered] = field(factory=OrderedDict, init=False)
    _streams: deque[Numbered] = field(factory=deque, init=False)
    _bytes: int = field(default=0, init=False)
    _missed: Gap | None = field(default=None, init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)

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
        """Everything that has come, without waiting; a Gap first if something is missing."""
        waiting = list(merge(self._states.values(), self._streams, key=lambda numbered: numbered.number))
        if self._missed is not None and waiting:
            waiting.insert(0, Numbered(waiting[0].number - 1, self._missed))
        self._states.clear()
        self._streams.clear()
        self._bytes, self._missed = 0, None
        self._news.clear()
        return waiting

    def offer(self, numbered: Numbered) -> None:
        """Add an event; never blocks, never grows beyond the limits."""
        event = numbered.event
        if event.overflow is Overflow.STATE:
            key = (type(event), event.key)
            self._states.pop(key, None)
            self._states[key] = numbered
            if len(self._states) > self.limit:
                self._states.popitem(last=False)
                self._miss(Gap(0, states=True))
        else:
            self._streams.append(numbered)
            self._bytes += event.size
            while len(self._streams) > self.limit or (self._bytes > self.limit_bytes and len(self._streams) > 1):
                oldest = self._streams.popleft().event
                self._bytes -= oldest.size
                self._miss(Gap(1, oldest.size))
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.is_closed = True
        self._news.set()

    def _miss(self, gap: Gap) -> None:
        before = self._missed or Gap(0)
        self._missed = Gap(before.dropped + gap.dropped, before.bytes + gap.bytes, states=before.states or gap.states)


@define(eq=False)
class Bus:
    """Publishing is a plain call. `published` is the number of the newest event.

    A daemon that begins with another number than the one before it tells its subscribers' last numbers from its own.
    """

    published: int = 0
    _recent: deque[Numbered] = field(factory=lambda: deque(maxlen=REMEMBERED), init=False)
    _subscriptions: dict[type[Event], list[Subscription]] = field(factory=dict, init=False)
    _began: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember where the numbers begin."""
        self._began = self.published

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
        oldest = self._recent[0].number - 1 if self._recent else self._began
        if not oldest <= number <= self.published:
            return None
        return [recent for recent in self._recent if recent.number > number and isinstance(recent.event, kinds)]

    @contextmanager
    def subscribe(
        self, *kinds: type[Event], limit: int = QUEUE_LIMIT, limit_bytes: int = QUEUE_BYTES
    ) -> Iterator[Subscription]:
        """Receive these kinds of events until the block ends."""
        subscription = Subscription(limit, limit_bytes)
        for kind in kinds:
            self._subscriptions.setdefault(kind, []).append(subscription)
        try:
            yield subscription
        finally:
            for kind in kinds:
                self._subscriptions[kind].remove(subscription)
