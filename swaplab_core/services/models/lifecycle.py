"""The models: which there are, what state each is in, load, unload, plan."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from attrs import define, frozen

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import SwaplabError, UnknownModel
from swaplab_core.domain.events import Event, ModelPreloaded
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import LOCAL
from swaplab_core.engine import Phase, SwapPlan, plan
from swaplab_core.engine.slot import Fate
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.upstream import UpstreamStatus
from swaplab_core.services.models.suggestions import known_names

_log = logging.getLogger(__name__)


class Status(Protocol):
    """What the service asks of the supervisor."""

    def status(self, model: ModelId) -> UpstreamStatus | None:
        """What can be seen of the running upstream."""
        ...

    def expected_seconds(self, model: ModelId) -> float | None:
        """How long a load takes, from history."""
        ...


@frozen
class ModelState:
    """One model as an operator sees it.

    `elapsed_seconds` counts from its start, 0 when it does not run. `node` is the machine that it runs on or, while it
    does not, that its entry asks for. `is_stale`: it still runs an earlier configuration
    and is replaced when its last stream has ended.
    """

    config: ModelConfig
    phase: Phase
    is_stale: bool
    serving: int
    waiting: int
    pid: int | None
    base_url: str
    command: str
    elapsed_seconds: float
    progress: Progress | None
    node: str = ""


@define(eq=False)
class Models:
    """`config` answers the configuration in force."""

    config: Callable[[], Config]
    dispatcher: Dispatcher
    upstreams: Status

    def find(self, name: str) -> ModelConfig:
        """Resolve an id or alias of a model we run. Raises UnknownModel with what there is."""
        model = self.config().find(name)
        if model is None:
            raise UnknownModel(
                f"no model named {name!r} is configured", advice=known_names(name, list(self.config().names))
            )
        return model

    def states(self) -> Iterator[ModelState]:
        """Every configured model, in the order of the file."""
        return (self.state(model) for model in self.config().models.values())

    def phase(self, model: ModelId) -> Phase:
        """How far up a model is."""
        return self.dispatcher.engine.slots[model].phase

    def phase_now(self, model: ModelId) -> Phase:
        """The same, also of a model that the configuration no longer has."""
        slot = self.dispatcher.engine.slots.get(model)
        return slot.phase if slot else Phase.STOPPED

    def leaders(self) -> Mapping[ModelId, int]:
        """The processes that run models on this machine, by model."""
        seen = ((model.id, self.upstreams.status(model.id)) for model in self.config().models.values())
        return {name: up.pid for name, up in seen if up and up.pid is not None and up.node in {"", LOCAL}}

    def waiting_count(self) -> int:
        """Requests in the queue."""
        return self.dispatcher.engine.waiting_count()

    def expected_seconds(self, model: ModelId) -> float | None:
        """How long a load takes, from the last few; None before the first."""
        return self.upstreams.expected_seconds(model)

    def seconds_until_ready(self, model: ModelId) -> float | None:
        """What is left of a load by its history, or a whole one; None before the first."""
        expected = self.upstreams.expected_seconds(model)
        status = self.upstreams.status(model)
        return None if expected is None else expected - (status.elapsed_seconds if status else 0.0)

    async def load(self, name: str) -> ModelState:
        """Bring a model up and return when it is ready. Raises what a request would."""
        model = self.find(name)
        async with self.dispatcher.lease(model.id):
            return self.state(model)

    async def preload(self, names: Iterable[ModelId], tell: Callable[[Event], None]) -> None:
        """Load one after the other; one that fails is reported and the next is tried."""
        for name in names:
            try:
                await self.load(name)
            except SwaplabError as error:
                _log.warning("preload of %s failed: %s", name, error)
                tell(ModelPreloaded(name, success=False))
            else:
                tell(ModelPreloaded(name, success=True))

    async def unload(self, names: Iterable[str] | None = None) -> None:
        """Stop these models, or all, busy or not; returns when they are gone."""
        chosen = self.config().models if names is None else [self.find(name).id for name in names]
        await self.dispatcher.unload(chosen)

    def plan(self, name: str) -> SwapPlan:
        """What a request for this model would do now, without doing it."""
        return plan(self.dispatcher.engine, self.find(name).id)

    def state(self, model: ModelConfig) -> ModelState:
        """One model now."""
        slot = self.dispatcher.engine.slots[model.id]
        seen = self.upstreams.status(model.id)
        return ModelState(
            model,
            slot.phase,
            slot.fate is Fate.RESTART,
            len(slot.serving),
            len(slot.waiting),
            seen.pid if seen else None,
            seen.base_url if seen else "",
            shlex.join(seen.argv) if seen else "",
            seen.elapsed_seconds if seen else 0.0,
            seen.progress if seen else None,
            seen.node if seen else model.node,
        )
