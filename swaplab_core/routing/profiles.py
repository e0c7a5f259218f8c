"""Profiles: name rewrites that an operator switches on and off. At most one is active; pins do not chain."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, frozen

from swaplab_core.config.schema import Profile


@frozen
class Pinned:
    """What a pin makes of a name; `name` None: the profile switches it off."""

    name: str | None


@define
class Profiles:
    """The profiles of a configuration and which one is active."""

    profiles: Mapping[str, Profile]
    active: str | None = None

    def pin(self, name: str) -> Pinned | None:
        """What the active profile makes of `name`; None when it says nothing."""
        pins = self.pins()
        return Pinned(pins[name]) if name in pins else None

    def pins(self) -> Mapping[str, str | None]:
        """The pins in force."""
        return self.profiles[self.active].pins if self.active is not None else {}
