"""From the inventory to what the daemon and the collector call nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve, frozen

from swaplab_cluster.agent_client import AgentReach
from swaplab_cluster.inventory import Gang, Inventory, InventoryNode
from swaplab_cluster.lab_root import root_of
from swaplab_cluster.node_status import NodeStatus
from swaplab_cluster.sessions import SshReach
from swaplab_cluster.settings import Effective, executor_of
from swaplab_core.domain.node import LOCAL, Node, NodeId

HERE = InventoryNode(
    id="local", title="This machine", data_ip="127.0.0.1", control_ip="127.0.0.1", proxy_ip="127.0.0.1", head=True
)
"""What stands for this machine when it is not enrolled."""


@frozen
class Access:
    """What is needed to reach nodes, beside the inventory."""

    known_hosts: Path
    identity: str = ""
    use_ssh_config: bool = False
    token_file: Path | None = None
    lease_seconds: float = 20.0
    keep: bool = False
    agent_root: str = ""


@frozen
class GangReach:
    """The members of a gang, the first as rank 0, each with its address on the fast network."""

    members: tuple[tuple[NodeId, str], ...]


def access(in_force: Effective, known_hosts: Path) -> Access:
    """Take from the settings what is needed."""
    settings = in_force.settings
    return Access(
        known_hosts,
        settings.ssh_identity,
        settings.ssh_config,
        in_force.agent_token_file,
        settings.agent_lease_seconds,
        settings.agent_lease_ends == "keep",
        root_of(in_force.agent_root),
    )


def resolved(inventory: Inventory, mode: str) -> Inventory:
    """Say of every node which executor reaches it."""
    nodes = (evolve(node, executor=executor_of(mode, node.executor, node.agent_pin)) for node in inventory.nodes)
    return evolve(inventory, nodes=tuple(nodes))


def lab_nodes(inventory: Inventory, how: Access) -> Iterator[Node]:
    """The machines and gangs, as the daemon knows them."""
    for node in inventory.nodes:
        yield Node(
            NodeId(node.id),
            node.title or node.id,
            node.executor,
            node.proxy_ip,
            node.labels,
            _reach(node, inventory, how),
            (node.data_ip, node.control_ip),
        )
    for gang in inventory.gangs:
        yield _gang(gang, inventory)


def _reach(node: InventoryNode, inventory: Inventory, how: Access) -> SshReach | AgentReach | None:
    match node.executor:
        case "ssh":
            return SshReach(
                node.id,
                node.control_ip,
                node.ssh_port,
                node.ssh_user,
                how.known_hosts,
                how.identity,
                use_ssh_config=how.use_ssh_config,
            )
        case "agent":
            port = agent_port(node, inventory)
            return AgentReach(
                node.id,
                node.control_ip,
                port,
                node.agent_pin,
                how.token_file,
                how.lease_seconds,
                how.keep,
                root=how.agent_root,
            )
        case _:
            return None


def agent_port(node: InventoryNode, inventory: Inventory) -> int:
    """Where its agent listens."""
    return node.agent_port or inventory.agent_port


def _gang(gang: Gang, inventory: Inventory) -> Node:
    members = [node for name in gang.nodes for node in inventory.nodes if node.id == name]
    reach = GangReach(tuple((NodeId(node.id), node.data_ip) for node in members))
    title = " + ".join(node.title or node.id for node in members)
    return Node(NodeId(gang.id), title, "gang", members[0].proxy_ip, {"gang": ",".join(gang.nodes)}, reach)


def statuses(inventory: Inventory | None) -> Iterable[NodeStatus]:
    """The machines, as the collector looks at them: this one alone when there is no inventory."""
    if inventory is None or not inventory.nodes:
        return [NodeStatus(HERE, is_local=True, node_id=LOCAL)]
    return [
        NodeStatus(node, is_local=node.executor == "local", is_agent=node.executor == "agent", node_id=node.id)
        for node in inventory.nodes
    ]
