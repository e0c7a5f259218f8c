"""The engine's JSON, read into values. Pure; what is missing or odd becomes nothing, never an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swaplab_docker.facts import Container, EngineEvent, EngineInfo, Image, Usage

NONE = "<none>"
CONTAINER_KEYS = ("Id", "Names", "Image", "ImageID", "State", "Status", "Created", "Command", "Labels")
"""What is read of a container."""


def read_image(raw: Mapping[str, Any]) -> Image:
    """One entry of `/images/json`."""
    return Image(
        id=str(raw.get("Id") or ""),
        references=_texts(raw.get("RepoTags")),
        digests=_texts(raw.get("RepoDigests")),
        size=_number(raw.get("Size")),
        created=float(_number(raw.get("Created"))),
    )


def read_container(raw: Mapping[str, Any]) -> Container:
    """One entry of `/containers/json`."""
    names = _texts(raw.get("Names"))
    labels = raw.get("Labels")
    return Container(
        id=str(raw.get("Id") or ""),
        name=names[0].removeprefix("/") if names else "",
        image=str(raw.get("Image") or ""),
        image_id=str(raw.get("ImageID") or ""),
        state=str(raw.get("State") or "").lower(),
        status=str(raw.get("Status") or ""),
        created=float(_number(raw.get("Created"))),
        command=_command(raw.get("Command")),
        labels={str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {},
    )


def read_usage(raw: Mapping[str, Any]) -> Usage:
    """One record of `/containers/…/stats`, computed as `docker stats` does it."""
    memory = _part(raw, "memory_stats")
    cached = _part(memory, "stats")
    inactive = _number(cached.get("total_inactive_file", cached.get("inactive_file")))
    used = _number(memory.get("usage"))
    return Usage(
        cpu_percent=_cpu_percent(_part(raw, "cpu_stats"), _part(raw, "precpu_stats")),
        memory=used - inactive if inactive < used else used,
        memory_limit=_number(memory.get("limit")),
        processes=_number(_part(raw, "pids_stats").get("current")),
    )


def read_info(version: Mapping[str, Any], info: Mapping[str, Any]) -> EngineInfo:
    """`/version` and `/info` together."""
    components = version.get("Components")
    parts = [str(part.get("Name")) for part in components if isinstance(part, Mapping)] if components else []
    is_podman = any("podman" in part.lower() for part in parts)
    runtimes, devices = info.get("Runtimes"), info.get("DiscoveredDevices")
    return EngineInfo(
        name="Podman" if is_podman else "Docker",
        version=str(version.get("Version") or ""),
        api=str(version.get("ApiVersion") or ""),
        system=" ".join(str(info.get(key) or "") for key in ("OperatingSystem", "Architecture")).strip(),
        root=str(info.get("DockerRootDir") or ""),
        storage=str(info.get("Driver") or ""),
        runtimes=tuple(sorted(map(str, runtimes))) if isinstance(runtimes, Mapping) else (),
        devices=tuple(str(d.get("ID")) for d in devices if isinstance(d, Mapping)) if isinstance(devices, list) else (),
    )


def read_event(raw: Mapping[str, Any]) -> EngineEvent:
    """One record of `/events`."""
    actor = _part(raw, "Actor")
    return EngineEvent(str(raw.get("Type") or ""), str(raw.get("Action") or ""), str(actor.get("ID") or ""))


def _cpu_percent(now: Mapping[str, Any], before: Mapping[str, Any]) -> float | None:
    system = _number(now.get("system_cpu_usage")) - _number(before.get("system_cpu_usage"))
    used = _number(_part(now, "cpu_usage").get("total_usage")) - _number(_part(before, "cpu_usage").get("total_usage"))
    if not before.get("system_cpu_usage") or system <= 0:
        return None
    each = _part(now, "cpu_usage").get("percpu_usage")
    processors = _number(now.get("online_cpus")) or (len(each) if isinstance(each, list) else 1)
    return max(used, 0) / system * processors * 100


def _part(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _texts(values: object) -> tuple[str, ...]:
    """Names without those that are none."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        return ()
    return tuple(str(value) for value in values if value and NONE not in str(value))


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _command(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
