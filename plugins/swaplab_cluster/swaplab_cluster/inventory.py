"""The enrolled machines: `cluster-inventory.yaml` as values, and the rules about them. Pure.

A node has three addresses. `data_ip` is its address on the fast network and what people call it, `control_ip` is where
this host reaches it (ssh, agent), `proxy_ip` is where requests for engines on it are sent. A gang is a set of nodes
that run one model together: an engine with `node: <gang>` starts on all of them and ends on all of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from attrs import evolve, field, frozen

DEFAULT_AGENT_PORT = 19090
DEFAULT_SSH_PORT = 22
VERSION = 1

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
_ROOT = re.compile(r"(/|~/|\$HOME/?)[A-Za-z0-9._/@+ -]*|~|\$HOME")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,31}")
_PIN = re.compile(r"[0-9a-f]{64}")

EXECUTORS = ("", "local", "ssh", "agent")


@frozen
class Rdma:
    """What the fast network must have: `required` makes its absence a finding, the names say which ports count."""

    required: bool = False
    eth_if: str = ""
    ib_if: tuple[str, ...] = ()


@frozen(kw_only=True)
class InventoryNode:
    """One machine. What is "" or 0 follows the settings: `executor`, `ssh_user`, `agent_port`.

    `root` is the folder of engines and recipes on that node; `agent_pin` the sha256 of its agent's certificate.
    """

    id: str
    data_ip: str
    control_ip: str
    proxy_ip: str
    head: bool = False
    title: str = ""
    executor: str = ""
    ssh_user: str = ""
    ssh_port: int = DEFAULT_SSH_PORT
    agent_port: int = 0
    agent_pin: str = ""
    root: str = ""
    labels: Mapping[str, str] = field(factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Everything it may be called."""
        return frozenset({self.id, self.data_ip, self.control_ip, self.proxy_ip})


@frozen
class Gang:
    """Nodes that run one model together, the first as rank 0; requests go to that one."""

    id: str
    nodes: tuple[str, ...]


@frozen
class Inventory:
    """All of the file. `nodes` are sorted: heads first, then by data address."""

    nodes: tuple[InventoryNode, ...] = ()
    gangs: tuple[Gang, ...] = ()
    rdma: Rdma = Rdma()
    agent_port: int = DEFAULT_AGENT_PORT

    def find(self, name: str) -> InventoryNode | None:
        """The node that has this id or, if none has, this address."""
        by_id = next((node for node in self.nodes if node.id == name), None)
        return by_id or next((node for node in self.nodes if name in node.names), None)

    def head(self) -> InventoryNode | None:
        """The first head; the first node when none is marked."""
        return next((node for node in self.nodes if node.head), self.nodes[0] if self.nodes else None)

    def with_head(self, name: str) -> Inventory:
        """The same machines with this one as the only head. Raises KeyError when there is none of that name."""
        head = self.find(name)
        if head is None:
            raise KeyError(name)
        return evolve(self, nodes=in_order(evolve(node, head=node.id == head.id) for node in self.nodes))


def in_order(nodes: object) -> tuple[InventoryNode, ...]:
    """Heads first, then by data address: 9 before 10."""
    return tuple(sorted(nodes, key=lambda node: (not node.head, _address_key(node.data_ip))))  # type: ignore[call-overload]  # any iterable


def _address_key(address: str) -> tuple[int, int, str]:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return (9, 0, address)
    return (parsed.version, int(parsed), "")


def is_id(text: str) -> bool:
    """Can it be a node's or a gang's id? It begins with a letter or digit, so it can never be an option."""
    return _ID.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """An IP address or a host name; nothing that a program could take for an option."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST.fullmatch(text) is not None and not _looks_numeric(text)
    return True


def _looks_numeric(text: str) -> bool:
    """`300.1.1.1` is a mistake, not a host name."""
    return re.fullmatch(r"[0-9.]+", text) is not None


def is_user(text: str) -> bool:
    """A login name."""
    return _USER.fullmatch(text) is not None


def is_root(text: str) -> bool:
    """An absolute folder, or one below the home of the login."""
    return _ROOT.fullmatch(text) is not None and ".." not in text.split("/")


def is_interface(text: str) -> bool:
    """The name of a network interface or an RDMA device."""
    return _INTERFACE.fullmatch(text) is not None


def is_pin(text: str) -> bool:
    """A sha256 as 64 hex digits."""
    return _PIN.fullmatch(text) is not None
