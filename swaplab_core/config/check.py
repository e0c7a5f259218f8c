"""Rules over several keys: names that must exist, names that must not be taken twice, values that must make sense.

Each rule is a function from (config, document) to problems; the document only lends the places.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from swaplab_core.config.didyoumean import did_you_mean
from swaplab_core.config.document import MapNode, place_of
from swaplab_core.config.schema import Config
from swaplab_core.domain.problem import Problem

_GROUPS = ("routing", "router", "settings", "groups")


def check(config: Config, root: MapNode) -> tuple[Problem, ...]:
    """Apply every rule."""
    return tuple(problem for rule in _RULES for problem in rule(config, root))


def _aliases(config: Config, root: MapNode) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for model in config.models.values():
        for number, alias in enumerate(model.aliases):
            place = place_of(root, "models", model.id, "aliases", number)
            if alias in config.models:
                yield place.problem(f"alias '{alias}' is the id of a model", "choose another alias")
            elif owners.setdefault(alias, model.id) != model.id:
                yield place.problem(f"alias '{alias}' belongs to model '{owners[alias]}' already", "remove one of them")


def _group_members(config: Config, root: MapNode) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, group in config.routing.router.settings.groups.items():
        for number, member in enumerate(group.members):
            place = place_of(root, *_GROUPS, name, "members", number)
            if member not in config.models:
                yield place.problem(*_unknown_model(config, member))
            elif member in owners:
                yield place.problem(f"model '{member}' is in group '{owners[member]}' already", "remove it from one")
            owners.setdefault(member, name)


def _unknown_model(config: Config, name: str) -> tuple[str, str]:
    """Say that a model id is wrong; an alias is no id."""
    if owner := config.find(name):
        return f"'{name}' is an alias", f"write the model's id, '{owner.id}'"
    return f"there is no model '{name}'", did_you_mean(name, config.models)


def _urls(config: Config, root: MapNode) -> Iterator[Problem]:
    for model in config.models.values():
        if model.proxy is not None and "${" not in model.proxy and not is_url(model.proxy):
            place = place_of(root, "models", model.id, "proxy")
            yield place.problem(f"'{model.proxy}' is no http address", "write http://host:port")


def is_url(text: str) -> bool:
    """Is this the base URL of a server?"""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


_RULES = (_aliases, _group_members, _urls)
