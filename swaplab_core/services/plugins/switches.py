"""Switching installed plugins off and on again: `disabledPlugins:` of the file. It holds from the next start on.

What is switched is a distribution, with all that it offers. What is switched off is not imported any more, so this is
also the way out when a plugin does harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import define, evolve, frozen

from swaplab_core.config.didyoumean import did_you_mean, names
from swaplab_core.config.load import Loaded
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.config.switches import CORE, KEY, canonical
from swaplab_core.domain.errors import Conflict, InvalidRequest, NotThere
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.plugin.catalogue import BACKENDS, EXECUTORS, Catalogue, PluginRecord, PluginState
from swaplab_core.services.configuration.editor import ConfigEditor

NODES_HOOK = "swaplab_nodes"
MOST_NAMED = 5


@frozen
class Switch:
    """A distribution: whether the next start loads it, whether it can do without it, and which models need it."""

    distribution: str
    is_on: bool
    is_fixed: bool
    needed_by: tuple[ModelId, ...]


@define(eq=False)
class PluginSwitches:
    """`config` answers the configuration in force."""

    catalogue: Catalogue
    editor: ConfigEditor
    config: Callable[[], Config]

    def all(self) -> Mapping[str, Switch]:
        """The switch of every distribution, by its name."""
        found = dict.fromkeys(record.distribution for record in self.catalogue.records)
        return {name: self.of(name) for name in found}

    def of(self, distribution: str) -> Switch:
        """One of them."""
        config = self.config()
        is_on = canonical(distribution) not in map(canonical, config.disabled_plugins)
        return switch_of(distribution, self.catalogue.records, config.models.values(), is_on=is_on)

    async def set(
        self, name: str, *, on: bool, anyway: bool, author: str, based_on: str | None = None
    ) -> tuple[Switch, str]:
        """Write it into the file; answers the switch and the revision. `anyway`: though models need the plugin.

        Raises NotThere, InvalidRequest, Conflict and what `ConfigEditor.apply` raises.
        """
        switch = self.of(find(self.catalogue.records, name))
        if not on:
            require_dispensable(switch, anyway=anyway)
        reason = f"plugin {switch.distribution} switched {'on' if on else 'off'}"
        change = partial(turn, distribution=switch.distribution, on=on)
        revision = await self.editor.apply(change, author=author, reason=reason, based_on=based_on)
        return evolve(switch, is_on=on), revision


def switch_of(
    distribution: str, records: Iterable[PluginRecord], models: Iterable[ModelConfig], *, is_on: bool
) -> Switch:
    """Look at a distribution: whether it is the core, and which models need it."""
    return Switch(distribution, is_on, canonical(distribution) == CORE, needed_by(models, records, distribution))


def turn(document: dict[str, Any], distribution: str, *, on: bool) -> None:
    """Change a document of the configuration so that its next start loads the distribution, or does not."""
    written = document.get(KEY)
    listed = written if isinstance(written, list) else []
    others = [name for name in listed if canonical(str(name)) != canonical(distribution)]
    is_off = len(others) < len(listed)
    if on and not others:
        document.pop(KEY, None)
    elif on or not is_off:
        document[KEY] = others if on else [*listed, distribution]


def find(records: Iterable[PluginRecord], name: str) -> str:
    """Return the distribution of that name, or that offers what is called so. Raises NotThere, InvalidRequest."""
    records = list(records)
    installed = {canonical(record.distribution): record.distribution for record in records}
    if canonical(name) in installed:
        return installed[canonical(name)]
    offering = sorted({record.distribution for record in records if record.name == name})
    if len(offering) > 1:
        raise InvalidRequest(f"{name!r} is offered by {' and '.join(offering)}", advice="name one of these")
    if not offering:
        near = did_you_mean(name, [*installed.values(), *(record.name for record in records)])
        advice = f"{near} installed: {names(installed.values())}".strip()
        raise NotThere(f"no plugin {name[:100]!r} is installed", advice=advice)
    return offering[0]


def require_dispensable(switch: Switch, *, anyway: bool) -> None:
    """Refuse to switch off what swaplab cannot do without, and unless `anyway` what models need. Raises Conflict."""
    if switch.is_fixed:
        raise Conflict(f"{switch.distribution} is swaplab itself and cannot be switched off")
    if switch.needed_by and not anyway:
        raise Conflict(need(switch), advice='with "anyway": true it is switched off all the same')


def need(switch: Switch) -> str:
    """Say which models cannot be started without the plugin."""
    shown = ", ".join(switch.needed_by[:MOST_NAMED])
    rest = len(switch.needed_by) - MOST_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return f"without {switch.distribution} these models cannot be started: {shown}{more}"


def needed_by(models: Iterable[ModelConfig], records: Iterable[PluginRecord], distribution: str) -> tuple[ModelId, ...]:
    """Return the models that use a backend of the distribution, or run on machines that it knows."""
    own = [record for record in records if record.distribution == distribution]
    backends = {record.name for record in own if record.group == BACKENDS}
    has_nodes = any(record.group == EXECUTORS or NODES_HOOK in record.hooks for record in own)
    return tuple(model.id for model in models if model.backend in backends or (has_nodes and model.node))


def check_switches(loaded: Loaded, records: Sequence[PluginRecord]) -> Loaded:
    """Tell of names in `disabledPlugins` that nobody has, and of models that will miss what is switched off."""
    if loaded.config is None or not loaded.config.disabled_plugins:
        return loaded
    problems = [
        problem
        for at, name in enumerate(loaded.config.disabled_plugins)
        if (problem := _problem(loaded, loaded.config, records, at, name)) is not None
    ]
    is_bad = any(problem.severity is Severity.ERROR for problem in problems)
    return evolve(loaded, config=None if is_bad else loaded.config, problems=(*loaded.problems, *problems))


def _problem(loaded: Loaded, config: Config, records: Sequence[PluginRecord], at: int, name: str) -> Problem | None:
    place = loaded.place(KEY, at)
    installed = {canonical(record.distribution): record for record in records}
    if canonical(name) == CORE:
        return place.problem(f"{CORE} is swaplab itself and cannot be switched off", "take it out of the list")
    record = installed.get(canonical(name))
    if record is None:
        advice = did_you_mean(name, [each.distribution for each in installed.values()]) or "see swaplab plugins"
        return place.warning(f"no distribution '{name}' with plugins is installed", advice)
    switch = switch_of(record.distribution, records, config.models.values(), is_on=False)
    if not switch.needed_by or record.state is PluginState.DISABLED:
        return None
    return place.warning(need(switch), f"swaplab plugins enable {record.distribution} takes it back")
