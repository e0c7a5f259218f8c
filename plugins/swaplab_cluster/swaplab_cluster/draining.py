"""Drains: nodes and models that take no new requests for now, and what follows for models. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from swaplab_cluster.inventory import Inventory
from swaplab_core.domain.ids import ModelId

UP = frozenset({"starting", "ready", "asleep", "falling_asleep", "waking", "stopping"})


@frozen
class ModelRecord:
    """What the daemon says of a model: the node it runs on or, when it does not, is configured for."""

    id: ModelId
    node: str = ""
    state: str = "stopped"
    serving: int = 0
    waiting: int = 0

    @property
    def is_up(self) -> bool:
        """Does it hold memory?"""
        return self.state != "stopped"


@frozen
class Drains:
    """Why, by node and by model."""

    nodes: Mapping[str, str] = field(factory=dict)
    models: Mapping[str, str] = field(factory=dict)

    def with_node(self, node: str, reason: str | None) -> Drains:
        """Drain a node, or with None undrain it."""
        return evolve(self, nodes=_changed(self.nodes, node, reason))

    def with_model(self, model: str, reason: str | None) -> Drains:
        """Drain a model, or with None undrain it."""
        return evolve(self, models=_changed(self.models, model, reason))

    @property
    def is_empty(self) -> bool:
        """Nothing is drained."""
        return not self.nodes and not self.models


def _changed(old: Mapping[str, str], key: str, reason: str | None) -> Mapping[str, str]:
    rest = {name: why for name, why in old.items() if name != key}
    return rest if reason is None else {**rest, key: reason}


def records(body: Mapping[str, Any]) -> tuple[ModelRecord, ...]:
    """Read `GET /api/models`."""
    return tuple(
        ModelRecord(
            ModelId(str(model["id"])),
            str(model.get("node", "")),
            str(model["state"]),
            int(model["serving"]),
            int(model["waiting"]),
        )
        for model in body["models"]
    )


def members(node: str, inventory: Inventory | None) -> tuple[str, ...]:
    """The nodes that a model with this `node` runs on: several for a gang, the enrolled local one for ""."""
    if inventory is None:
        return (node,)
    gang = next((gang for gang in inventory.gangs if gang.id == node), None)
    if gang is not None:
        return gang.nodes
    here = next((known.id for known in inventory.nodes if known.executor == "local"), "")
    return (node or here,)


def on_node(node: str, models: Iterable[ModelRecord], inventory: Inventory | None) -> tuple[ModelRecord, ...]:
    """The models that run there, or are configured for it."""
    return tuple(model for model in models if node in members(model.node, inventory))


def drained_models(drains: Drains, models: Sequence[ModelRecord], inventory: Inventory | None) -> dict[ModelId, str]:
    """The models that take no new requests, and why."""
    drained: dict[ModelId, str] = {}
    for model in models:
        if model.id in drains.models:
            drained[model.id] = drains.models[model.id]
        for node in members(model.node, inventory):
            if node in drains.nodes:
                drained.setdefault(model.id, f"{node or 'this machine'} is drained: {drains.nodes[node]}")
    return drained


def body(drains: Drains, models: Sequence[ModelRecord], inventory: Inventory | None) -> dict[str, Any]:
    """The JSON of `GET /api/drain`: what is drained, and what still runs there."""

    def left(of: Iterable[ModelRecord]) -> list[dict[str, Any]]:
        up = [model for model in of if model.is_up]
        return [{"id": model.id, "state": model.state, "serving": model.serving} for model in up]

    nodes = [
        {"node": node, "reason": reason, "running": left(on_node(node, models, inventory))}
        for node, reason in sorted(drains.nodes.items())
    ]
    named = [
        {"model": model, "reason": reason, "running": left(one for one in models if one.id == model)}
        for model, reason in sorted(drains.models.items())
    ]
    return {"nodes": nodes, "models": named}
