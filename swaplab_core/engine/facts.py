"""What the engine is told. Past tense, frozen; a fact is never refused, at most ignored."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from swaplab_core.domain.ids import Incarnation, ModelId, TicketId
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.policy import Policy


@frozen
class Requested:
    """A client wants to use `model`; answered by exactly one Grant or Refuse, unless Released comes first."""

    ticket: TicketId
    model: ModelId


@frozen
class Released:
    """The client went away, or its response is complete: waiting and serving tickets alike."""

    ticket: TicketId


@frozen
class UpstreamReady:
    """The upstream of this incarnation may serve: after a start or a wake."""

    model: ModelId
    incarnation: Incarnation


@frozen
class UpstreamAsleep:
    """The upstream of this incarnation has gone to sleep."""

    model: ModelId
    incarnation: Incarnation


@frozen
class UpstreamExited:
    """The upstream is gone, for whatever reason: a stop, a crash, a failed start or wake."""

    model: ModelId
    incarnation: Incarnation
    reason: str = ""


@frozen
class UpstreamFound:
    """A running upstream of an earlier daemon was adopted; told before the first request."""

    model: ModelId
    incarnation: Incarnation


@frozen
class UnloadRequested:
    """A person wants these models gone, busy or not."""

    models: frozenset[ModelId]


@frozen
class TimerFired:
    """The timer set with this generation has run out."""

    model: ModelId
    generation: int


@frozen
class Reconfigured:
    """The configuration changed.

    `models` are all models from now on. Running models that are missing there, or named in `changed`, drain: they get
    no new request, end with their last stream (`at_once`: now, busy or not), and a changed one is started anew on
    demand. `patience` None leaves the engine's as it is.
    """

    models: Mapping[ModelId, Limits]
    policy: Policy
    changed: frozenset[ModelId] = frozenset()
    patience: int | None = None
    at_once: bool = False


Fact = (
    Requested
    | Released
    | UpstreamReady
    | UpstreamAsleep
    | UpstreamExited
    | UpstreamFound
    | UnloadRequested
    | TimerFired
    | Reconfigured
)
