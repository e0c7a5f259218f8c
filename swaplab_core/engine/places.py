"""The order of the queue, and the place of a ticket in it. Pure functions of what waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from swaplab_core.domain.ids import TicketId
from swaplab_core.engine.slot import Slot, Waiting


def rank(slot: Slot, waiting: Waiting, patience: int) -> tuple[bool, int, int]:
    """Order of the queue: who has been passed enough, in order of arrival; then by priority, then by arrival.

    Out of patience, priority counts no more: nobody may pass such a request, so nobody later may stand before it.
    """
    is_patient = slot.passed - waiting.mark < patience
    return (is_patient, -slot.limits.priority if is_patient else 0, waiting.arrival)


def places(slots: Iterable[Slot], patience: int) -> Mapping[TicketId, int]:
    """Place of every waiting ticket, counted from 1."""
    queue = [(rank(slot, waiting, patience), waiting.ticket) for slot in slots for waiting in slot.waiting.values()]
    return {ticket: place for place, (_, ticket) in enumerate(sorted(queue), start=1)}


def last_place(mine: Slot, slots: Iterable[Slot], patience: int) -> int:
    """Place of the ticket that has just come for `mine`, without looking at each of ten thousand others.

    Whoever waits for a model as urgent or more is before it; of those for others, who is out of patience.
    """
    return sum(
        len(slot.waiting) if slot.limits.priority >= mine.limits.priority else _impatient(slot, patience)
        for slot in slots
    )


def _impatient(slot: Slot, patience: int) -> int:
    """Marks only grow, so they stand first."""
    return sum(1 for _ in takewhile(lambda one: slot.passed - one.mark >= patience, slot.waiting.values()))
