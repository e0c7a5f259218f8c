"""Commands that plugins add to `swaplab`: found when a name is not one of ours, so that ours start fast."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from swaplab_core.adapters.admin_token import TokenFolder
from swaplab_core.adapters.state_folder import state_home
from swaplab_core.cli.client import Client
from swaplab_core.plugin.commands import CONNECT

_URL, _STATE = "swaplab.url", "swaplab.state"


def plugin_commands() -> Mapping[str, click.Command]:
    """Ask the installed plugins; each command learns which daemon is meant."""
    from swaplab_core.plugin.catalogue import Catalogue  # noqa: PLC0415 - it imports every plugin

    commands = Catalogue.discover().hooks.commands()
    for leaf in (leaf for command in commands.values() for leaf in _leaves(command)):
        leaf.params += [_option("--url", "SWAPLAB_URL", _URL), _option("--state-dir", "SWAPLAB_STATE_DIR", _STATE)]
    return commands


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from _leaves(child)
    else:
        yield command


def _option(name: str, variable: str, key: str) -> click.Option:
    meaning = "the running swaplab" if key == _URL else "the folder of its admin token"
    return click.Option([name], envvar=variable, help=meaning, expose_value=False, callback=partial(_keep, key))


def _keep(key: str, context: click.Context, _: click.Parameter, value: Any) -> None:
    context.meta[key] = value
    context.meta[CONNECT] = partial(_connect, context.meta)


def _connect(meta: Mapping[str, Any]) -> Client:
    folder = Path(meta[_STATE]) if meta.get(_STATE) else state_home()
    return Client.of(meta.get(_URL) or "http://127.0.0.1:8080", TokenFolder(folder), os.environ)
