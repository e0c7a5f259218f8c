"""The Cluster page, as the manifest describes it: tabs of views whose data are this plugin's own routes. Data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swaplab_cluster.history import CHARTS
from swaplab_core.plugin import NavEntry, Panels, View

ROUTE = "/x/cluster/nodes"
NEWS = "cluster.node"
ROW = "cluster.node.actions"
"""The slot of actions on one node."""
PAGE = f"page:{ROUTE}"
"""The slot of actions on the whole cluster."""
_SOURCE = "api/plugins/cluster/view/"


def panels(nodes: Iterable[str] = ()) -> Panels:
    """The side bar's entry, the page; of these nodes a card on the overview, and their system logs."""
    enrolled = tuple(nodes)
    tabs = [
        _grid(
            "overview",
            "Nodes",
            [
                _child("summary", "", "callout"),
                {**_child("cards", "Topology", "cards"), "props": {"min_width": "20rem"}},
                _child("setting", "Network", "kv"),
            ],
            "60rem",
        ),
        _table(),
        _child("health", "Health", "matrix"),
        _grid("charts", "Charts", [_chart(name) for name in CHARTS], "26rem"),
        _child("storage", "Storage", "matrix"),
        _disks(),
        _child("cache", "Model cache", "matrix", news=""),
    ]
    page = View("nodes", "page", "Cluster", "tabs", props={"children": tabs}, route=ROUTE)
    nav = NavEntry("nodes", "Cluster", ROUTE, icon="network", order=60)
    return Panels(nav=(nav,), views=(page, *([_badges()] if enrolled else []), *map(_log, enrolled)))


def _badges() -> View:
    props = {"links": [{"href": f"#{ROUTE}", "title": "Details"}]}
    return View(
        "badges", "dashboard.cards", "Cluster", "kv", f"{_SOURCE}badges", refresh_event=NEWS, props=props, order=10
    )


def _log(node: str) -> View:
    return View(f"log-{node}", "logs.sources", node, "log", f"api/plugins/cluster/nodes/{node}/log")


def _child(name: str, title: str, kind: str, *, news: str = NEWS) -> dict[str, Any]:
    refresh = {"refresh": {"event": news}} if news else {}
    return {"id": name, "title": title, "kind": kind, "source": {"get": f"{_SOURCE}{name}", **refresh}}


def _table() -> dict[str, Any]:
    """All that can be done to a node stands in its row."""
    columns = [
        {"id": "title", "title": "Node"},
        {"id": "state", "title": "State", "type": "badge"},
        {"id": "host", "title": "Host"},
        {"id": "reach", "title": "Reached with"},
        {"id": "uptime", "title": "Up for", "type": "duration"},
        {"id": "free", "title": "Free memory", "type": "bytes"},
        {"id": "disk", "title": "Free disk", "type": "bytes"},
    ]
    return {**_child("nodes", "Manage", "table"), "props": {"columns": columns, "row_actions": ROW}}


def _disks() -> dict[str, Any]:
    columns = [
        {"id": "title", "title": "Node"},
        {"id": "device", "title": "Device", "type": "code"},
        {"id": "state", "title": "State", "type": "badge"},
        {"id": "transport", "title": "Transport"},
        {"id": "address", "title": "Target", "type": "code"},
        {"id": "subsystem", "title": "Subsystem", "type": "code"},
    ]
    return {**_child("disks", "Remote disks", "table"), "props": {"columns": columns}}


def _chart(name: str) -> dict[str, Any]:
    title, unit, _ = CHARTS[name]
    source = {"get": f"{_SOURCE}lines/{name}", "refresh": {"every": 15}}
    props = {"unit": {"percent": "%", "MiB": "bytes"}.get(unit, unit), **({"max": 100} if unit == "percent" else {})}
    return {"id": name, "title": title, "kind": "timeseries", "source": source, "props": props}


def _grid(name: str, title: str, children: list[Mapping[str, Any]], width: str) -> dict[str, Any]:
    return {"id": name, "title": title, "kind": "grid", "props": {"children": children, "min_width": width}}
