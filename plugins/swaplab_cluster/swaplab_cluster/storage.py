"""The storage matrix: which paths are on which machine, and which of them are one and the same storage. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swaplab_cluster.facts import StoredPath
from swaplab_cluster.node_status import NodeStatus

USUAL = (
    "~/.cache/huggingface/hub",
    "~/.cache/huggingface/datasets",
    "~/.cache/llama-benchy-intelligence",
    "~/.cache/uv",
)


def candidates(environment: Mapping[str, str], configured: Sequence[str] = ()) -> tuple[str, ...]:
    """The paths to look for: the configured ones, or the usual caches and those the environment names.

    One that begins with `~/` is looked up in the home of each machine's own login.
    """
    if configured:
        return tuple(dict.fromkeys(configured))
    home = environment.get("HF_HOME", "")
    more = (home, f"{home}/hub", f"{home}/datasets") if home else ()
    named = (*more, environment.get("TRANSFORMERS_CACHE", ""))
    return tuple(dict.fromkeys([*USUAL, *(path for path in named if path.startswith("/"))]))


def storage_matrix(nodes: Sequence[NodeStatus]) -> dict[str, Any]:
    """Paths by machines. A path on several machines is a duplicate unless all have it from the same storage."""
    looked = {status.node.id: status.facts.paths for status in nodes if status.facts.paths is not None}
    paths = list(dict.fromkeys(stored.path for stored_paths in looked.values() for stored in stored_paths))
    kinds = {path: _kind(path, looked) for path in paths}
    return {
        "paths": paths,
        "nodes": [_row(status) for status in nodes],
        "duplicatePaths": [path for path in paths if kinds[path] == "duplicate"],
        "sharedPaths": [path for path in paths if kinds[path] == "shared"],
        "sharedAllPaths": [path for path in paths if kinds[path] == "shared" and _count(path, looked) == len(looked)],
        "note": _note(kinds, looked),
    }


def _row(status: NodeStatus) -> dict[str, Any]:
    stored = status.facts.paths
    row: dict[str, Any] = {
        "id": status.node.id,
        "ip": status.node.data_ip,
        "isLocal": status.is_local,
        "presentCount": sum(path.exists for path in stored or ()),
        "paths": [_cell(path) for path in stored or ()],
    }
    if stored is None and "storage" in status.told:
        row["error"] = "node not reachable"
    return row


def _cell(path: StoredPath) -> dict[str, Any]:
    if not path.exists:
        return {"path": path.path, "exists": False}
    return {
        "path": path.path,
        "exists": True,
        "sizeMiB": None if path.size_kib is None else path.size_kib // 1024,
        "device": path.device,
        "source": path.source,
        "filesystem": path.filesystem,
        "mount": path.mount,
        "shared": bool(path.identity),
        "identity": path.identity,
        "realPath": path.real,
    }


def _present(path: str, looked: Mapping[str, Sequence[StoredPath] | None]) -> list[StoredPath]:
    return [stored for paths in looked.values() for stored in paths or () if stored.path == path and stored.exists]


def _count(path: str, looked: Mapping[str, Sequence[StoredPath] | None]) -> int:
    return len(_present(path, looked))


def _kind(path: str, looked: Mapping[str, Sequence[StoredPath] | None]) -> str:
    present = _present(path, looked)
    if len(present) < 2:
        return "single" if present else "absent"
    identities = {stored.identity for stored in present}
    return "shared" if len(identities) == 1 and "" not in identities else "duplicate"


def _note(kinds: Mapping[str, str], looked: Mapping[str, object]) -> str:
    duplicates = sum(kind == "duplicate" for kind in kinds.values())
    if len(looked) < 2:
        return "One machine was looked at."
    if not duplicates:
        return "No path is kept twice."
    return f"{duplicates} paths are kept on several machines, each on storage of its own."
