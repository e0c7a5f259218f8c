"""Whose a container is, and which ones were left behind. Pure.

Only labels count: swaplab puts them on every container that it starts. A name proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import frozen

from swaplab_core.plugin.recipe_runner import slug
from swaplab_docker.facts import Container

MANAGED, INSTANCE, MODEL, STAYS = "swaplab.managed", "swaplab.instance", "swaplab.model", "swaplab.stays"


class Owner(Enum):
    """Who has started a container: this daemon, another swaplab, or somebody else."""

    OURS = "this swaplab"
    ANOTHER = "another swaplab"
    FOREIGN = "not swaplab"


@frozen
class Owned:
    """A container and whose it is. `model` is "" when no model of ours has that name; `is_used`: its model is up."""

    container: Container
    owner: Owner
    model: str = ""
    is_used: bool = False

    @property
    def stays(self) -> bool:
        """Is it kept between models?"""
        return self.container.labels.get(STAYS) == "1"

    @property
    def is_leftover(self) -> bool:
        """Did we start it, and nobody needs it any more?"""
        return self.owner is Owner.OURS and not self.is_used and not self.stays

    def told(self) -> str:
        """Who uses it, in words."""
        if self.owner is not Owner.OURS:
            return str(self.owner.value)
        if self.is_used:
            return self.model
        if self.stays:
            return "stays for the next model"
        return f"left behind by {self.model or self.container.labels.get(MODEL) or 'a model'}"


def owned(container: Container, instance: str, models: Mapping[str, bool]) -> Owned:
    """Say whose a container is; `models` maps the configured ones to whether they are up."""
    labels = container.labels
    if labels.get(MANAGED) != "1":
        return Owned(container, Owner.FOREIGN)
    if labels.get(INSTANCE) != instance:
        return Owned(container, Owner.ANOTHER)
    word = labels.get(MODEL, "")
    model = next((model for model in models if slug(model) == word), "")
    return Owned(container, Owner.OURS, model, models.get(model, False))


def leftovers(
    containers: Iterable[Container], instance: str, models: Mapping[str, bool], *, starting: str = ""
) -> tuple[Owned, ...]:
    """What nobody needs any more; `starting` is about to be started, so that nothing there is of this start."""
    up = {model: is_up and model != starting for model, is_up in models.items()}
    every = (owned(container, instance, up) for container in containers)
    return tuple(one for one in every if one.is_leftover)


def in_the_way(name: str, containers: Iterable[Container], instance: str, models: Mapping[str, bool]) -> str:
    """Why no container of this name can be made, "" when it can."""
    holder = next((container for container in containers if container.name == name), None)
    if holder is None:
        return ""
    one = owned(holder, instance, models)
    if one.owner is Owner.OURS:
        return f"the name {name!r} is that of the container of {one.model or 'another model'}"
    whose = "another swaplab has started" if one.owner is Owner.ANOTHER else "swaplab has not started"
    return f"the name {name!r} is taken by a container that {whose} ({holder.image}, {holder.status or holder.state})"
