"""What the pages show, in the shapes of the manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from swaplab_core.domain.image import repository_of
from swaplab_core.plugin import Health
from swaplab_docker import tags
from swaplab_docker.facts import Container, EngineInfo, Image, Usage
from swaplab_docker.image_users import Named, User, containers_of
from swaplab_docker.layers import size
from swaplab_docker.live import NO_ENGINE, NO_ENGINE_ADVICE
from swaplab_docker.nodes import name_of
from swaplab_docker.ownership import Owned, Owner
from swaplab_docker.pages import LOG_ROUTE
from swaplab_docker.shapes import NodeImages

LEVELS = {Health.OK: "ok", Health.WARNING: "warn", Health.ERROR: "error"}
MOST_TAGS = 40


def engine_hint(info: EngineInfo | None, error: str, images: Sequence[Image], url: str) -> dict[str, Any]:
    """One hint above the tables: what the engine is, or what to do without one."""
    if info is None:
        return {"level": "warn", "title": "No container engine", "text": error or f"{NO_ENGINE}: {NO_ENGINE_ADVICE}"}
    total = size(sum(image.size for image in images))
    count = f"{len(images)} image{'s' * (len(images) != 1)}, {total}"
    return {"level": "ok", "title": f"{info.name} {info.version}", "text": f"{url} · {info.system} · {count}"}


def images_table(nodes: Sequence[NodeImages], named: Named, containers: Sequence[Container]) -> dict[str, Any]:
    """A row for each name of each image of each machine."""
    rows = [row for one in nodes for image in one.images for row in _image_rows(one, image, named, containers)]
    return {"items": sorted(rows, key=lambda row: (row["node"], row["dangling"], row["image"]))}


def _image_rows(
    one: NodeImages, image: Image, named: Named, containers: Sequence[Container]
) -> Iterable[dict[str, Any]]:
    made = containers_of(image, containers) if one.is_local else ()
    for name in image.references or (image.id,):
        users = (*made, *named.users.get(name, ()))
        yield {
            "id": f"{name_of(one.node.id)} {name}",
            "image": name,
            "reference": name if image.references else "",
            "node": name_of(one.node.id),
            "short": image.short_id,
            "size": image.size,
            "created": image.created or None,
            "dangling": image.is_dangling,
            "used": used(users),
            "state": _image_state(image, users),
        }


def _image_state(image: Image, users: Sequence[User]) -> dict[str, str]:
    if any(user.is_up for user in users):
        return {"state": "ok", "text": "running"}
    if image.is_dangling:
        return {"state": "warn", "text": "dangling"}
    return {"state": "info", "text": "in use"} if users else {"state": "na", "text": "unused"}


def used(users: Sequence[User]) -> str:
    """Who uses something, in one line."""
    return ", ".join(map(str, users))


def containers_table(owners: Iterable[Owned], usage: Mapping[str, Usage]) -> dict[str, Any]:
    """A row for each container: ours first."""
    rows = [_container_row(one, usage.get(one.container.id)) for one in owners]
    return {"items": sorted(rows, key=lambda row: (row["rank"], row["name"]))}


def _container_row(one: Owned, usage: Usage | None) -> dict[str, Any]:
    container = one.container
    return {
        "id": container.id,
        "container": container.id,
        "name": container.name,
        "image": container.image,
        "who": one.told(),
        "rank": list(Owner).index(one.owner),
        "state": _container_state(one),
        "cpu": None if usage is None or usage.cpu_percent is None else f"{usage.cpu_percent:.0f} %",
        "memory": usage.memory if usage else None,
        "created": container.created or None,
        "acts": ["docker:stop"] if one.owner is Owner.OURS and not one.is_used else [],
        "log": {"href": f"#{LOG_ROUTE}?container={container.id}", "text": "log"},
    }


def _container_state(one: Owned) -> dict[str, str]:
    if one.is_leftover:
        return {"state": "warn", "text": "left behind", "title": one.container.status}
    state = "ok" if one.container.state == "running" else "na"
    return {"state": state, "text": one.container.state, "title": one.container.status}


def container_facts(one: Owned, usage: Usage | None) -> dict[str, Any]:
    """One container: names and values."""
    container = one.container
    items: list[dict[str, Any]] = [
        {"label": "Name", "value": container.name, "type": "code"},
        {"label": "Image", "value": container.image, "type": "code"},
        {"label": "Used by", "value": one.told()},
        {"label": "State", "value": container.status or container.state},
        {"label": "Command", "value": container.command, "type": "code"},
    ]
    if usage is not None:
        cpu = "" if usage.cpu_percent is None else f"{usage.cpu_percent:.1f} %"
        items += [
            {"label": "Processor", "value": cpu},
            {"label": "Memory", "value": usage.memory, "type": "bytes"},
            {"label": "Memory limit", "value": usage.memory_limit, "type": "bytes"},
            {"label": "Processes", "value": usage.processes, "type": "number"},
        ]
    return {"items": items}


def backends_table(backends: Iterable[Mapping[str, Any]], remote: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A row for each backend that has images: what is chosen, and what is newer."""
    return {
        "items": [
            _backend_row(one, image, remote) for one in backends if isinstance(image := one.get("image"), Mapping)
        ]
    }


def _backend_row(
    one: Mapping[str, Any], image: Mapping[str, Any], remote: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    selected = str(image.get("selected") or "")
    repository = repository_of(selected)
    newer = tags.newer(selected[len(repository) + 1 :], remote.get(repository, ()))
    latest = f"{repository}:{newer}" if newer else str(image.get("latest") or "")
    is_chosen = selected != image.get("default")
    return {
        "id": one.get("id"),
        "backend": one.get("id"),
        "title": one.get("title"),
        "selected": selected,
        "how": "chosen" if is_chosen else "default",
        "latest": latest if latest != selected else "",
        "state": {"state": "warn", "text": "newer"}
        if newer or image.get("updateAvailable")
        else {"state": "ok", "text": "current"},
        "warning": str(image.get("warning") or ""),
    }


def tags_table(remote: Mapping[str, Sequence[str]], local: Iterable[str]) -> dict[str, Any]:
    """The tags that registries have, the newest first, of each repository the first so many."""
    here = set(local)
    rows = []
    for repository, found in remote.items():
        for at, tag in enumerate(tags.newest_first(found)[:MOST_TAGS]):
            name, channel = f"{repository}:{tag}", tags.channel(tag)
            state = {"stable": "ok", "pre-release": "warn"}.get(channel, "na")
            rows.append(
                {
                    "id": name,
                    "image": name,
                    "repository": repository,
                    "tag": tag,
                    "order": at + 1,
                    "channel": {"state": state, "text": channel},
                    "here": name in here,
                }
            )
    return {"items": rows}


def choices(
    known: Iterable[str], backends: Iterable[Mapping[str, Any]], remote: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Images to choose from: those here, those that backends name, those that registries have."""
    found: dict[str, str] = dict.fromkeys(known, "on this machine")
    for one in backends:
        image = one.get("image")
        for name in image.get("available", ()) if isinstance(image, Mapping) else ():
            found.setdefault(str(name), f"named by {one.get('id')}")
    for repository, all_tags in remote.items():
        for tag in tags.newest_first(all_tags)[:MOST_TAGS]:
            found.setdefault(f"{repository}:{tag}", f"in the registry, {tags.channel(tag)}")
    return {"items": [{"image": name, "label": name, "group": group} for name, group in found.items()]}
