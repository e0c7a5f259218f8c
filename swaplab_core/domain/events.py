"""Everything that is announced on the bus, in the past tense. For whoever wants to know; nobody decides by it.

Each class says how it behaves when a subscriber is slow (`overflow`): of STATE events only the newest of each `key`
matters, of STREAM events the oldest are dropped, and of states too when there are too many keys; a Gap says so.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.job import JobId


class Overflow(enum.Enum):
    """What a slow subscriber loses."""

    STATE = "state"
    STREAM = "stream"


@frozen
class Event:
    """Base of all events. `topic` is the name on the wire."""

    topic: ClassVar[str]
    overflow: ClassVar[Overflow] = Overflow.STATE
    remembered: ClassVar[bool] = True
    """Whether it is told to a subscriber that comes back; logs have a history of their own."""

    @property
    def key(self) -> object:
        """What a newer STATE event of the same class replaces."""
        return None

    @property
    def size(self) -> int:
        """Bytes that it holds, as far as they are worth counting."""
        return 0


@frozen
class ModelChanged(Event):
    """A model came up, went down, or moved on in its load."""

    topic = "model"
    model: ModelId

    @property
    def key(self) -> object:
        """One model."""
        return self.model


@frozen
class ModelUsed(Event):
    """How many requests a model works on, or how many wait for it, has changed; told twice a second at most."""

    topic = "model"
    model: ModelId

    @property
    def key(self) -> object:
        """One model."""
        return self.model


@frozen
class ModelPreloaded(Event):
    """A model was loaded because the configuration wants it loaded, or could not be."""

    topic = "preload"
    overflow = Overflow.STREAM
    model: ModelId
    success: bool


@frozen
class ConfigChanged(Event):
    """Another configuration is in force."""

    topic = "config"
    revision: str


@frozen
class ProfileChanged(Event):
    """Another profile is active, or none."""

    topic = "profile"
    active: str | None


@frozen
class RequestChanged(Event):
    """A request in flight began, moved on, or ended (`ended`). `id` is its number in the in-flight table."""

    topic = "request"
    id: int
    ended: bool = False

    @property
    def key(self) -> object:
        """One request."""
        return self.id


@frozen
class ActivityRecorded(Event):
    """A row was stored."""

    topic = "activity"
    overflow = Overflow.STREAM
    id: int


@frozen
class ActivityCleared(Event):
    """The rows that were there, or their captures, are gone."""

    topic = "activity"
    overflow = Overflow.STREAM


@frozen
class Logged(Event):
    """A chunk of log was written, bytes as they came. `source` is `proxy` or `model:<id>`."""

    topic = "log"
    overflow = Overflow.STREAM
    remembered = False
    source: str
    data: bytes

    @property
    def size(self) -> int:
        """All that it holds."""
        return len(self.data)


@frozen
class JobChanged(Event):
    """A job was made, moved on or ended; or it was deleted from the history."""

    topic = "job"
    job: JobId

    @property
    def key(self) -> object:
        """One job."""
        return self.job


@frozen
class JobLogged(Event):
    """The log of a job has grown; `end` is the offset at which it ends now."""

    topic = "job-log"
    remembered = False
    job: JobId
    end: int

    @property
    def key(self) -> object:
        """One job."""
        return self.job


@frozen
class PluginsChanged(Event):
    """A plugin fares otherwise than before: what it offers may be different now."""

    topic = "plugins"


@frozen
class PluginNews(Event):
    """Something of a plugin's own has happened; on the wire it is called `<plugin>.<name>`.

    `data` is JSON, small. Of news of one `name` about one `subject` only the newest matters.
    """

    topic = "plugin"
    plugin: str
    name: str
    subject: str = ""
    data: Mapping[str, Any] = field(factory=dict, eq=False)

    @property
    def key(self) -> object:
        """One subject."""
        return self.plugin, self.name, self.subject


@frozen
class Gap(Event):
    """So many STREAM events, `bytes` of log in them, were dropped here, because their subscriber was slow.

    `states`: it has also missed states, so all it knows of them may be wrong.
    """

    topic = "gap"
    overflow = Overflow.STREAM
    dropped: int
    bytes: int = 0
    states: bool = False
