"""What older clients read of images: the answers of `/api/images/docker`. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from swaplab_core.plugin import Node
from swaplab_docker.facts import Image, Usage
from swaplab_docker.layers import size
from swaplab_docker.nodes import name_of
from swaplab_docker.ownership import Owned
from swaplab_docker.wire import NONE

_NANOSECONDS = re.compile(r"(\.\d{6})\d*")
_AGES = (
    (86400 * 365, "year"),
    (86400 * 30, "month"),
    (86400 * 7, "week"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


@frozen
class NodeImages:
    """The images of one machine, or why they are not known."""

    node: Node
    images: tuple[Image, ...] = ()
    error: str = ""
    is_local: bool = False


def image_rows(images: Iterable[Image], now: float | None = None) -> list[dict[str, Any]]:
    """A row for each name of each image, by name and id."""
    moment = time.time() if now is None else now
    rows = [row for image in images for row in _rows(image, moment)]
    return sorted(rows, key=lambda row: (row["reference"], row["id"]))


def listing(nodes: Sequence[NodeImages], error: str = "") -> dict[str, Any]:
    """All machines, this one first; `images` are this machine's, or the first's that could be asked."""
    ordered = sorted(nodes, key=lambda one: not one.is_local)
    well = next((one for one in ordered if not one.error), None)
    shape: dict[str, Any] = {
        "images": image_rows(well.images) if well else [],
        "nodes": [_node(one) for one in ordered],
    }
    return shape | ({"discoveryError": error} if error else {})


def container_shape(one: Owned, usage: Usage | None) -> dict[str, Any]:
    """One container, with whose it is."""
    container = one.container
    return {
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "state": container.state,
        "status": container.status,
        "created": container.created,
        "owner": one.owner.value,
        "model": one.model,
        "used": one.is_used,
        "leftover": one.is_leftover,
        "labels": dict(container.labels),
        "cpuPercent": usage.cpu_percent if usage else None,
        "memory": usage.memory if usage else None,
        "memoryLimit": usage.memory_limit if usage else None,
    }


def moment(stamp: str) -> float:
    """Unix seconds of a moment as engines write it, with nanoseconds; 0 for what is none."""
    try:
        return datetime.fromisoformat(_NANOSECONDS.sub(r"\1", stamp)).timestamp()
    except ValueError:
        return 0.0


def _node(one: NodeImages) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "nodeIp": one.node.address,
        "isLocal": one.is_local,
        "node": name_of(one.node.id),
        "images": image_rows(one.images),
    }
    return shape | ({"error": one.error} if one.error else {})


def _rows(image: Image, now: float) -> Iterable[dict[str, Any]]:
    for reference in image.references or (image.id,):
        named = reference != image.id
        repository, _, tag = reference.rpartition(":") if named else (NONE, "", NONE)
        digest = next((one.rpartition("@")[2] for one in image.digests if one.startswith(f"{repository}@")), "")
        yield {
            "reference": reference,
            "repository": repository,
            "tag": tag,
            "id": image.id,
            **({"digest": digest} if digest else {}),
            "size": size(image.size).replace(" ", ""),
            "sizeBytes": image.size,
            "createdSince": age(now - image.created) if image.created else "",
        }


def age(seconds: float) -> str:
    """An age in words: `3 days ago`."""
    for unit, word in _AGES:
        count = int(seconds // unit)
        if count:
            return f"{count} {word}{'s' * (count != 1)} ago"
    return "just now"
