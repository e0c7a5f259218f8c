"""The update service of a DGX: what is said to it, who may be told to update, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from swaplab_cluster.inventory import Inventory, InventoryNode
from swaplab_core.domain.errors import InvalidRequest

UPDATE = (
    "sudo",
    "-n",
    "-u",
    "dgx-dashboard-service-user",
    "busctl",
    "call",
    "com.nvidia.dgx.dashboard.admin1",
    "/com/nvidia/dgx/dashboard/admin",
    "com.nvidia.dgx.dashboard.admin1",
    "UpdateAndReboot",
)
"""Update the system and reboot."""


@frozen
class UpdateRequest:
    """What a request asks for. `confirm` is the word that an earlier answer gave, "" in the first request."""

    targets: tuple[str, ...]
    confirm: str = ""
    include_controller: bool = False


def update_request(headers: Mapping[str, str], body: Mapping[str, Any]) -> UpdateRequest:
    """Read a request. Raises InvalidRequest for everything that is not plainly said."""
    if "transfer-encoding" in {name.lower() for name in headers}:
        raise InvalidRequest("send the body with a Content-Length, not chunked", advice="curl --data does")
    targets = body.get("targets")
    if not isinstance(targets, list) or not targets:
        raise InvalidRequest(
            "name the nodes to update in `targets`, a list", advice="nothing is updated without being named"
        )
    if not all(isinstance(target, str) and target.strip() for target in targets):
        raise InvalidRequest("each of `targets` must be the id or an address of a node")
    confirm = body.get("confirm", "")
    if not isinstance(confirm, str):
        raise InvalidRequest("`confirm` must be the word that the answer without it gave")
    return UpdateRequest(
        tuple(dict.fromkeys(target.strip() for target in targets)), confirm, body.get("includeController") is True
    )


def targets(wanted: UpdateRequest, inventory: Inventory | None) -> tuple[InventoryNode, ...]:
    """The nodes, in the order in which they are updated: this machine last. Raises InvalidRequest."""
    found: list[InventoryNode] = []
    unknown = []
    for name in wanted.targets:
        node = inventory.find(name) if inventory is not None else None
        if node is None:
            unknown.append(name)
        elif node not in found:
            found.append(node)
    if unknown:
        known = ", ".join(node.id for node in inventory.nodes) if inventory is not None else "none"
        raise InvalidRequest(f"not in the inventory: {', '.join(unknown)}", advice=f"enrolled: {known}")
    here = [node for node in found if node.executor == "local"]
    if here and not wanted.include_controller:
        raise InvalidRequest(
            f"{here[0].id} is the machine that swaplab itself runs on",
            advice="leave it out, or add `includeController: true`: it is then updated last, and this job ends with it",
        )
    return tuple(sorted(found, key=lambda node: node.executor == "local"))


def preview(nodes: Sequence[InventoryNode], running: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """What would be done, node after node; `running` are the models on each."""
    return [{"node": node.id, "ip": node.data_ip, "unloads": list(running.get(node.id, ()))} for node in nodes]
