"""What the engine wants done. Imperative, frozen; every one is carried out at once by the dispatcher.

`because` and `cost` are for people (logs, the swap plan) and take no part in equality.
"""

from __future__ import annotations

import enum

from attrs import field, frozen

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId


class RefusalCode(enum.Enum):
    """Why a ticket is not served."""

    UNKNOWN_MODEL = "unknown-model"
    TOO_MANY_REQUESTS = "too-many-requests"
    START_FAILED = "start-failed"
    UNLOADED = "model-unloaded"


@frozen
class StartUpstream:
    """Start the model; ends in UpstreamReady or UpstreamExited of the same incarnation."""

    model: ModelId
    incarnation: Incarnation


@frozen
class StopUpstream:
    """Stop it, whatever it is doing; ends in UpstreamExited of the same incarnation."""

    model: ModelId
    incarnation: Incarnation
    because: str = field(default="", eq=False)
    cost: int = field(default=0, eq=False)


@frozen
class SleepUpstream:
    """Put it to sleep; ends in UpstreamAsleep, or UpstreamExited when that failed."""

    model: ModelId
    incarnation: Incarnation
    because: str = field(default="", eq=False)
    cost: int = field(default=0, eq=False)


@frozen
class WakeUpstream:
    """Wake it; ends in UpstreamReady, or UpstreamExited when that failed."""

    model: ModelId
    incarnation: Incarnation


@frozen
class Grant:
    """The ticket may use the model until it is released."""

    ticket: TicketId
    model: ModelId
    incarnation: Incarnation


@frozen
class Refuse:
    """The ticket will not be served; `reason` is for people."""

    ticket: TicketId
    code: RefusalCode
    reason: str = ""


@frozen
class SetTimer:
    """Tell TimerFired after `seconds`; an older generation is harmless."""

    model: ModelId
    generation: int
    seconds: float


Effect = StartUpstream | StopUpstream | SleepUpstream | WakeUpstream | Grant | Refuse | SetTimer
