"""Waiting for a grant while a client listens: keep-alive lines, the loading state, refusals with a hint when to retry.

A stream that has been begun for a keep-alive cannot become an HTTP error any more, so nothing is sent before the first
keep-alive is due, unless the model asks for the loading state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from aiohttp import web
from attrs import define, frozen

from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import SwaplabError, UnknownModel
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.phases import COMING_UP, Phase
from swaplab_core.runtime.dispatcher import Lease, Ticket
from swaplab_core.server.errors import error_body, status_of
from swaplab_core.server.inference.narration import Narrator, Waiting, comment, error_event
from swaplab_core.services.models.lifecycle import Models

KEEP_ALIVE_SECONDS = 10.0
NARRATION_SECONDS = 0.75
LONGEST_RETRY_SECONDS = 600.0
"""Nobody is sent away for longer, whatever the history says."""
CHAT = "/v1/chat/completions"

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class LoadFailed(Exception):
    """The load failed after the stream had begun: `response` is complete, its last event tells of `error`."""

    def __init__(self, response: web.StreamResponse, error: SwaplabError) -> None:
        super().__init__()
        self.response = response
        self.error = error


@frozen
class Granted:
    """A lease, and the response if it had to be begun while waiting."""

    lease: Lease
    response: web.StreamResponse | None = None


@define(eq=False)
class WaitingRoom:
    """Waits for grants. `keep_alive_seconds` is how long a streaming client may hear nothing.

    `pace` tells how many seconds a request to a model takes.
    """

    models: Models
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    pace: Callable[[ModelId], float | None] = lambda _: None
    clock: Callable[[], float] = time.monotonic

    async def granted(self, request: web.Request, ticket: Ticket, model: ModelConfig, *, streaming: bool) -> Granted:
        """Wait. Raises what `Dispatcher.lease` raises while nothing is sent yet, LoadFailed after that."""
        try:
            if streaming and not ticket.is_settled:
                return await self._streaming(request, ticket, model)
            return Granted(await ticket.granted())
        except SwaplabError as error:
            error.queue_position = ticket.joined_at or self.models.waiting_count() + 1
            if error.retry_after_seconds is None:
                error.retry_after_seconds = self._retry_after(model.id)
            raise

    def _retry_after(self, model: ModelId) -> int:
        """The rest of its load, or the time in which one of its requests is likely to end."""
        try:
            state = self.models.state(self.models.find(model))
        except UnknownModel:  # it was removed while the request waited
            return 1
        if state.phase is Phase.READY:
            seconds = (self.pace(model) or 0.0) / max(1, state.serving)
        else:
            seconds = self.models.seconds_until_ready(model) or 0.0
        return math.ceil(min(max(1.0, seconds), LONGEST_RETRY_SECONDS))

    async def _streaming(self, request: web.Request, ticket: Ticket, model: ModelConfig) -> Granted:
        began = self.clock()
        narrate = model.send_loading_state and request.path.startswith(CHAT)
        if not narrate and await ticket.settled_within(self.keep_alive_seconds):
            return Granted(await ticket.granted())
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        try:
            if narrate:
                return await self._narrate(response, ticket, model, began)
            await self._keep_alive(response, ticket, model, began)
            return Granted(await ticket.granted(), response)
        except SwaplabError as error:
            await response.write(error_event(error_body(str(error), status_of(error), error.code)))
            await response.write_eof()
            raise LoadFailed(response, error) from error

    async def _keep_alive(self, response: web.StreamResponse, ticket: Ticket, model: ModelConfig, began: float) -> None:
        while not ticket.is_settled:
            await response.write(comment(self._now(ticket, model, began)))
            await ticket.settled_within(self.keep_alive_seconds)

    async def _narrate(self, response: web.StreamResponse, ticket: Ticket, model: ModelConfig, began: float) -> Granted:
        narrator = Narrator(f"chatcmpl-swaplab-{ticket.number}", model.id, int(time.time()))
        await response.write(narrator.begin())
        spoke = self.clock()
        while not await ticket.settled_within(NARRATION_SECONDS):
            now = self._now(ticket, model, began)
            news = narrator.update(now)
            if not news and self.clock() - spoke >= self.keep_alive_seconds:
                news = comment(now)
            if news:
                await response.write(news)
                spoke = self.clock()
        lease = await ticket.granted()
        await response.write(narrator.end(self.clock() - began))
        return Granted(lease, response)

    def _now(self, ticket: Ticket, model: ModelConfig, began: float) -> Waiting:
        state = self.models.state(model)
        loading = state.elapsed_seconds if state.phase in COMING_UP else None
        return Waiting(
            ticket.position(), self.clock() - began, loading, self.models.expected_seconds(model.id), state.progress
        )
