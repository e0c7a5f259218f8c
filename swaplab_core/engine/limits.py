"""What the engine knows of a model: numbers only, made from the configuration."""

from __future__ import annotations

from attrs import frozen

from swaplab_core.engine.policy import Residency


@frozen
class Limits:
    """`concurrency` counts waiting and serving requests; 0 `idle_seconds` means never unload when idle.

    Higher `priority` is served first. `evict_to` says how far down an eviction takes the model: ASLEEP only for
    backends that can sleep.
    """

    concurrency: int = 10
    idle_seconds: float = 0.0
    priority: int = 0
    evict_to: Residency = Residency.STOPPED
