"""Machines that engines and steps can run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType

from attrs import field, frozen

NodeId = NewType("NodeId", str)

LOCAL = NodeId("")
"""The machine that swaplab itself runs on."""


@frozen
class Node:
    """One enrolled machine. `executor` names the driver that reaches it (`local`, `ssh`, `agent`).

    `address` is what engines on it are reached at from here, a host name or an IP address. `labels` are free words for
    people and for placement. `reach` is what its executor needs to know of it, and nobody else's business. `addresses`
    are its others, by which a person may mean it: first the one on the network between the machines.
    """

    id: NodeId
    title: str
    executor: str
    address: str
    labels: Mapping[str, str] = field(factory=dict)
    reach: Any = field(default=None, eq=False, repr=False)
    addresses: tuple[str, ...] = ()

    @property
    def fabric(self) -> str:
        """What the other machines reach it at."""
        return self.addresses[0] if self.addresses else self.address

    def is_called(self, name: str) -> bool:
        """Whether a person who says this means this machine."""
        return bool(name) and name in {self.id, self.title, self.address, *self.addresses}
