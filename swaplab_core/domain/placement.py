"""Where a model shall run, and whether it may: what is asked of plugins when it is about to be loaded, and answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.node import NodeId

AUTO = "auto"
"""Instead of a node's id: whichever suits at the moment of loading."""


@frozen
class PlacementRequest:
    """The model that is about to be loaded; `metadata` is that of its entry, `options` an instance of its driver's."""

    model: ModelId
    backend: str
    metadata: Mapping[str, Any] = field(factory=dict)
    options: Any = field(default=None, repr=False)


@frozen
class Placement:
    """Where it shall run, and why there."""

    node: NodeId
    reason: str = ""


@frozen
class Refusal:
    """Why it is not loaded now: one sentence, and what to do."""

    reason: str
    advice: str = ""
