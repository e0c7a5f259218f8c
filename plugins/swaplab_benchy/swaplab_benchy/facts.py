"""What the daemon knows of a model, asked through the gateway and the configuration's entries."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote

import orjson
from attrs import evolve

from swaplab_benchy.results import Provenance
from swaplab_benchy.targets import ModelFacts
from swaplab_core.domain.errors import UnknownModel, UpstreamError
from swaplab_core.plugin import Gateway

GGUF = ".gguf"
LLAMACPP = ("llama-cpp", "llamacpp", "llama.cpp")


class Entries(Protocol):
    """The part of `ConfigEdits` that is read here."""

    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries as they are written."""
        ...


async def model_facts(gateway: Gateway, config: Entries, name: str) -> ModelFacts:
    """Find a model by id or alias. Raises UnknownModel."""
    records: Sequence[Mapping[str, Any]] = (await _json(gateway, "/api/models") or {}).get("models", ())
    for record in records:
        if name == record["id"] or name in record["aliases"]:
            return facts_of(name, record, config.models().get(record["id"], {}))
    known = ", ".join(sorted(str(record["id"]) for record in records))
    raise UnknownModel(f"no model named {name!r} is configured", advice=f"there are: {known}")


def facts_of(asked: str, record: Mapping[str, Any], entry: Mapping[str, Any]) -> ModelFacts:
    """Join what the server says of a model with what its entry says. Pure."""
    metadata = entry.get("metadata")
    return ModelFacts(
        asked=asked,
        id=str(record["id"]),
        use_model_name=str(entry.get("useModelName", "")),
        aliases=tuple(record["aliases"]),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        reads_gguf=_reads_gguf(entry),
    )


def _reads_gguf(entry: Mapping[str, Any]) -> bool:
    """By the folder of its recipe's backend where that is known, else by the names in its entry."""
    metadata = entry.get("metadata")
    recipe = metadata.get("recipe_ui") if isinstance(metadata, Mapping) else None
    folder = str(recipe.get("backend_dir") or "") if isinstance(recipe, Mapping) else ""
    if folder:
        kind = PurePosixPath(folder).name.lower()
        return any(name in kind for name in LLAMACPP)
    if entry.get("backend") == "llamacpp":
        return True
    texts = " ".join(str(entry.get(key, "")) for key in ("cmd", "model", "useModelName", "hfRepo")).lower()
    return "llama-cpp" in texts or "gguf" in texts


def gguf_file(launch: Sequence[str]) -> str:
    """The weights that an engine's command line names; "" when they are no GGUF file."""
    return next((word for word in launch if word.lower().endswith(GGUF) and "/" in word), "")


async def launch_of(gateway: Gateway, model: str) -> tuple[str, ...]:
    """The argv of the running engine; () when it has none of ours."""
    running = (await _json(gateway, "/running") or {}).get("running", ())
    command = next((str(entry["cmd"]) for entry in running if entry["model"] == model), "")
    return tuple(shlex.split(command))


async def provenance(gateway: Gateway, model: str, known: Provenance) -> Provenance:
    """Add what the engine and the machine say of themselves; what cannot be found out stays ""."""
    inside = f"/upstream/{quote(model, safe='')}"
    version = await _json(gateway, f"{inside}/version")
    props = None if version else await _json(gateway, f"{inside}/props")
    machine = await _json(gateway, "/api/hardware") or {}
    return evolve(
        known,
        engine=_text(version or {}, "version") or _text(props or {}, "build_info"),
        node=known.node or platform.node(),
        hardware=_hardware(machine),
        driver=", ".join(sorted(_drivers(machine))),
    )


def _hardware(machine: Mapping[str, Any]) -> str:
    names = [str(each["name"]) for each in machine.get("accelerators") or () if each.get("name")]
    cpu = (machine.get("cpu") or {}).get("model")
    return ", ".join(names) or str(cpu or "")


def _drivers(machine: Mapping[str, Any]) -> set[str]:
    drivers = [each.get("driver") or {} for each in machine.get("accelerators") or ()]
    return {f"{driver.get('name', '')} {driver['version']}".strip() for driver in drivers if driver.get("version")}


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


async def _json(gateway: Gateway, path: str) -> dict[str, Any] | None:
    try:
        answer = await gateway.request("GET", path)
        body = await answer.read()
        found = orjson.loads(body) if answer.status == 200 else None
    except (UpstreamError, orjson.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None
