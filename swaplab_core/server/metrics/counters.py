"""Counting what happens, for Prometheus: a few additions in plain objects, since it stands in every request's way.

How it is written down is `exposition.py`'s affair, which is imported when somebody asks for the first time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from attrs import define, field

from swaplab_core.domain.metering import Usage
from swaplab_core.runtime.performance import Latest
from swaplab_core.server.metrics.tallies import Standing, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

NEWEST_WEIGHS = 0.2
"""How much one request moves the pace of its model."""


def _nothing() -> None:
    """Nobody holds anything back."""


@define(eq=False)
class Metrics:
    """Counts. `model` is always a name that the configuration knows, never what a client wrote: each is kept for ever.

    Call it on the event loop; only `render` may run on another thread meanwhile.
    """

    gather: Callable[[], None] = _nothing
    """Counts what has happened and is not counted yet; call it, on the event loop, before `render`."""
    _tallies: dict[str, Tally] = field(factory=dict, init=False)

    def request_done(
        self,
        model: str,
        code: int,
        usage: Usage | None = None,
        first_token_seconds: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """A request was answered with this status, `seconds` after an upstream got it; what is None was not told."""
        tally = self._tally(model)
        if seconds is not None and code < 400:
            tally.pace = seconds if tally.pace is None else tally.pace + (seconds - tally.pace) * NEWEST_WEIGHS
        tally.requests[code] += 1
        if usage is not None:
            _count_tokens(tally.tokens, usage)
        if first_token_seconds is not None:
            tally.first_token.observe(first_token_seconds)

    def pace(self, model: str) -> float | None:
        """How many seconds a request has taken lately; None before the first."""
        tally = self._tallies.get(model)
        return tally.pace if tally else None

    def load_done(self, model: str, seconds: float) -> None:
        """An engine came up, so long after it was started or woken."""
        self._tally(model).loads.observe(seconds)

    def swap_done(self, model: str, seconds: float) -> None:
        """A request for a model that was not ready was let in, after so long: evictions and the load included."""
        self._tally(model).swaps.observe(seconds)

    def restarted(self, model: str) -> None:
        """An engine was started again after it had ended by itself."""
        self._tally(model).restarts += 1

    def start_failed(self, model: str) -> None:
        """An engine did not come up."""
        self._tally(model).failed_starts += 1

    def forget(self, models: Iterable[str]) -> None:
        """These models are no longer configured."""
        for model in models:
            self._tallies.pop(model, None)

    def render(self, standings: Sequence[Standing] = (), latest: Latest | None = None, engines: bytes = b"") -> bytes:
        """Everything as text; `engines` is added as it is (see `engines`). Takes milliseconds: use a thread."""
        from swaplab_core.server.metrics.exposition import exposition  # noqa: PLC0415 - only who asks pays for the library

        return exposition(list(self._tallies.items()), standings, latest or Latest()) + engines

    def _tally(self, model: str) -> Tally:
        tally = self._tallies.get(model)
        if tally is None:
            tally = self._tallies[model] = Tally()
        return tally


def _count_tokens(tokens: Counter[str], usage: Usage) -> None:
    tokens["input"] += usage.input_tokens or 0
    tokens["output"] += usage.output_tokens or 0
    tokens["cached"] += usage.cached_tokens or 0
    tokens["drafted"] += usage.draft_tokens or 0
    tokens["draft_accepted"] += usage.draft_accepted_tokens or 0
