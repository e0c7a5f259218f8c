"""A model that `swaplab demo` can show: its configuration entry and the files it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen


@frozen
class DemoModel:
    """One model of the demo, offered by a plugin for this machine.

    `entry` is the YAML mapping of the model's entry in `models:`; `{demo}` in its text stands for the demo's folder,
    which the core puts in. `files` are what that folder must hold before the start: relative name → maker of the
    content. `title` is one line for people; it says so when the model is not what it seems. `simulated` is True when
    no real engine stands behind it.
    """

    id: str
    entry: Mapping[str, object]
    title: str
    files: Mapping[str, Callable[[], bytes]] = field(factory=dict)
    simulated: bool = False
