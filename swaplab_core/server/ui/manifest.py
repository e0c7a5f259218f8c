"""The manifest: everything that plugins add to the pages, as one JSON document. The core's own pages are in it too.

What a plugin says wrongly is left out and put on its record; nothing here fails because of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from attrs import define

from swaplab_core import __version__
from swaplab_core.domain.view import Module, NavEntry, Panels, View
from swaplab_core.plugin.catalogue import Catalogue, PluginRecord, PluginState
from swaplab_core.plugin.hooks import guarded
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.texts import package_texts
from swaplab_core.server.shapes.jobs import action_record
from swaplab_core.server.ui.module_files import ModuleFiles
from swaplab_core.services.plugins.actions import Actions

SCHEMA = 1
"""Grows when an older page could not read it any more."""
SDK = "1"


@define(eq=False)
class Manifest:
    """Made anew for each request: what a plugin says of itself may change at any time."""

    catalogue: Catalogue
    view: LabView
    actions: Actions
    files: ModuleFiles

    def document(self) -> dict[str, Any]:
        """The whole of it."""
        panels = self.catalogue.hooks.panels(self.view)
        every = [(plugin, each) for plugin, given in panels.items() for each in given]
        return {
            "schema": SCHEMA,
            "core": __version__,
            "plugins": list(self._plugins()),
            "nav": [_nav(plugin, entry) for plugin, each in every for entry in each.nav],
            "views": [_view(plugin, view) for plugin, each in every for view in each.views],
            "actions": [action_record(offer) for offer in self.actions.all()],
            "settings": [_settings(plugin) for plugin in sorted(self.catalogue.hooks.config_section())],
            "modules": list(self._modules(every)),
        }

    def texts(self, language: str) -> dict[str, str]:
        """What the texts of all plugins are in a language, by English text; the core's own hold before the others'."""
        found: dict[str, str] = {}
        for plugin, package in self._packages().items():
            texts = guarded(partial(package_texts, package, language))
            if isinstance(texts, Exception):
                self.catalogue.hooks.report(plugin, texts)
            else:
                found = texts | found
        return found

    def _packages(self) -> dict[str, str]:
        """The packages of what was loaded, the core's first; each with a plugin of its own."""
        loaded = [record for record in self.catalogue.records if record.state.is_there]
        modules = {record.name: record.target.partition(":")[0] for record in loaded}
        return {"core": "swaplab_core"} | {name: module.partition(".")[0] for name, module in modules.items() if module}

    def _plugins(self) -> Iterator[dict[str, Any]]:
        """One for each distribution that was found, by the name that most of its entry points have."""
        records: defaultdict[str, list[PluginRecord]] = defaultdict(list)
        for record in self.catalogue.records:
            records[record.name].append(record)
        for name, found in sorted(records.items()):
            worst = max(found, key=lambda record: _RANK[record.state])
            yield {
                "id": name,
                "dist": found[0].distribution,
                "version": found[0].version,
                "title": name,
                "status": worst.state.value,
                "error": worst.error or None,
            }

    def _modules(self, panels: list[tuple[str, Panels]]) -> Iterator[dict[str, Any]]:
        for plugin, each in panels:
            for module in each.modules:
                urls = guarded(partial(self.files.urls, plugin, module))
                if isinstance(urls, Exception):
                    self.catalogue.hooks.report(plugin, urls)
                else:
                    yield _module(plugin, module, *urls)


_RANK = {PluginState.OK: 0, PluginState.DEGRADED: 1, PluginState.DISABLED: 2, PluginState.FAILED: 3}


def _nav(plugin: str, entry: NavEntry) -> dict[str, Any]:
    badge = {"topic": entry.badge_topic, "filter": dict(entry.badge_filter)} if entry.badge_topic else None
    return {
        "id": f"{plugin}:{entry.id}",
        "title": entry.title,
        "icon": entry.icon,
        "route": entry.route,
        "section": entry.section,
        "order": entry.order,
        "badge": badge,
    }


def _view(plugin: str, view: View) -> dict[str, Any]:
    refresh = {"event": view.refresh_event, "every": view.refresh_seconds}
    source = {"get": view.source, "refresh": {key: value for key, value in refresh.items() if value} or None}
    return {
        "id": f"{plugin}:{view.id}",
        "slot": view.slot,
        "title": view.title,
        "kind": view.kind,
        "order": view.order,
        "route": view.route,
        "source": source if view.source else None,
        "props": dict(view.props),
        "only": {word: list(values) for word, values in view.only.items()},
    }


def _settings(plugin: str) -> dict[str, Any]:
    schema = {"$ref": f"api/ui/schemas/{plugin}.settings"}
    return {"id": plugin, "title": plugin, "schema": schema, "values": f"api/plugins/{plugin}/settings"}


def _module(plugin: str, module: Module, url: str, css: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": f"{plugin}:{module.id}",
        "slot": module.slot,
        "title": module.title,
        "route": module.route,
        "module": url,
        "css": list(css),
        "sdk": SDK,
        "props": dict(module.props),
        "order": module.order,
        "only": {word: list(values) for word, values in module.only.items()},
    }
