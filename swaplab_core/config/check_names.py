"""Rules about names: those that must exist, those that must not be taken twice.

A name is resolved in this order: model id, alias, peer model as `<peer>/<model>`, peer model alone when one peer only
has it. Selectors and profile pins come before all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from swaplab_core.config.didyoumean import did_you_mean
from swaplab_core.config.document import ListNode, MapNode, Place, Scalar, child_map, place_of
from swaplab_core.config.schema import DEFAULT_GROUP, Config, GroupConfig, Selector
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem

_GROUPS = ("routing", "router", "settings", "groups")
_PRIORITY = ("routing", "scheduler", "settings", "fifo", "priority")


def _aliases(config: Config, root: MapNode) -> Iterator[Problem]:
    owners: dict[str, ModelId] = {}
    for model in config.models.values():
        for alias in model.aliases:
            place = _alias_place(root, model.id, model.aliases.index(alias), alias)
            if not alias.strip():
                yield place.problem("an alias is empty", "write a name, or remove it")
            elif alias in config.models:
                yield place.problem(f"alias '{alias}' is the id of a model", "choose another alias")
            elif owners.setdefault(alias, model.id) != model.id:
                yield place.problem(f"alias '{alias}' belongs to model '{owners[alias]}' already", "remove one of them")


def _alias_place(root: MapNode, model: ModelId, number: int, alias: str) -> Place:
    by_id = child_map(root, "models", model, "filters", "setParamsByID")
    return by_id.key_place(alias) if alias in by_id else place_of(root, "models", model, "aliases", number)


def _group_members(config: Config, root: MapNode) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, group in config.routing.router.settings.groups.items():
        for number, member in enumerate(group.members):
            place = place_of(root, *_GROUPS, name, "members", number)
            if member not in config.models:
                yield place.problem(*_no_such_model(config, member))
            elif member in owners:
                yield place.problem(f"model '{member}' is in group '{owners[member]}' already", "remove it from one")
            owners.setdefault(member, name)


def _default_group(_: Config, root: MapNode) -> Iterator[Problem]:
    groups = child_map(root, *_GROUPS)
    if DEFAULT_GROUP in groups:
        advice = "choose another name: this one holds all models that are in no group"
        yield groups.key_place(DEFAULT_GROUP).warning("this group is replaced", advice)


def _priorities(config: Config, root: MapNode) -> Iterator[Problem]:
    for name in config.routing.scheduler.settings.fifo.priority:
        if name not in config.models:
            yield child_map(root, *_PRIORITY).key_place(name).problem(*_no_such_model(config, name))


def _preload(config: Config, root: MapNode) -> Iterator[Problem]:
    """Names that do not exist are left out, as llama-swap does, but not silently."""
    preload = child_map(root, "hooks", "on_startup").get("preload")
    for item in preload if isinstance(preload, ListNode) else ():
        name = item.text.strip() if isinstance(item, Scalar) else ""
        if not config.find(name):
            yield item.place.warning(f"there is no model '{name}' to preload", did_you_mean(name, config.names))


def _no_such_model(config: Config, name: str) -> tuple[str, str]:
    """Say that a model id is wrong; an alias is no id."""
    if owner := config.find(name):
        return f"'{name}' is an alias", f"write the model's id, '{owner.id}'"
    return f"there is no model '{name}'", did_you_mean(name, config.models)


# --- peers, selectors, profiles ---


def peer_names(config: Config) -> Mapping[str, int]:
    """Return every name that leads to a peer, with how many models it could mean."""
    full = Counter(f"{peer}/{model}" for peer, settings in config.peers.items() for model in settings.models)
    return full + Counter(model for settings in config.peers.values() for model in settings.models if model not in full)


def _full_peer_names(config: Config) -> Iterator[tuple[str, str, int]]:
    for peer, settings in config.peers.items():
        for number, model in enumerate(settings.models):
            yield f"{peer}/{model}", peer, number


def _peers(config: Config, root: MapNode) -> Iterator[Problem]:
    """The full name of a peer model belongs to it alone."""
    owners: dict[str, str] = {}
    pins = {pin for profile in config.profiles.values() for pin in profile.pins}
    for name, peer, number in _full_peer_names(config):
        place = place_of(root, "peers", peer, "models", number)
        if config.find(name) or name in config.selectors or name in pins:
            yield place.problem(f"'{name}' names something else in this file", "rename the peer, or the other")
        elif owners.setdefault(name, peer) != peer:
            yield place.problem(f"'{name}' could mean peer '{owners[name]}' as well", "rename one of the peers")


def _selectors(config: Config, root: MapNode) -> Iterator[Problem]:
    for name, selector in config.selectors.items():
        place = child_map(root, "selectors").key_place(name)
        if config.find(name):
            yield place.problem(f"selector '{name}' is the name of a model", "choose another name")
        yield from _targets(config, root, name, selector)
        if selector.strategy == "spillover":
            yield from _spillover(config, place, selector)


def _targets(config: Config, root: MapNode, name: str, selector: Selector) -> Iterator[Problem]:
    for number, target in enumerate(selector.targets):
        place = place_of(root, "selectors", name, "targets", number)
        if target in config.selectors:
            yield place.problem(f"target '{target}' is a selector", "name the models themselves")
        elif not _is_known(config, target):
            yield place.problem(f"there is no model '{target}'", did_you_mean(target, _all_names(config)))
        elif selector.strategy == "warm" and not config.find(target):
            yield place.problem(
                f"'{target}' is at a peer, whose state nobody knows here", "use strategy pin or spillover"
            )


def _spillover(config: Config, place: Place, selector: Selector) -> Iterator[Problem]:
    """Targets of a spillover serve side by side, so each counts once, and the local ones must fit together."""
    local = [model.id for target in selector.targets if (model := config.find(target))]
    remote = [target for target in selector.targets if not config.find(target)]
    if len(set(local)) + len(set(remote)) < len(selector.targets):
        yield place.problem("two targets are the same model", "name each model once")
    router = config.routing.router
    if router.use == "group" and len(set(local)) > 1 and not _fit_together(config.groups, set(local)):
        yield place.problem(
            "its targets cannot run at the same time", "put them into one group with `swap: false`, or use a matrix"
        )


def _fit_together(groups: Mapping[str, GroupConfig], models: set[ModelId]) -> bool:
    return any(not group.swap and models <= set(group.members) for group in groups.values())


def _profiles(config: Config, root: MapNode) -> Iterator[Problem]:
    for name, profile in config.profiles.items():
        if not name.strip():
            yield child_map(root, "profiles").key_place(name).problem("a profile has no name", "give it one")
        pins = child_map(root, "profiles", name, "pins")
        for pin, target in profile.pins.items():
            if not pin.strip():
                yield pins.key_place(pin).problem("a pin has no name", "write the name that clients ask for")
            if target and target not in config.selectors and not _is_known(config, target):
                known = {*_all_names(config), *config.selectors}
                yield place_of(pins, pin).problem(f"there is no model '{target}'", did_you_mean(target, known))


def _is_known(config: Config, name: str) -> bool:
    return bool(config.find(name)) or peer_names(config).get(name) == 1


def _all_names(config: Config) -> set[str]:
    return {*config.names, *peer_names(config)}


RULES = (_aliases, _group_members, _default_group, _priorities, _preload, _peers, _selectors, _profiles)
