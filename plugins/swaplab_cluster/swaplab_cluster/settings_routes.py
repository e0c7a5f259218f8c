"""The routes of the cluster's settings: how nodes are reached, where the inventory is, and a wizard that makes one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define

from swaplab_cluster.files import read_inventory, write
from swaplab_cluster.inventory import Inventory, InventoryNode, Rdma, in_order, is_address, is_interface, is_user
from swaplab_cluster.inventory_file import render
from swaplab_cluster.live import Live
from swaplab_cluster.settings import MODES, Chosen, path, shown
from swaplab_core.domain.errors import Conflict, InvalidRequest
from swaplab_core.plugin import Call, Gateway, Policy, Reply, Route


@define(eq=False)
class SettingsRoutes:
    """Shows and changes what one cluster was told by its operator."""

    live: Callable[[], Live]

    def all(self) -> tuple[Route, ...]:
        """Every route, with who may call it."""
        rows = (
            ("GET", "/reach", Policy.READ, self.settings, "/api/cluster/settings"),
            ("PUT", "/reach", Policy.ADMIN, self.put_settings, "/api/cluster/settings"),
            ("POST", "/reach/wizard", Policy.ADMIN, self.wizard, "/api/cluster/settings/wizard"),
        )
        return tuple(
            Route(method=method, path=path, policy=policy, handler=handler, public_path=public)
            for method, path, policy, handler, public in rows
        )

    async def settings(self, _: Call, __: Gateway) -> Reply:
        """How nodes are reached, and where the inventory is."""
        return Reply.of_json(await self._settings())

    async def _settings(self) -> dict[str, Any]:
        live = self.live()
        file = live.in_force.inventory_file
        exists = file is not None and await asyncio.to_thread(file.is_file)
        return {**shown(live.in_force), "inventoryExists": exists, "problems": list(live.errors)}

    async def put_settings(self, call: Call, _: Gateway) -> Reply:
        """Choose how nodes are reached, and the inventory; "" follows the file and the environment again."""
        body = call.json()
        mode = _mode(body.get("execMode"))
        file = str(body.get("inventoryFile") or "").strip()
        if file and not await asyncio.to_thread(_is_file, file):
            raise InvalidRequest(f"there is no file {file}", advice="give the path of an inventory, or make one")
        await asyncio.to_thread(self.live().files.write_chosen, Chosen(mode, file))
        await self.live().reload()
        return Reply.of_json(await self._settings())

    async def wizard(self, call: Call, _: Gateway) -> Reply:
        """Write an inventory of these nodes and use it."""
        body = call.json()
        inventory = wizard_inventory(body)
        file = self._wizard_file(body)
        chosen = await asyncio.to_thread(self.live().files.read_chosen)
        mode = _mode(body.get("execMode") or chosen.exec_mode)
        existing = await asyncio.to_thread(read_inventory, file) if await asyncio.to_thread(file.exists) else None
        if existing is not None and existing.inventory != inventory and body.get("overwrite") is not True:
            raise Conflict(f"{file} is there already", advice="add `overwrite: true`, or give another inventoryFile")
        await asyncio.to_thread(lambda: write(file, render(inventory), mode=0o644))
        await asyncio.to_thread(self.live().files.write_chosen, Chosen(mode, str(file)))
        await self.live().reload()
        head = inventory.head()
        made = {
            "inventoryFile": str(file),
            "nodes": [node.data_ip for node in inventory.nodes],
            "headNode": head.data_ip if head else "",
        }
        return Reply.of_json({"settings": await self._settings(), "wizard": made})

    def _wizard_file(self, body: Mapping[str, Any]) -> Path:
        given = path(str(body.get("inventoryFile") or ""), os.environ)
        file = given or self.live().inventory_place
        if file.suffix not in {".yaml", ".yml"} or not file.is_absolute():
            advice = "give an absolute path that ends in .yaml"
            raise InvalidRequest(f"{file} is no place for an inventory", advice=advice)
        return file


def wizard_inventory(body: Mapping[str, Any]) -> Inventory:
    """The inventory that the wizard's form describes. Raises InvalidRequest."""
    head = str(body.get("headNode") or "").strip()
    addresses = _addresses(body.get("nodes"), head)
    user = str(body.get("defaultSshUser") or "").strip()
    if user and not is_user(user):
        raise InvalidRequest(f"{user!r} is no login name", advice="letters, digits, '_', '-' and '.'")
    eth, devices = str(body.get("ethIf") or "").strip(), _words(body.get("ibIf"))
    for name in (*((eth,) if eth else ()), *devices):
        if not is_interface(name):
            raise InvalidRequest(f"{name!r} is no name of an interface", advice="`ip link` and `ibv_devices` list them")
    nodes = _nodes(addresses, head or addresses[0], user)
    return Inventory(in_order(nodes), rdma=Rdma(bool(eth or devices), eth, devices))


def _addresses(given: object, head: str) -> list[str]:
    """The addresses of a list, or of a text with one a line; each once, the head among them. Raises InvalidRequest."""
    words = given if isinstance(given, list) else str(given or "").replace(",", "\n").split("\n")
    found = list(dict.fromkeys(str(word).strip() for word in words if str(word).strip()))
    addresses = found if not head or head in found else [head, *found]
    if not addresses:
        raise InvalidRequest("nodes is empty", advice="write one address a line")
    for address in addresses:
        if not is_address(address):
            raise InvalidRequest(f"{address!r} is no address", advice="write one IP address or host name a line")
    return addresses


def _nodes(addresses: Sequence[str], head: str, user: str) -> list[InventoryNode]:
    """A node for each address, which is that of its data, its control and its proxy."""
    others = iter(range(1, len(addresses) + 1))
    return [
        InventoryNode(
            id="head" if address == head else f"node-{next(others)}",
            head=address == head,
            data_ip=address,
            control_ip=address,
            proxy_ip=address,
            ssh_user=user,
        )
        for address in addresses
    ]


def _mode(given: object) -> str:
    """How nodes are reached, "" as the settings say. Raises InvalidRequest."""
    mode = str(given or "").strip().lower()
    if mode not in MODES:
        raise InvalidRequest(f"execMode {mode!r} is none of auto, local, agent", advice='"" follows the settings')
    return mode


def _is_file(text: str) -> bool:
    return Path(text).expanduser().is_file()


def _words(value: object) -> tuple[str, ...]:
    return tuple(word.strip() for word in str(value or "").split(",") if word.strip())
