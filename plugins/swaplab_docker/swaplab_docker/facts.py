"""What there is: images, containers, their use, the engine itself. Values only. Sizes are bytes, times unix seconds."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Image:
    """One image. `references` are its names with tags, none for what is dangling; `digests` `name@sha256:…`."""

    id: str
    references: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    created: float = 0.0

    @property
    def is_dangling(self) -> bool:
        """Has it lost its last name?"""
        return not self.references

    @property
    def short_id(self) -> str:
        """The id as people write it."""
        return self.id.removeprefix("sha256:")[:12]


@frozen
class Container:
    """One container. `image` is what it was started from, by name; `state` the engine's word (`running`, `exited`)."""

    id: str
    name: str
    image: str
    image_id: str = ""
    state: str = "running"
    status: str = ""
    created: float = 0.0
    command: str = ""
    labels: Mapping[str, str] = field(factory=dict)

    @property
    def is_up(self) -> bool:
        """Does it hold the machine?"""
        return self.state in {"running", "restarting", "paused", "removing"}

    @property
    def short_id(self) -> str:
        """The id as people write it."""
        return self.id[:12]


@frozen
class Usage:
    """What a container uses. `cpu_percent` is of one processor; None while there is nothing to compare with."""

    cpu_percent: float | None = None
    memory: int = 0
    memory_limit: int = 0
    processes: int = 0


@frozen
class EngineInfo:
    """What the engine says of itself. `root` is the folder that holds images, as the engine sees it."""

    name: str
    version: str
    api: str = ""
    system: str = ""
    root: str = ""
    storage: str = ""
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


@frozen
class EngineEvent:
    """Something has happened to an image or a container (`kind`)."""

    kind: str
    action: str
    id: str
