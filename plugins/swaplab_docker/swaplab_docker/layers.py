"""How far a pull is: the engine's events about each layer, added up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from swaplab_core.plugin import Progress

DONE = frozenset({"Pull complete", "Already exists"})
LOADED = frozenset({"Download complete", "Verifying Checksum"})
_SHARE_OF_DOWNLOAD = 0.8
"""Of the time of a layer; the rest is unpacking."""


@define
class _Layer:
    total: int = 0
    loaded: float = 0.0
    unpacked: float = 0.0
    status: str = ""

    @property
    def fraction(self) -> float:
        return _SHARE_OF_DOWNLOAD * self.loaded + (1 - _SHARE_OF_DOWNLOAD) * self.unpacked


@define
class Layers:
    """What has been heard of one pull. `read` takes an event and answers the line for the log, "" for none."""

    _layers: dict[str, _Layer] = field(factory=dict, init=False)
    digest: str = field(default="", init=False)
    outcome: str = field(default="", init=False)

    def read(self, event: Mapping[str, Any]) -> str:
        """Take in one event."""
        status, layer_id = str(event.get("status") or ""), str(event.get("id") or "")
        if not layer_id or status.startswith("Pulling from"):
            self.digest = status.removeprefix("Digest: ") if status.startswith("Digest: ") else self.digest
            self.outcome = status.removeprefix("Status: ") if status.startswith("Status: ") else self.outcome
            return status
        layer = self._layers.setdefault(layer_id, _Layer())
        is_new, layer.status = status != layer.status, status
        _move(layer, status, event.get("progressDetail"))
        return f"{layer_id}: {status}" if is_new else ""

    @property
    def bytes_loaded(self) -> int:
        """Bytes that have come."""
        return sum(int(layer.loaded * layer.total) for layer in self._layers.values())

    @property
    def bytes_total(self) -> int:
        """Bytes of the layers whose size is known."""
        return sum(layer.total for layer in self._layers.values())

    def progress(self) -> Progress | None:
        """How far it is; None before the first layer is named.

        By bytes as soon as every layer's size is known, else each layer counts alike.
        """
        layers = self._layers.values()
        if not layers:
            return None
        known = all(layer.total or layer.status == "Already exists" for layer in layers)
        weights = [layer.total if known and self.bytes_total else 1 for layer in layers]
        fraction = sum(weight * layer.fraction for weight, layer in zip(weights, layers, strict=True)) / sum(weights)
        done = sum(layer.status in DONE for layer in layers)
        amount = f", {size(self.bytes_loaded)} of {size(self.bytes_total)}" if self.bytes_total else ""
        return Progress(f"{done} of {len(layers)} layers{amount}", min(fraction, 1.0))


def _move(layer: _Layer, status: str, detail: object) -> None:
    current, total = _numbers(detail)
    if status in DONE:
        layer.loaded = layer.unpacked = 1.0
    elif status in LOADED:
        layer.loaded = 1.0
    elif total and status == "Extracting":
        layer.loaded, layer.unpacked = 1.0, current / total
    elif total and status == "Downloading":
        layer.total, layer.loaded = total, current / total


def _numbers(detail: object) -> tuple[int, int]:
    if not isinstance(detail, Mapping):
        return 0, 0
    current, total = detail.get("current"), detail.get("total")
    return (current if isinstance(current, int) else 0), (total if isinstance(total, int) and total > 0 else 0)


def size(count: float) -> str:
    """Bytes as people read them, in the engine's own units: 4.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
