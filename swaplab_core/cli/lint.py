"""`swaplab plugins lint`: asks the installed plugins for what they show and offer, outside of a daemon."""

from __future__ import annotations

from collections.abc import Sequence

from swaplab_core.domain.errors import UnknownDriver
from swaplab_core.plugin.catalogue import PLUGINS, Catalogue, PluginState
from swaplab_core.plugin.lint import Complaint, lint
from swaplab_core.testing.fake_lab import FakeLab


def lint_plugins(names: Sequence[str]) -> list[tuple[str, Complaint]]:
    """Plugin and complaint, in the order of the plugins. Raises UnknownDriver for a name that is not installed."""
    catalogue, lab = Catalogue.discover(), FakeLab()
    hooks = catalogue.hooks
    sections, actions = hooks.config_section(), hooks.actions(lab)
    panels, routes = hooks.panels(lab), hooks.routes(lab)
    records = [record for record in catalogue.records if record.group == PLUGINS]
    installed = [record.name for record in records]
    if unknown := set(names) - set(installed):
        raise UnknownDriver(f"no plugin is called {', '.join(unknown)}", advice=f"installed: {', '.join(installed)}")
    found: list[tuple[str, Complaint]] = []
    for record in records:
        name = record.name
        if names and name not in names:
            continue
        if record.state is not PluginState.OK:
            found.append((name, Complaint("hooks", record.error)))
        complaints = lint(
            name,
            settings=sections.get(name),
            actions=actions.get(name, ()),
            panels=panels.get(name, ()),
            routes=routes.get(name, ()),
        )
        found += [(name, complaint) for complaint in complaints]
    return found
