"""The pages Images and Containers, as the manifest describes them. Data only."""

from __future__ import annotations

from typing import Any

from swaplab_core.plugin import NavEntry, Panels, View

IMAGES_ROUTE, CONTAINERS_ROUTE, LOG_ROUTE = "/x/docker/images", "/x/docker/containers", "/x/docker/container"
IMAGE_NEWS, CONTAINER_NEWS = "docker.images", "docker.containers"
USE_SECONDS = 5

_SOURCE = "api/plugins/docker/view/"
_IMAGE_COLUMNS = [
    {"id": "image", "title": "Image", "type": "code"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "used", "title": "Used by"},
    {"id": "size", "title": "Size", "type": "bytes"},
    {"id": "created", "title": "Made", "type": "ago"},
    {"id": "short", "title": "Id", "type": "code"},
    {"id": "node", "title": "Node"},
]
_CONTAINER_COLUMNS = [
    {"id": "name", "title": "Name", "type": "code"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "who", "title": "Used by"},
    {"id": "cpu", "title": "Processor"},
    {"id": "memory", "title": "Memory", "type": "bytes"},
    {"id": "image", "title": "Image", "type": "code"},
    {"id": "created", "title": "Made", "type": "ago"},
    {"id": "log", "title": "Log", "type": "link"},
    {"id": "acts", "title": "Actions", "type": "actions"},
]
_BACKEND_COLUMNS = [
    {"id": "backend", "title": "Backend"},
    {"id": "title", "title": "Engine"},
    {"id": "selected", "title": "Image", "type": "code"},
    {"id": "how", "title": "Set by"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "latest", "title": "Newest", "type": "code"},
    {"id": "warning", "title": "Remark"},
]
_TAG_COLUMNS = [
    {"id": "order", "title": "No.", "type": "number"},
    {"id": "repository", "title": "Repository", "type": "code"},
    {"id": "tag", "title": "Tag", "type": "code"},
    {"id": "channel", "title": "Channel", "type": "badge"},
    {"id": "here", "title": "Here", "type": "bool"},
]


def panels(images_slot: str, backends_slot: str, tags_slot: str) -> Panels:
    """Two entries of the side bar, three pages; slots are where the actions of rows stand."""
    images = View(
        "images", "page", "Images", "tabs", route=IMAGES_ROUTE, order=20,
        props={
            "children": [
                _table("images", "On the machines", IMAGE_NEWS, _IMAGE_COLUMNS, images_slot, "No images: pull one."),
                _table("backends", "Backends", "config", _BACKEND_COLUMNS, backends_slot, "No backend uses images."),
                _table("tags", "In the registries", IMAGE_NEWS, _TAG_COLUMNS, tags_slot,
                       "Nothing is known yet: look for newer tags."),
            ]
        },
    )  # fmt: skip
    engine = View(
        "engine", "page", "Engine", "callout", source=f"{_SOURCE}engine", route=IMAGES_ROUTE, order=10,
        refresh_event=IMAGE_NEWS,
    )  # fmt: skip
    containers = View(
        "containers", "page", "Containers", "table", source=f"{_SOURCE}containers", route=CONTAINERS_ROUTE, order=20,
        refresh_event=CONTAINER_NEWS, refresh_seconds=USE_SECONDS,
        props={"columns": _CONTAINER_COLUMNS, "empty": "No containers."},
    )  # fmt: skip
    same_engine = View(
        "engine-of-containers", "page", "Engine", "callout", source=f"{_SOURCE}engine", route=CONTAINERS_ROUTE,
        order=10, refresh_event=CONTAINER_NEWS,
    )  # fmt: skip
    facts = View(
        "container", "page", "Container", "kv", source=_SOURCE + "container/{container}", route=LOG_ROUTE, order=10,
        refresh_event=CONTAINER_NEWS, refresh_seconds=USE_SECONDS,
    )  # fmt: skip
    log = View(
        "log", "page", "Log", "log", source="api/plugins/docker/containers/{container}/log/stream", route=LOG_ROUTE,
        order=20,
    )  # fmt: skip
    nav = (
        NavEntry("images", "Images", IMAGES_ROUTE, icon="layers", section="library", order=40),
        NavEntry("containers", "Containers", CONTAINERS_ROUTE, icon="container", section="operate", order=65),
    )
    return Panels(nav=nav, views=(engine, images, same_engine, containers, facts, log))


def _table(name: str, title: str, news: str, columns: list[dict[str, str]], *words: str) -> dict[str, Any]:
    """A table; `words` are the slot of its rows, and what is said when there are none."""
    return {
        "id": name,
        "title": title,
        "kind": "table",
        "source": {"get": f"{_SOURCE}{name}", "refresh": {"event": news}},
        "props": {"columns": columns, "row_actions": words[0], "empty": words[1]},
    }
