"""The phases of a model, as one table. Rules of this file:

1. All transitions live here; an illegal pair is a KeyError at the exact line.
2. Loading progress is not a phase, it is an event.
3. A late result (ready, asleep) of an upstream that is being stopped changes nothing: only its exit does.

The diagram in docs/explanation/engine.md is drawn from `TRANSITIONS`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from swaplab_core.engine.effects import SleepUpstream, StartUpstream, StopUpstream, WakeUpstream
from swaplab_core.engine.facts import UpstreamAsleep, UpstreamExited, UpstreamFound, UpstreamReady


class Phase(enum.Enum):
    """Where a model is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    FALLING_ASLEEP = "falling-asleep"
    ASLEEP = "asleep"
    WAKING = "waking"
    STOPPING = "stopping"


COMING_UP = frozenset({Phase.STARTING, Phase.WAKING})
GOING_DOWN = frozenset({Phase.STOPPING, Phase.FALLING_ASLEEP})
LIVE = frozenset(Phase) - {Phase.STOPPED, Phase.ASLEEP}
"""Phases that hold the machine's memory, so that rivals must wait: a sleeper has given it back."""

TRANSITIONS: Mapping[tuple[Phase, type], Phase] = {
    (Phase.STOPPED, StartUpstream): Phase.STARTING,
    (Phase.STOPPED, UpstreamFound): Phase.READY,
    (Phase.STARTING, UpstreamReady): Phase.READY,
    (Phase.STARTING, UpstreamExited): Phase.STOPPED,
    (Phase.STARTING, StopUpstream): Phase.STOPPING,
    (Phase.READY, SleepUpstream): Phase.FALLING_ASLEEP,
    (Phase.READY, StopUpstream): Phase.STOPPING,
    (Phase.READY, UpstreamExited): Phase.STOPPED,
    (Phase.FALLING_ASLEEP, UpstreamAsleep): Phase.ASLEEP,
    (Phase.FALLING_ASLEEP, UpstreamExited): Phase.STOPPED,
    (Phase.FALLING_ASLEEP, StopUpstream): Phase.STOPPING,
    (Phase.ASLEEP, WakeUpstream): Phase.WAKING,
    (Phase.ASLEEP, StopUpstream): Phase.STOPPING,
    (Phase.ASLEEP, UpstreamExited): Phase.STOPPED,
    (Phase.WAKING, UpstreamReady): Phase.READY,
    (Phase.WAKING, UpstreamExited): Phase.STOPPED,
    (Phase.WAKING, StopUpstream): Phase.STOPPING,
    (Phase.STOPPING, UpstreamReady): Phase.STOPPING,
    (Phase.STOPPING, UpstreamAsleep): Phase.STOPPING,
    (Phase.STOPPING, UpstreamExited): Phase.STOPPED,
}
