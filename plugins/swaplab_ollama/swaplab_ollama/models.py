"""Lists and descriptions of models, from what this server says of its own. What it does not know is left empty.

`listed` is a record of GET /v1/models, `running` one of GET /running, `state` one of GET /api/models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from swaplab_ollama.lines import timestamp

Record = Mapping[str, Any]

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
DETAILS = ("format", "family", "parameter_size", "quantization_level")
"""Taken from the keys of the same names in a model's `metadata`."""


def tags(listed: Iterable[Record]) -> dict[str, Any]:
    """Answer `/api/tags`: every model that is listed."""
    return {"models": [{**_entry(record["id"], record), "modified_at": _modified(record)} for record in listed]}


def processes(running: Iterable[Record], listed: Iterable[Record], now: datetime) -> dict[str, Any]:
    """Answer `/api/ps`: the models that are ready. Until when is the latest time, if nobody asks them anything more."""
    known = {record["id"]: record for record in listed}
    ready = [record for record in running if record.get("state") == "ready"]
    return {"models": [_process(record, known.get(record["model"], {}), now) for record in ready]}


def description(name: str, listed: Record) -> dict[str, Any]:
    """Answer `/api/show`; `listed` is empty for a model that is not listed."""
    details = _details(listed)
    architecture = details["family"] or "unknown"
    context = listed.get("context_length")
    return {
        "modelfile": f"# {name} is an entry in swaplab's configuration, it has no Modelfile.\n",
        "parameters": "",
        "template": "",
        "details": details,
        "model_info": {
            "general.architecture": architecture,
            "general.basename": listed.get("name") or name,
            **({f"{architecture}.context_length": context} if context else {}),
        },
        "capabilities": capabilities(listed),
        "modified_at": _modified(listed),
    }


def capabilities(listed: Record) -> list[str]:
    """Name what the configuration says that a model can do; a model of which it says nothing completes text."""
    can = listed.get("capabilities") or {}
    words = {
        "completion": not can.get("reranker"),
        "vision": can.get("vision"),
        "tools": can.get("function_calling"),
        "thinking": _metadata(listed).get("thinking"),
    }
    return [word for word, has in words.items() if has]


def find(name: str, records: Iterable[Record]) -> Record | None:
    """Find a model by its id or an alias, in either list."""
    for record in records:
        if name == record["id"] or name in (record.get("aliases") or _metadata(record).get("aliases") or ()):
            return record
    return None


def _process(running: Record, listed: Record, now: datetime) -> dict[str, Any]:
    ttl = running.get("ttl") or 0
    return {
        **_entry(running["model"], listed),
        "expires_at": timestamp(now + timedelta(seconds=ttl) if ttl > 0 else FOREVER),
        "size_vram": 0,
        "context_length": listed.get("context_length") or 0,
    }


def _entry(name: str, listed: Record) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()  # clients want one; of the name, since the weights are not ours
    return {"name": name, "model": name, "size": 0, "digest": digest, "details": _details(listed)}


def _details(listed: Record) -> dict[str, Any]:
    metadata = _metadata(listed)
    said = {name: str(metadata.get(name) or "") for name in DETAILS}
    return {"parent_model": "", **said, "families": [said["family"]] if said["family"] else []}


def _metadata(listed: Record) -> Mapping[str, Any]:
    return (listed.get("meta") or {}).get("llamaswap") or {}


def _modified(listed: Record) -> str:
    return timestamp(datetime.fromtimestamp(listed.get("created") or 0, UTC))
