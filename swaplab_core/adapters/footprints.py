"""What models have taken of the memory, kept in a file of the state folder over restarts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from swaplab_core.adapters.files import replace_text
from swaplab_core.domain.footprint import GPU, SYSTEM, Basis, Footprint
from swaplab_core.domain.ids import ModelId

_log = logging.getLogger(__name__)


def read_footprints(file: Path) -> dict[ModelId, Footprint]:
    """What was known; nothing when there is no such file, or none that makes sense."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return dict(_understood(found)) if isinstance(found, dict) else {}


def write_footprints(file: Path, known: Mapping[ModelId, Footprint]) -> None:
    """Keep it. A full or forbidden disk loses nothing that is needed."""
    records = {model: {"held": dict(each.held), "at": each.at} for model, each in known.items()}
    try:
        replace_text(file, orjson.dumps(records).decode())
    except OSError as error:
        _log.warning("what models take of the memory could not be kept in %s: %s", file, error)


def _understood(found: Mapping[str, Any]) -> Iterator[tuple[ModelId, Footprint]]:
    for model, record in found.items():
        held = record.get("held") if isinstance(record, dict) else None
        at = record.get("at") if isinstance(record, dict) else None
        if isinstance(held, dict) and isinstance(at, int | float):
            sizes = {w: size for w in (SYSTEM, GPU) if isinstance(size := held.get(w), int)}
            yield ModelId(model), Footprint(sizes, Basis.MEASURED, float(at))
