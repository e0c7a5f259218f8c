"""What a plugin shows in the UI without a line of JavaScript, and modules for what that cannot say.

The shape on the wire, with every slot and kind, is docs/reference/ui.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class NavEntry:
    """An entry of the side bar. `route` is the hash route, `/x/<plugin>/<page>`; `section` groups entries.

    `section` is `use`, `operate`, `library` or `manage`. `badge_topic` `jobs` shows how many jobs there are whose
    record has the values of `badge_filter` (`{"kind": "benchy:run", "state": "running"}`).
    """

    id: str
    title: str
    route: str
    icon: str = ""
    section: str = "operate"
    order: int = 100
    badge_topic: str = ""
    badge_filter: Mapping[str, str] = field(factory=dict)


@frozen
class View:
    """A declarative panel: what `kind` it is, where it stands (`slot`), and where its data comes from.

    `source` is a path relative to the server's root (`api/plugins/hub/models`) that answers the JSON of the kind;
    `refresh_event` names an event after which it is asked again, `refresh_seconds` how often (0: never). `props` are
    the kind's own settings (columns of a table, children of a grid). A `route` makes it a page of its own. `only` names
    words of the slot's context and the values they must have for it to be shown (`{"backend": ("mine",)}`); `*` is any
    value but none. `source` may hold such words: `api/plugins/mine/of/{model}`.
    """

    id: str
    slot: str
    title: str
    kind: str
    source: str = ""
    refresh_event: str = ""
    refresh_seconds: float = 0.0
    props: Mapping[str, Any] = field(factory=dict)
    route: str = ""
    order: int = 100
    only: Mapping[str, tuple[str, ...]] = field(factory=dict)


@frozen
class Module:
    """An ES module of a plugin, served from its package: `package` and the file below it (`static/runs.js`).

    The words of the slot's context are among its props; `only` is as for a view.
    """

    id: str
    slot: str
    title: str
    package: str
    file: str
    css: tuple[str, ...] = ()
    route: str = ""
    props: Mapping[str, Any] = field(factory=dict)
    order: int = 100
    only: Mapping[str, tuple[str, ...]] = field(factory=dict)


@frozen
class Panels:
    """Everything that one plugin adds to the UI."""

    nav: tuple[NavEntry, ...] = ()
    views: tuple[View, ...] = ()
    modules: tuple[Module, ...] = ()
