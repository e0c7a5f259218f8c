"""What is known of all machines → the answer of `GET /api/cluster/status`. Pure; times are unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from swaplab_cluster.facts import DgxUpdate, Disk, Gpu, Gpus, Memory, Metrics
from swaplab_cluster.inventory import Rdma
from swaplab_cluster.node_status import Cluster, NodeStatus, Reach
from swaplab_cluster.probe import SECTIONS
from swaplab_cluster.storage import storage_matrix

MASKS = SECTIONS


def overall(cluster: Cluster) -> str:
    """One word: error, solo, degraded or healthy."""
    if not cluster.nodes:
        return "error"
    remotes = [node for node in cluster.nodes if not node.is_local]
    if not remotes:
        return "solo"
    if any(node.reach is None or not node.reach.is_well for node in remotes):
        return "degraded"
    return "degraded" if cluster.errors else "healthy"


def in_order(nodes: Iterable[NodeStatus]) -> tuple[NodeStatus, ...]:
    """Local first, the others as the inventory has them."""
    return tuple(sorted(nodes, key=lambda node: not node.is_local))


def sections_of(view: str, include: str | None) -> frozenset[str]:
    """What a request asks for: everything unless it says otherwise; unknown words are ignored."""
    if view == "summary":
        return frozenset()
    if include is None:
        return frozenset(MASKS)
    return frozenset(word.strip().lower() for word in include.split(",")) & frozenset(MASKS)


def body(cluster: Cluster, sections: frozenset[str], now: float) -> dict[str, Any]:
    """The JSON of the answer."""
    nodes = in_order(cluster.nodes)
    remotes = sum(not node.is_local for node in nodes)
    word = overall(cluster)
    answer: dict[str, Any] = {
        "autodiscoverPath": cluster.autodiscover_path,
        "detectedAt": stamp(now),
        "localIp": cluster.local_ip,
        "cidr": cluster.cidr,
        "ethIf": cluster.eth_if,
        "ibIf": cluster.ib_if,
        "execMode": cluster.exec_mode,
        "connectivityMode": "agent" if cluster.exec_mode == "agent" else "ssh",
        "nodeCount": len(nodes),
        "remoteCount": remotes,
        "reachableBySsh": sum(_is_reached(node) for node in nodes),
        "overall": word,
        "summary": sentence(word, nodes),
        "nodes": [_node(node, sections, cluster.rdma) for node in nodes],
    }
    if cluster.errors:
        answer["errors"] = list(cluster.errors)
    if "storage" in sections:
        answer["storage"] = storage_matrix(nodes)
    return answer


def stamp(moment: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_reached(node: NodeStatus) -> bool:
    return node.is_local or (node.reach is not None and node.reach.shell_ok)


def sentence(word: str, nodes: Sequence[NodeStatus]) -> str:
    """The same for people."""
    lost = [node.node.id for node in nodes if not node.is_local and not _is_reached(node)]
    match word:
        case "error":
            return "There are no nodes."
        case "solo":
            return "This machine only: no other node is enrolled."
        case "healthy":
            return f"All {len(nodes)} nodes answer."
        case _ if lost:
            return f"{len(lost)} of {len(nodes)} nodes cannot be reached: {', '.join(lost)}."
        case _:
            return f"All {len(nodes)} nodes answer, but there are errors."


def _node(status: NodeStatus, sections: frozenset[str], rdma: Rdma) -> dict[str, Any]:
    node, reach = status.node, status.reach or Reach()
    answer: dict[str, Any] = {
        "id": node.id,
        "title": node.title or node.id,
        "ip": node.data_ip,
        "controlIp": node.control_ip,
        "proxyIp": node.proxy_ip,
        "isLocal": status.is_local,
        "head": node.head,
        "executor": node.executor,
        "labels": dict(node.labels),
        "drained": status.drained,
        "checked": status.reach is not None or status.is_local,
        "port22Open": reach.port_open or status.is_local,
        "port22LatencyMs": _ms(reach.port_ms),
        "sshOk": reach.shell_ok or status.is_local,
        "sshLatencyMs": _ms(reach.shell_ms),
        "host": status.facts.host,
        "uptimeSeconds": status.facts.uptime_seconds,
    }
    if reach.port_error:
        answer["port22Error"] = reach.port_error
    if reach.shell_error:
        answer["sshError"] = reach.shell_error
    if error := "; ".join(_errors(reach)):
        answer["error"] = error
    return answer | _sections(status, sections, rdma)


def _errors(reach: Reach) -> Iterable[str]:
    if reach.port_error:
        yield f"port22: {reach.port_error}"
    if reach.shell_error:
        yield f"ssh: {reach.shell_error}"


def _sections(status: NodeStatus, sections: frozenset[str], rdma: Rdma) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    facts = status.facts
    if "metrics" in sections:
        at = {"queriedAt": stamp(status.told["metrics"])} if "metrics" in status.told else {}
        answer |= _metrics(facts.metrics, at)
        if facts.metrics is not None:
            answer["rdma"] = rdma_state(facts.metrics, rdma)
    if "dgx" in sections and "dgx" in status.told:
        answer["dgx"] = {
            "checkedAt": stamp(status.told["dgx"]),
            **_dgx(facts.dgx or DgxUpdate(error="node not reachable")),
        }
    return answer


def _metrics(metrics: Metrics | None, at: Mapping[str, str]) -> dict[str, Any]:
    if metrics is None:
        missing = {**at, "error": "node not reachable"} if at else {"error": "not asked yet"}
        return {"cpu": missing, "memory": missing, "disk": {"mount": "/", **missing}, "gpu": missing}
    cpu = metrics.cpu
    return {
        "cpu": {**at, **_known(usagePercent=cpu.usage_percent, load1=cpu.load1, error=cpu.error)},
        "memory": {**at, **_memory(metrics.memory)},
        "disk": {**at, "mount": "/", **_disk(metrics.disk)},
        "gpu": {**at, **_gpus(metrics.gpus)},
    }


def _ms(value: float | None) -> int | None:
    return None if value is None else round(value)


def _known(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "")}


def _share(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


def _memory(memory: Memory) -> dict[str, Any]:
    if memory.error:
        return {"error": memory.error}
    return {
        "totalMiB": memory.total_mib,
        "usedMiB": memory.used_mib,
        "availableMiB": memory.available_mib,
        "swapUsedMiB": memory.swap_used_mib,
        "usagePercent": _share(memory.used_mib, memory.total_mib),
    }


def _disk(disk: Disk) -> dict[str, Any]:
    if disk.error:
        return {"error": disk.error}
    return {
        "totalMiB": disk.total_mib,
        "usedMiB": disk.used_mib,
        "freeMiB": disk.free_mib,
        "usagePercent": _share(disk.used_mib, disk.used_mib + disk.free_mib),
    }


def _gpus(gpus: Gpus) -> dict[str, Any]:
    return {"devices": [_gpu(gpu) for gpu in gpus.devices], "quality": gpus.quality, **_known(error=gpus.error)}


def _gpu(gpu: Gpu) -> dict[str, Any]:
    return {
        "index": gpu.index,
        "name": gpu.name,
        "memoryKnown": gpu.memory_known,
        "totalMiB": gpu.total_mib or 0,
        "usedMiB": gpu.used_mib or 0,
        "freeMiB": gpu.free_mib or 0,
        **_known(utilizationPct=gpu.utilization_pct, temperatureC=gpu.temperature, powerW=gpu.power_watts),
    }


def rdma_state(metrics: Metrics, wanted: Rdma) -> dict[str, Any]:
    """The RDMA ports, and what is amiss with those that the inventory requires."""
    ports = metrics.rdma
    missing = [name for name in wanted.ib_if if not any(port.device == name and port.is_up for port in ports)]
    errors = [f"{name} is not active" for name in missing]
    up = {link.name for link in metrics.links if link.state == "up"}
    if wanted.eth_if and wanted.eth_if not in up:
        errors.append(f"{wanted.eth_if} is not up")
    if wanted.required and not wanted.ib_if and not any(port.is_up for port in ports):
        errors.append("no RDMA port is active")
    return {
        "required": wanted.required,
        "ok": not errors,
        "errors": errors,
        "ports": [
            {
                "device": port.device,
                "port": port.port,
                "state": port.state,
                "physical": port.physical,
                "rate": port.rate,
                "layer": port.layer,
                "interface": port.interface,
                "up": port.is_up,
            }
            for port in ports
        ],
    }


def _dgx(dgx: DgxUpdate) -> dict[str, Any]:
    return {
        "supported": dgx.supported,
        **_known(
            updateAvailable=dgx.update_available,
            rebootRunning=dgx.reboot_running,
            upgradeProgress=dgx.upgrade_progress,
            upgradeStatus=dgx.upgrade_status,
            cacheProgress=dgx.cache_progress,
            cacheStatus=dgx.cache_status,
            error=dgx.error,
        ),
    }
