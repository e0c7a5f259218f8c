"""What a name stands for: a model of ours by id or alias, or a model of a peer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from swaplab_core.config.schema import Config, ModelConfig, Peer
from swaplab_core.domain.ids import ModelId


@frozen
class Local:
    """A model that we run."""

    model: ModelConfig

    @property
    def id(self) -> ModelId:
        """Its id, whatever name was used."""
        return self.model.id


@frozen
class Remote:
    """A model of a peer; `model` is its name there."""

    peer_id: str
    peer: Peer
    model: str

    @property
    def id(self) -> str:
        """The full name, which is never ambiguous."""
        return f"{self.peer_id}/{self.model}"


Target = Local | Remote


@frozen
class Names:
    """Every name of a configuration with its target."""

    targets: Mapping[str, Target]

    @classmethod
    def of(cls, config: Config) -> Names:
        """Build the table once per configuration: id before alias before full peer name before bare peer name."""
        remotes = [Remote(peer_id, peer, model) for peer_id, peer in config.peers.items() for model in peer.models]
        offered = Counter(model for peer in config.peers.values() for model in set(peer.models))
        bare: dict[str, Target] = {remote.model: remote for remote in remotes if offered[remote.model] == 1}
        full: dict[str, Target] = {remote.id: remote for remote in remotes}
        local: dict[str, Target] = {name: Local(config.models[model]) for name, model in config.names.items()}
        return cls(MappingProxyType({**bare, **full, **local}))

    def find(self, name: str) -> Target | None:
        """The target of a name, or None."""
        return self.targets.get(name)
