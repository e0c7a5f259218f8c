"""What the Cluster page shows: the status as cards, matrices and lines. Pure; the shapes are those of the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from swaplab_cluster.draining import ModelRecord, members
from swaplab_cluster.facts import Metrics
from swaplab_cluster.history import CHARTS, History
from swaplab_cluster.inventory import Inventory, Rdma
from swaplab_cluster.node_status import Cluster, NodeStatus
from swaplab_cluster.placement import free_mib
from swaplab_cluster.status import overall, rdma_state, sentence
from swaplab_cluster.storage import storage_matrix

OK, WARN, ERR, NA, PENDING = "ok", "warn", "err", "na", "pending"
CROWDED_PERCENT = 90
MIB = 2**20

_LEVELS = {"healthy": "ok", "solo": "info", "degraded": "warn", "error": "error"}


def summary(cluster: Cluster) -> list[dict[str, Any]]:
    """A hint that says how all is, and one for each error."""
    word = overall(cluster)
    first = {"level": _LEVELS[word], "title": word.capitalize(), "text": sentence(word, cluster.nodes)}
    return [first, *({"level": "error", "title": "", "text": error} for error in cluster.errors)]


def badges(cluster: Cluster) -> dict[str, Any]:
    """Each machine in a word, for the overview."""
    return {"items": [{"label": _name(status), "type": "badge", "value": _badge(status)} for status in cluster.nodes]}


def _badge(status: NodeStatus) -> dict[str, str]:
    return {"state": _state(status), "text": _word(status), "title": _trouble(status)}


def _name(status: NodeStatus) -> str:
    return status.node.title or status.node.id


def setting(cluster: Cluster) -> dict[str, Any]:
    """What the machines are found and joined by."""
    interfaces = ", ".join(name for name in cluster.ib_if.split(",") if name)
    values = (
        ("Discovery script", cluster.autodiscover_path),
        ("Ethernet interface", cluster.eth_if),
        ("RDMA interfaces", interfaces),
        ("This machine", cluster.local_ip),
    )
    return {"items": [{"label": label, "value": value or None, "type": "code"} for label, value in values]}


def cards(cluster: Cluster, models: Sequence[ModelRecord], inventory: Inventory | None) -> dict[str, Any]:
    """A card for each machine: the topology, with what runs where and what can be done."""
    return {"items": [_card(status, models, inventory) for status in cluster.nodes]}


def _card(status: NodeStatus, models: Sequence[ModelRecord], inventory: Inventory | None) -> dict[str, Any]:
    node = status.node
    running = [model.id for model in models if model.is_up and node.id in _places(model, inventory, status)]
    metrics = status.facts.metrics
    free = free_mib(metrics)
    items = [
        {"label": "Data", "value": node.data_ip, "type": "code"},
        {"label": "Control", "value": node.control_ip, "type": "code"},
        {"label": "Reached with", "value": node.executor or "local"},
        {"label": "Free memory", "value": None if free is None else free * MIB, "type": "bytes"},
        {"label": "GPU", "value": _gpu_cell(metrics)["title"] if metrics is not None else ""},
        {"label": "RDMA ports up", "value": _ports(metrics)},
        {"label": "Models", "value": ", ".join(running)},
        {"label": "Last look", "value": status.told.get("reach"), "type": "ago"},
    ]
    card: dict[str, Any] = {
        "id": node.id,
        "title": f"{_name(status)}{' (head)' if node.head else ''}",
        "state": _badge(status),
        "text": _trouble(status),
        "items": items,
        "context": {"node": node.id},
        "actions": _card_actions(status),
    }
    if metrics is not None and metrics.memory.total_mib:
        card["progress"] = metrics.memory.used_mib / metrics.memory.total_mib
        card["progress_label"] = "Memory used"
    return card


def _ports(metrics: Metrics | None) -> str:
    if metrics is None:
        return ""
    up = [f"{port.device}/{port.port}" for port in metrics.rdma if port.is_up]
    return f"{len(up)} of {len(metrics.rdma)}: {', '.join(up)}" if metrics.rdma else ""


def _places(model: ModelRecord, inventory: Inventory | None, status: NodeStatus) -> tuple[str, ...]:
    if not model.node and status.node_id == "":
        return (status.node.id,)
    return members(model.node, inventory)


def _state(status: NodeStatus) -> str:
    if status.drained:
        return WARN
    if status.is_local:
        return OK
    if status.reach is None:
        return PENDING
    return OK if status.reach.is_well else ERR


def _trouble(status: NodeStatus) -> str:
    words = ["takes no models"] if status.drained else []
    if status.reach is not None:
        words += [error for error in (status.reach.port_error, status.reach.shell_error) if error]
    return "; ".join(words)


def _card_actions(status: NodeStatus) -> list[str]:
    if status.node_id == "":
        return []
    drain = "cluster:undrain" if status.drained else "cluster:drain"
    return [drain, "cluster:enrol", "cluster:install_agent", "cluster:dgx_update"]


def table(cluster: Cluster) -> dict[str, Any]:
    """A row for each machine, for what is done to it."""
    return {"items": [_table_row(status) for status in cluster.nodes if status.node_id]}


def _table_row(status: NodeStatus) -> dict[str, Any]:
    node, metrics = status.node, status.facts.metrics
    free = free_mib(metrics)
    return {
        "id": node.id,
        "node": node.id,
        "title": _name(status),
        "state": {"state": _state(status), "text": _word(status)},
        "host": status.facts.host,
        "reach": node.executor,
        "uptime": status.facts.uptime_seconds,
        "free": _times(free, MIB),
        "disk": _times(metrics.disk.free_mib, MIB) if metrics is not None and not metrics.disk.error else None,
    }


def disks(cluster: Cluster) -> dict[str, Any]:
    """A row for each disk that comes over the network, and for each machine that has none."""
    return {"items": [row for status in cluster.nodes if status.node_id for row in _disk_rows(status)]}


def _disk_rows(status: NodeStatus) -> list[dict[str, Any]]:
    node, found = status.node, status.facts.metrics.disks if status.facts.metrics is not None else ()
    here = {"node": node.id, "title": node.title or node.id}
    if not found:
        return [{"id": node.id, **here, "state": {"state": NA, "text": "none"}}]
    return [
        {
            "id": f"{node.id}/{disk.device}",
            **here,
            "device": disk.device,
            "transport": disk.transport,
            "address": disk.address,
            "subsystem": disk.subsystem,
            "state": {"state": OK if disk.is_live else ERR, "text": disk.state},
        }
        for disk in found
    ]


def _word(status: NodeStatus) -> str:
    if status.drained:
        return "drained"
    return {OK: "well", PENDING: "not asked yet"}.get(_state(status), "not reachable")


def _times(value: float | None, factor: int) -> float | None:
    return None if value is None else value * factor


COLUMNS = (
    ("port", "Port"),
    ("shell", "Shell"),
    ("cpu", "Processor"),
    ("memory", "Memory"),
    ("disk", "Disk"),
    ("gpu", "GPU"),
    ("rdma", "RDMA"),
    ("dgx", "System"),
)


def health(cluster: Cluster) -> dict[str, Any]:
    """Machines by what was looked at."""
    return {
        "rows": [{"id": status.node.id, "title": _name(status)} for status in cluster.nodes],
        "columns": [{"id": key, "title": title} for key, title in COLUMNS],
        "cells": {status.node.id: _health_row(status, cluster.rdma) for status in cluster.nodes},
    }


def _health_row(status: NodeStatus, wanted: Rdma) -> dict[str, Any]:
    return {**_reach_cells(status), **_metric_cells(status.facts.metrics, wanted), "dgx": _dgx_cell(status)}


def _cell(state: str, text: str = "", title: str = "") -> dict[str, str]:
    return {"state": state, "text": text, "title": title}


def _reach_cells(status: NodeStatus) -> dict[str, Any]:
    if status.is_local:
        return {"port": _cell(NA, "here"), "shell": _cell(OK, "here")}
    reach = status.reach
    if reach is None:
        return {"port": _cell(PENDING), "shell": _cell(PENDING)}
    return {
        "port": _cell(OK if reach.port_open else ERR, _milliseconds(reach.port_ms), reach.port_error),
        "shell": _cell(OK if reach.shell_ok else ERR, _milliseconds(reach.shell_ms), reach.shell_error),
    }


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _metric_cells(metrics: Metrics | None, wanted: Rdma) -> dict[str, Any]:
    if metrics is None:
        return {key: _cell(NA) for key in ("cpu", "memory", "disk", "gpu", "rdma")}
    memory, disk = metrics.memory, metrics.disk
    rdma = rdma_state(metrics, wanted)
    return {
        "cpu": _share(metrics.cpu.usage_percent, metrics.cpu.error, f"load {metrics.cpu.load1}"),
        "memory": _share(
            _percent(memory.used_mib, memory.total_mib), memory.error, f"{memory.available_mib} MiB available"
        ),
        "disk": _share(_percent(disk.used_mib, disk.used_mib + disk.free_mib), disk.error, f"{disk.free_mib} MiB free"),
        "gpu": _gpu_cell(metrics),
        "rdma": _rdma_cell(rdma),
    }


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _share(percent: float | None, error: str, title: str) -> dict[str, str]:
    if error:
        return _cell(ERR, "", error)
    if percent is None:
        return _cell(NA)
    return _cell(WARN if percent >= CROWDED_PERCENT else OK, f"{percent:.0f} %", title)


def _gpu_cell(metrics: Metrics) -> dict[str, str]:
    gpus = metrics.gpus
    if gpus.error:
        return _cell(ERR, "", gpus.error)
    if not gpus.devices:
        return _cell(NA, "none")
    busy = [gpu.utilization_pct for gpu in gpus.devices if gpu.utilization_pct is not None]
    names = ", ".join(gpu.name for gpu in gpus.devices)
    return _cell(OK, f"{max(busy):.0f} %" if busy else str(len(gpus.devices)), names)


def _rdma_cell(rdma: Mapping[str, Any]) -> dict[str, str]:
    up = sum(port["up"] for port in rdma["ports"])
    if rdma["errors"]:
        return _cell(ERR, f"{up} up", "; ".join(rdma["errors"]))
    return _cell(OK, f"{up} up", "") if rdma["ports"] else _cell(NA, "none")


def _dgx_cell(status: NodeStatus) -> dict[str, str]:
    dgx = status.facts.dgx
    if dgx is None or (not dgx.supported and not dgx.error):
        return _cell(NA, "", "no DGX" if dgx is not None else "")
    if dgx.error:
        return _cell(ERR, "", dgx.error)
    if dgx.reboot_running:
        return _cell(PENDING, "rebooting", dgx.upgrade_status)
    return _cell(WARN, "update") if dgx.update_available else _cell(OK, "up to date")


def storage(nodes: Sequence[NodeStatus]) -> dict[str, Any]:
    """Paths by machines, with what is the same storage."""
    matrix = storage_matrix(nodes)
    cells: dict[str, dict[str, Any]] = {path: {} for path in matrix["paths"]}
    for row in matrix["nodes"]:
        for cell in row["paths"]:
            cells[cell["path"]][row["id"]] = _storage_cell(cell, matrix)
    return {
        "rows": [{"id": path, "title": path} for path in matrix["paths"]],
        "columns": [{"id": row["id"], "title": row["id"]} for row in matrix["nodes"]],
        "cells": cells,
    }


def _storage_cell(cell: Mapping[str, Any], matrix: Mapping[str, Any]) -> dict[str, str]:
    if not cell["exists"]:
        return _cell(NA)
    size = "" if cell["sizeMiB"] is None else f"{cell['sizeMiB']} MiB"
    where = f"{cell['filesystem']} {cell['source']} on {cell['mount']}"
    if cell["path"] in matrix["duplicatePaths"]:
        return _cell(WARN, f"{size} own".strip(), f"kept here as well: {where}")
    return _cell(OK, f"{size} shared".strip() if cell["shared"] else size, where)


def lines(history: History, nodes: Iterable[str], name: str) -> dict[str, Any]:
    """One chart as the `timeseries` view wants it: all machines over the moments of any of them."""
    _, unit, value = CHARTS[name]
    times = MIB if unit == "MiB" else 1
    by_node = {node: {round(one.at): _times(value(one), times) for one in history.of(node)} for node in nodes}
    moments = sorted({at for points in by_node.values() for at in points})
    series = [{"label": node, "values": [points.get(at) for at in moments]} for node, points in by_node.items()]
    return {"t": moments, "series": series}
