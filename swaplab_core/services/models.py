"""The models: which there are, what state each is in, load, unload, plan."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from attrs import define, frozen

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.metering import Progress
from swaplab_core.engine import Phase, SwapPlan, plan
from swaplab_core.runtime.dispatcher import Dispatcher
from swaplab_core.runtime.supervisor import UpstreamStatus

NAMES_IN_AN_ERROR = 12


class Status(Protocol):
    """What the service asks of the supervisor."""

    def status(self, model: ModelId) -> UpstreamStatus | None:
        """What can be seen of the running upstream."""
        ...


@frozen
class ModelState:
    """One model as an operator sees it. `elapsed_seconds` counts from its start, 0 when it does not run."""

    config: ModelConfig
    phase: Phase
    serving: int
    waiting: int
    pid: int | None
    base_url: str
    command: str
    elapsed_seconds: float
    progress: Progress | None
    last_lines: tuple[str, ...]


@define(eq=False)
class Models:
    """`config` answers the configuration in force."""

    config: Callable[[], Config]
    dispatcher: Dispatcher
    upstreams: Status

    def find(self, name: str) -> ModelConfig:
        """Resolve an id or alias. Raises UnknownModel with what there is."""
        model = self.config().find(name)
        if model is None:
            raise UnknownModel(f"no model named {name!r} is configured", advice=_known(name, self.config()))
        return model

    def states(self) -> Iterator[ModelState]:
        """Every configured model, in the order of the file."""
        return (self._state(model) for model in self.config().models.values())

    async def load(self, name: str) -> ModelState:
        """Bring a model up and return when it is ready. Raises what a request would."""
        model = self.find(name)
        async with self.dispatcher.lease(model.id):
            return self._state(model)

    async def unload(self, names: Iterable[str] | None = None) -> None:
        """Stop these models, or all, busy or not; returns when they are gone."""
        chosen = self.config().models if names is None else [self.find(name).id for name in names]
        await self.dispatcher.unload(chosen)

    def plan(self, name: str) -> SwapPlan:
        """What a request for this model would do now, without doing it."""
        return plan(self.dispatcher.engine, self.find(name).id)

    def _state(self, model: ModelConfig) -> ModelState:
        slot = self.dispatcher.engine.slots[model.id]
        seen = self.upstreams.status(model.id)
        return ModelState(
            model,
            slot.phase,
            len(slot.serving),
            len(slot.waiting),
            seen.pid if seen else None,
            seen.base_url if seen else "",
            shlex.join(seen.argv) if seen else "",
            seen.elapsed_seconds if seen else 0.0,
            seen.progress if seen else None,
            seen.last_lines if seen else (),
        )


def _known(name: str, config: Config) -> str:
    names = list(config.names)
    guess = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    if guess:
        return f"did you mean {guess[0]!r}?"
    if not names:
        return "the configuration has no models"
    listed = ", ".join(names[:NAMES_IN_AN_ERROR])
    more = len(names) - NAMES_IN_AN_ERROR
    return f"there are: {listed}" + (f" and {more} more, see GET /v1/models" if more > 0 else "")
