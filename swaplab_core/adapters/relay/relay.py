"""The one story of a request, whichever way it takes."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from attrs import define, field

from swaplab_core.adapters.destination import Destination
from swaplab_core.adapters.relay.direct import DirectCarrier, Way
from swaplab_core.adapters.relay.fallback import AiohttpAnswer, AiohttpCarrier
from swaplab_core.adapters.relay.headers import answer_headers, end_to_end, is_events, request_headers
from swaplab_core.adapters.relay.interface import NO_TAP, Answer, Body, Call, Carrier, Interrupted, Tap
from swaplab_core.adapters.relay.telling import died_in_the_middle, error_event, finish, message_of
from swaplab_core.adapters.websocket import ask_for_upgrade, is_websocket, tunnel
from swaplab_core.domain.errors import UpstreamError

_ERROR_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


@define(eq=False)
class Relay:
    """Owns the connections to upstreams. `direct` False takes the long way for everything."""

    direct: bool = True
    _short: DirectCarrier = field(factory=DirectCarrier, init=False)
    _long: AiohttpCarrier = field(factory=AiohttpCarrier, init=False)

    async def forward(
        self,
        request: web.Request,
        destination: Destination,
        *,
        path: str,
        body: Body | None,
        begun: web.StreamResponse | None = None,
        tap: Tap = NO_TAP,
    ) -> web.StreamResponse:
        """Send `request` to `path` (raw, query included) of `destination` and stream the answer to the client.

        `body` None streams the request's own. `begun` is an event stream that the client already receives: the answer's
        events go on in it, and everything else that can come becomes an error event. Without it, raises UpstreamDied
        or UpstreamTimeout when no response byte came. `tap` sees the answer as it passes.
        """
        call = _call(request, destination, path, body)
        if begun is not None:
            call.headers["Accept-Encoding"] = "identity"  # the head is sent: nobody could say that the rest is packed
        tap.sent(call.headers)
        try:
            answer = await self._way(request, destination).send(call, destination)
        except UpstreamError as error:
            if begun is None:
                raise
            return await finish(begun, error_event(str(error), error.code))
        try:
            return await _answer(request, answer, destination, begun, tap)
        finally:
            answer.close()

    def way(self, destination: Destination) -> Way | None:
        """The short way to there, if it can be taken."""
        return self._short.way(destination) if self.direct and DirectCarrier.reaches(destination) else None

    async def close(self) -> None:
        """Drop all connections."""
        await self._short.close()
        await self._long.close()

    def _way(self, request: web.Request, destination: Destination) -> Carrier:
        is_short = self.direct and DirectCarrier.reaches(destination) and not is_websocket(request)
        return self._short if is_short else self._long


def _call(request: web.Request, destination: Destination, path: str, body: Body | None) -> Call:
    headers = request_headers(request, destination, replaced_body=body is not None)
    if is_websocket(request):
        ask_for_upgrade(headers)
    if body is None:
        return Call(request.method, path, headers, request.content.iter_any() if request.body_exists else None)
    if body.size is not None:
        headers["Content-Length"] = str(body.size)
    return Call(request.method, path, headers, body.content)


async def _answer(
    request: web.Request, answer: Answer, destination: Destination, begun: web.StreamResponse | None, tap: Tap
) -> web.StreamResponse:
    events = is_events(answer.headers.get("Content-Type", ""))
    if begun is not None and not (events and answer.status < HTTPStatus.BAD_REQUEST):
        return await finish(begun, await _refusal(answer, destination))
    tap.head(answer.status, answer.headers)
    if isinstance(answer, AiohttpAnswer) and answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return await tunnel(request, answer.response, end_to_end(answer.headers), tap.chunk)
    response = begun or await _begin(request, answer, events=events)
    try:
        await answer.pour(request, response, tap)
    except Interrupted as reason:
        _log.warning("%s broke off in the middle of a response: %s", destination.name, reason)
        if events:
            await response.write(died_in_the_middle(destination))
        _cut(request)
    return response


async def _begin(request: web.Request, answer: Answer, *, events: bool) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer_headers(answer.headers))
    if events:
        response.headers["X-Accel-Buffering"] = "no"
    await response.prepare(request)
    return response


async def _refusal(answer: Answer, destination: Destination) -> bytes:
    try:
        said = message_of(await answer.read(_ERROR_BYTES))
    except Interrupted as reason:
        said = str(reason)
    return error_event(f"{destination.name} answered {answer.status}: {said}", UpstreamError.code)


def _cut(request: web.Request) -> None:
    """Never a clean end: close, not abort, for an event may still be on its way; the last chunk is never sent."""
    if request.transport is not None:
        request.transport.close()
