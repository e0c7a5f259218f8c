"""The engine's shell: an inbox, one effect switch, and leases.

Lives here: turning facts into effects and effects into calls. Not here: any decision. If you want an `if` about models,
write it in the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, assert_never

from attrs import define, field, frozen

from swaplab_core.domain.errors import (
    Drained,
    ShuttingDown,
    StartFailed,
    SwaplabError,
    TooManyRequests,
    UnknownModel,
    Unloaded,
)
from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine import SwapEngine
from swaplab_core.engine.effects import (
    Effect,
    Grant,
    RefusalCode,
    Refuse,
    SetTimer,
    SleepUpstream,
    StartUpstream,
    StopUpstream,
    WakeUpstream,
)
from swaplab_core.engine.facts import Fact, Released, Requested, TimerFired, UnloadRequested
from swaplab_core.ports import Clock
from swaplab_core.runtime.tape import Tape

DRAIN_POLL_SECONDS = 0.02
DYING_SECONDS = 1.0
USE_SECONDS = 0.5
"""At most so often it is told how busy a model is."""

_log = logging.getLogger(__name__)

_REFUSALS: dict[RefusalCode, type[SwaplabError]] = {
    RefusalCode.UNKNOWN_MODEL: UnknownModel,
    RefusalCode.TOO_MANY_REQUESTS: TooManyRequests,
    RefusalCode.START_FAILED: StartFailed,
    RefusalCode.UNLOADED: Unloaded,
}


class Upstreams(Protocol):
    """What the dispatcher needs of the supervisor."""

    def start(self, model: ModelId, incarnation: Incarnation) -> None:
        """Ends in UpstreamReady or UpstreamExited."""
        ...

    def stop(self, model: ModelId) -> None:
        """Ends in UpstreamExited."""
        ...

    def sleep(self, model: ModelId) -> None:
        """Ends in UpstreamAsleep or UpstreamExited."""
        ...

    def wake(self, model: ModelId) -> None:
        """Ends in UpstreamReady or UpstreamExited."""
        ...

    def base_url(self, model: ModelId) -> str:
        """Where requests for a granted model go."""
        ...

    async def crashed_at(self, model: ModelId, incarnation: Incarnation, within_seconds: float) -> float | None:
        """When this start of `model` ended by itself; None when it did not, and does not in this time."""
        ...

    async def gone(self, models: Iterable[ModelId]) -> None:
        """Return when what now runs of `models` has exited."""
        ...


@frozen
class Lease:
    """The right to use a model's upstream until the `async with` ends."""

    ticket: TicketId
    model: ModelId
    incarnation: Incarnation
    base_url: str
    granted_at: float


@define(eq=False)
class Ticket:
    """A place in the queue, and what became of it. `joined_at` is its first place; 0 when it was served at once."""

    number: TicketId
    model: ModelId
    _grant: asyncio.Future[Lease]
    _engine: SwapEngine
    joined_at: int = 0

    @property
    def is_settled(self) -> bool:
        """Granted or refused."""
        return self._grant.done()

    def position(self) -> int:
        """Place in the queue from 1; 0 when no longer waiting."""
        return self._engine.positions().get(self.number, 0)

    async def granted(self) -> Lease:
        """Wait for the grant; may be cancelled and asked again. Raises what `Dispatcher.lease` raises."""
        return await asyncio.shield(self._grant)

    async def settled_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for an answer, and say whether it is there."""
        await asyncio.wait({self._grant}, timeout=seconds)
        return self.is_settled


def _nobody(_: ModelId) -> None:
    """Nobody listens."""


@define(eq=False)
class Dispatcher:
    """The only one who steps the engine; `announce` hears of each model whose phase has changed, `used` soon after each
    whose requests have.

    `upstreams` is set by the composition root, since each needs the other. The models in `drained` take no new
    requests, each for a reason.
    """

    engine: SwapEngine
    clock: Clock
    announce: Callable[[ModelId], None] = _nobody
    used: Callable[[ModelId], None] = _nobody
    upstreams: Upstreams = field(init=False)
    drained: Mapping[ModelId, str] = field(factory=dict, init=False)
    tape: Tape = field(init=False)
    _inbox: deque[Fact] = field(factory=deque, init=False)
    _draining: bool = field(default=False, init=False)
    _grants: dict[TicketId, asyncio.Future[Lease]] = field(factory=dict, init=False)
    _seized: set[TicketId] = field(factory=set, init=False)
    _last: TicketId = field(default=TicketId(0), init=False)
    _closing: bool = field(default=False, init=False)
    _used: set[ModelId] = field(factory=set, init=False)

    @tape.default
    def _blank(self) -> Tape:
        return Tape(self.engine)

    @contextmanager
    def ticket(self, model: ModelId) -> Iterator[Ticket]:
        """Stand in the queue for `model` until the block ends, whatever happens in between.

        Raises ShuttingDown when no more requests are taken, and Drained when none for this model are.
        """
        if self._closing:
            raise _going()
        if model in self.drained:
            raise Drained(f"{model} takes no new requests: {self.drained[model]}", advice="try again later")
        number = self._last = TicketId(self._last + 1)
        self._grants[number] = grant = asyncio.get_running_loop().create_future()
        self.tell(Requested(number, model))
        self._note_use(model)
        try:
            yield Ticket(number, model, grant, self.engine, 0 if grant.done() else self.engine.last_place(model))
        finally:
            del self._grants[number]
            if not grant.cancel() and not grant.cancelled():
                grant.exception()  # a refusal that nobody waited for is no news
            self.tell(Released(number))
            self._note_use(model)

    @asynccontextmanager
    async def lease(self, model: ModelId) -> AsyncIterator[Lease]:
        """Wait for `model` and hold it; released however the block ends, waiting included.

        Raises UnknownModel, TooManyRequests, StartFailed, Unloaded or ShuttingDown instead of granting.
        """
        with self.ticket(model) as ticket:
            yield await ticket.granted()

    def seize(self, model: ModelId) -> Lease | None:
        """A lease if it is to be had without waiting, for `release`; else None, and nobody has noticed."""
        if self._closing or self._draining or model in self.drained:
            return None
        ticket, now = TicketId(self._last + 1), self.clock.now()
        fact = Requested(ticket, model)
        step = self.tape.told(fact, now)
        granted = self.engine.serve_at_once(fact)
        if granted is None:
            self.tape.untold()
            return None
        step.effects = (granted,)
        self._last = ticket
        self._seized.add(ticket)
        if model not in self._used:
            self._note_use(model)
        return Lease(ticket, model, granted.incarnation, self.upstreams.base_url(model), now)

    def release(self, lease: Lease) -> None:
        """Give back what was seized."""
        self._seized.discard(lease.ticket)
        self.tell(Released(lease.ticket))
        if lease.model not in self._used:
            self._note_use(lease.model)

    async def was_dying(self, lease: Lease) -> bool:
        """Was the upstream of a lease about to end by itself when it was granted?

        A killed process closes its sockets before its end is seen; in that moment a dead upstream can be granted.
        """
        crashed_at = await self.upstreams.crashed_at(lease.model, lease.incarnation, DYING_SECONDS)
        return crashed_at is not None and crashed_at - lease.granted_at < DYING_SECONDS

    async def unload(self, models: Iterable[ModelId]) -> None:
        """Stop `models`, busy or not, and return when they are gone."""
        chosen = frozenset(models)
        self.tell(UnloadRequested(chosen))
        await self.upstreams.gone(chosen)

    async def close(self, drain_seconds: float, at_once: asyncio.Event) -> None:
        """Refuse whoever waits, let running requests end for at most `drain_seconds`, then stop everything.

        `at_once` ends the patience early.
        """
        self._closing = True
        for grant in self._grants.values():
            if not grant.done():
                grant.set_exception(_going())
        deadline = self.clock.now() + drain_seconds
        while (self._grants or self._seized) and self.clock.now() < deadline and not at_once.is_set():
            await self.clock.sleep(DRAIN_POLL_SECONDS)
        await self.unload(self.engine.slots)

    def tell(self, fact: Fact) -> None:
        """Step the engine. Runs to completion: a fact told while draining waits its turn."""
        self._inbox.append(fact)
        if self._draining:
            return
        self._draining = True
        try:
            while self._inbox:
                for effect in self._step(self._inbox.popleft()):
                    self._perform(effect)
                if self.engine.moved:
                    moved, self.engine.moved = self.engine.moved, []
                    for model in moved:
                        self.announce(model)
        finally:
            self._draining = False

    def _note_use(self, model: ModelId) -> None:
        if model not in self._used:
            self._used.add(model)
            self.clock.call_later(USE_SECONDS, lambda: self._tell_use(model))

    def _tell_use(self, model: ModelId) -> None:
        self._used.discard(model)
        self.used(model)

    def _step(self, fact: Fact) -> tuple[Effect, ...]:
        step = self.tape.told(fact, self.clock.now())
        step.effects = effects = self.engine.step(fact)
        return effects

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Grant(ticket, model, incarnation):
                base_url = self.upstreams.base_url(model)
                self._answer(ticket, Lease(ticket, model, incarnation, base_url, self.clock.now()))
            case Refuse(ticket, code, reason):
                self._answer(ticket, _REFUSALS[code](reason))
            case StartUpstream(model, incarnation):
                self.upstreams.start(model, incarnation)
            case StopUpstream(model, because=because):
                _log.info("%s: stopping, %s", model, because)
                self.upstreams.stop(model)
            case SleepUpstream(model, because=because):
                _log.info("%s: going to sleep, %s", model, because)
                self.upstreams.sleep(model)
            case WakeUpstream(model):
                self.upstreams.wake(model)
            case SetTimer(model, generation, seconds):
                self.clock.call_later(seconds, lambda: self.tell(TimerFired(model, generation)))
            case _:
                assert_never(effect)

    def _answer(self, ticket: TicketId, answer: Lease | SwaplabError) -> None:
        grant = self._grants.get(ticket)
        if grant is None or grant.done():
            return  # the client left; its Released is already in the inbox
        if isinstance(answer, SwaplabError):
            grant.set_exception(answer)
        else:
            grant.set_result(answer)


def _going() -> ShuttingDown:
    return ShuttingDown("swaplab is shutting down", advice="try again when it is back")
