"""The page Model hub, as the manifest describes it: tabs of views over this plugin's own routes. Data only."""

from __future__ import annotations

from typing import Any

from swaplab_core.plugin import NavEntry, Panels, View

ROUTE = "/x/hub/models"
NEWS = "hub.cache"
MODEL_ROW, REVISION_ROW, UNFINISHED_ROW = "hub.model.actions", "hub.revision.actions", "hub.unfinished.actions"
_SOURCE = "api/plugins/hub/"
_PATH_SCHEMA = {
    "type": "object",
    "properties": {
        "hubPath": {
            "type": "string",
            "title": "Cache folder",
            "description": "An absolute path; it is made when it is not there. Empty: as the environment says.",
            "x-widget": "path",
        }
    },
}


def panels() -> Panels:
    """The side bar's entry, and the page."""
    tabs = [
        _grid("cached", "Cached", [_child("summary", "", "kv"), _models()], "60rem"),
        {"id": "find", "title": "Find and download", "kind": "wizard", "source": {"get": f"{_SOURCE}find"}},
        _table(
            "unfinished", "Unfinished", UNFINISHED_ROW, "Every download has ended.",
            repo="Model", wanted="Wanted", files=("Files begun", "number"), size=("Here", "bytes"),
            modified=("Last byte", "ago"),
        ),
        _table(
            "revisions", "Revisions", REVISION_ROW, "Nothing is cached yet.",
            repo="Model", commit=("Commit", "code"), refs="Branches", size=("Size", "bytes"),
            alone=("Its own", "bytes"), files=("Files", "number"), modified=("Modified", "ago"),
        ),
        _table(
            "cleanup", "Clean up", MODEL_ROW, "Everything is used, or was read lately.",
            repo="Model", size=("Size", "bytes"), used=("Last read", "ago"), why="Why",
        ),
        _child("nodes", "Machines", "matrix"),
        {**_child("folder", "Folder", "form", source="path"), "props": {"schema": _PATH_SCHEMA}},
    ]  # fmt: skip
    page = View("models", "page", "Model hub", "tabs", props={"children": tabs}, route=ROUTE)
    nav = NavEntry("models", "Model hub", ROUTE, icon="cloud-download", section="library", order=30)
    return Panels(nav=(nav,), views=(page, _disk()))


def _disk() -> View:
    links = [{"href": f"#{ROUTE}", "title": "Details"}]
    return View(
        "disk", "dashboard.cards", "Model cache", "progress", f"{_SOURCE}view/disk", refresh_event=NEWS,
        props={"links": links}, order=30,
    )  # fmt: skip


def _models() -> dict[str, Any]:
    return _table(
        "models", "Models", MODEL_ROW, "No models are cached yet. Look for one under Find and download.",
        repo="Model", format="Weights", size=("Size", "bytes"), commit=("Commit", "code"), state=("State", "badge"),
        users="Used by", used=("Last read", "ago"),
    )  # fmt: skip


def _table(name: str, title: str, actions: str, empty: str, **columns: str | tuple[str, str]) -> dict[str, Any]:
    shown = [
        {"id": key, "title": column} if isinstance(column, str) else {"id": key, "title": column[0], "type": column[1]}
        for key, column in columns.items()
    ]
    return {**_child(name, title, "table"), "props": {"columns": shown, "row_actions": actions, "empty": empty}}


def _child(name: str, title: str, kind: str, *, source: str = "") -> dict[str, Any]:
    where = {"get": f"{_SOURCE}{source or f'view/{name}'}", "refresh": {"event": NEWS}}
    return {"id": name, "title": title, "kind": kind, "source": where}


def _grid(name: str, title: str, children: list[dict[str, Any]], width: str) -> dict[str, Any]:
    return {"id": name, "title": title, "kind": "grid", "props": {"children": children, "min_width": width}}
