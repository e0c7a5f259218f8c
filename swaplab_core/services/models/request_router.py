"""Where a request goes: profile, selector, name, peer; with the changes its body needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from attrs import define, field, frozen

from swaplab_core.config.patterns import Pattern, compile_pattern
from swaplab_core.config.schema import Config
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.phases import Phase
from swaplab_core.routing.filters import BodyFilter, compile_filters
from swaplab_core.routing.names import Local, Names, Remote, Target
from swaplab_core.routing.profiles import Profiles
from swaplab_core.routing.selectors import Selectors
from swaplab_core.services.models.listing import Listing
from swaplab_core.services.models.suggestions import known_names


class UnknownProfile(UnknownModel):
    """No profile of that name is configured."""

    code = "unknown-profile"


@frozen
class RequestRoute:
    """Where one request goes.

    `requested` is the name after profile and selector, `rename` what the body's `model` must become (None: it stays),
    `selector` the selector that chose, "" without one.
    """

    target: Target
    requested: str
    rename: str | None
    selector: str
    filters: BodyFilter

    @property
    def edits(self) -> bool:
        """Whether there is anything to change."""
        return self.rename is not None or self.filters.changes(self.requested)

    def edit(self, body: bytes) -> bytes:
        """The body as the upstream shall see it; the same object when nothing is to change."""
        return self.filters.apply(body, model=self.rename, requested=self.requested)


@define(eq=False)
class RequestRouter:
    """All names of the configuration in force; `use` puts another one in force.

    The active profile and the selectors' running counts outlive a change of the configuration.
    """

    phase_of: Callable[[ModelId], Phase]
    names: Names = field(init=False)
    profiles: Profiles = field(init=False, factory=lambda: Profiles({}))
    selectors: Selectors = field(init=False)
    _ignored: Sequence[Pattern] | None = field(init=False, default=None)
    _config: Config = field(init=False)
    _filters: dict[str, BodyFilter] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.selectors = Selectors({}, Names({}), self.phase_of)
        self.use(Config())

    def use(self, config: Config) -> None:
        """Route by `config` from now on; requests on their way are not touched."""
        self._config, self.names = config, Names.of(config)
        self.selectors.selectors, self.selectors.names = config.selectors, self.names
        active = self.profiles.active
        self.profiles = Profiles(config.profiles, active if active in config.profiles else None)
        models: dict[str, BodyFilter] = {m.id: compile_filters(m.filters) for m in config.models.values()}
        peers = {f"peer {name}": compile_filters(peer.filters) for name, peer in config.peers.items()}
        self._filters = {**models, **peers}
        self._ignored = None

    def activate(self, profile: str | None) -> None:
        """Switch to a profile, or to none. Raises UnknownProfile."""
        if profile is not None and profile not in self.profiles.profiles:
            advice = known_names(profile, list(self.profiles.profiles), what="profiles")
            raise UnknownProfile(f"no profile named {profile!r} is configured", advice=advice)
        self.profiles.active = profile

    @contextmanager
    def route(self, name: str) -> Iterator[RequestRoute]:
        """Decide where a request for `name` goes; a selector's choice is held until the block ends.

        Raises UnknownModel, or NoTarget when a selector has none to offer.
        """
        pinned = self._pinned(name)
        if pinned in self._config.selectors:
            with self.selectors.choose(pinned) as chosen:
                yield self._route(name, chosen, pinned)
        else:
            yield self._route(name, pinned, "")

    def is_ignored(self, path: str) -> bool:
        """Whether a request for this path below /upstream loads no model."""
        if self._ignored is None:
            self._ignored = [compile_pattern(pattern) for pattern in self._config.upstream.ignore_paths]
        return any(pattern.search(path) for pattern in self._ignored)

    def plain(self, name: str) -> RequestRoute | None:
        """Where a name leads on which neither profile nor selector has a say; None when one has, or nobody knows it."""
        is_plain = self.profiles.active is None and name not in self._config.selectors
        return self._route(name, name, "") if is_plain and self.names.find(name) is not None else None

    def listing(self, phase_of: Callable[[ModelId], Phase], created: int) -> Listing:
        """What `GET /v1/models` is made of."""
        return Listing(self._config, self.names, self.profiles, self.selectors, phase_of, created)

    def _pinned(self, name: str) -> str:
        pin = self.profiles.pin(name)
        if pin is None:
            return name
        if not pin.name:
            raise UnknownModel(f"the profile {self.profiles.active!r} switches {name!r} off")
        return pin.name

    def _route(self, asked: str, requested: str, selector: str) -> RequestRoute:
        target = self.find(requested)
        renamed = requested if requested != asked else None
        match target:
            case Local(model):
                return RequestRoute(
                    target, requested, model.use_model_name or renamed, selector, self._filters[model.id]
                )
            case Remote(peer_id, _, theirs):
                rename = theirs if theirs != asked else None
                return RequestRoute(target, requested, rename, selector, self._filters[f"peer {peer_id}"])

    def find(self, name: str) -> Target:
        """The target of a name, leaving profiles and selectors aside. Raises UnknownModel with what there is."""
        target = self.names.find(name)
        if target is None:
            known = [*self._config.selectors, *self.names.targets]
            raise UnknownModel(f"no model named {name!r} is configured", advice=known_names(name, known))
        return target
