"""`swaplab plugins enable|disable`: by the running daemon, or in a file that no daemon has to serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from swaplab_core.adapters.files import read_sources, read_text, replace_text
from swaplab_core.cli.client import Client
from swaplab_core.config.edit import document, rewrite
from swaplab_core.config.schema import DEFAULT_BACKEND, ModelConfig
from swaplab_core.config.switches import disabled_plugins
from swaplab_core.domain.ids import ModelId
from swaplab_core.plugin.catalogue import Catalogue, installed_records
from swaplab_core.services.plugins.switches import Switch, find, need, require_dispensable, switch_of, turn

Agree = Callable[[str], None]
"""Asks whether to go on, and does not return when not."""


def discovered(file: Path | None, folder: Path | None) -> Catalogue:
    """The plugins that a start with this configuration loads; all of them when no configuration is named."""
    return Catalogue.discover(off_in(file, folder)) if file or folder else Catalogue.discover()


def off_in(file: Path | None, folder: Path | None) -> frozenset[str]:
    """What a configuration switches off. Raises ConfigError."""
    return disabled_plugins([source.text for source in read_sources(file, folder)])


def turn_by_daemon(client: Client, name: str, *, on: bool, agree: Agree) -> str:
    """Ask the daemon; answers the distribution. Raises ServerSaid."""
    path = f"/api/plugins/{quote(name, safe='')}/switch"
    records = client.request("GET", "/api/plugins")["plugins"]
    named = next((each for each in records if name in {each["distribution"], each["name"]}), None)
    needs = () if on or named is None or named["fixed"] else tuple(map(ModelId, named["needed_by"]))
    if named is not None and needs:
        agree(need(Switch(named["distribution"], is_on=True, is_fixed=False, needed_by=needs)))
    answer = client.request("PUT", path, {"enabled": on, "anyway": bool(needs)})
    return str(answer["plugins"][0]["distribution"])


def turn_in_file(file: Path, name: str, *, on: bool, agree: Agree) -> str:
    """Write it into the file; answers the distribution. Imports no plugin. Raises SwaplabError."""
    records, text = installed_records(), read_text(file)
    distribution, wanted = find(records, name), document(text, str(file))
    switch = switch_of(distribution, records, _models(wanted), is_on=True)
    if not on:
        require_dispensable(switch, anyway=True)
    if not on and switch.needed_by:
        agree(need(switch))
    turn(wanted, distribution, on=on)
    replace_text(file, rewrite(text, wanted, str(file)))
    return distribution


def _models(written: Mapping[str, Any]) -> list[ModelConfig]:
    """As much of the models as their need of plugins depends on; nobody says here what their other keys mean."""
    models = written.get("models")
    entries = models.items() if isinstance(models, Mapping) else ()
    return [_model(name, entry) for name, entry in entries if isinstance(entry, Mapping)]


def _model(name: str, entry: Mapping[str, Any]) -> ModelConfig:
    return ModelConfig(
        id=ModelId(name), backend=str(entry.get("backend") or DEFAULT_BACKEND), node=str(entry.get("node") or "")
    )
