"""The data path: moves one request to an upstream and its response back, byte for byte, as it comes.

Hop-by-hop headers end here; everything else passes. Nothing is parsed, buffered or coalesced on the way. A response
that breaks off never looks complete: an event stream gets a last error event, and the client's connection is cut.

Every request has a connection of its own: llama-server announces keep-alive but closes after each stream, and a pooled
connection would make the next request fail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, MutableMapping
from http import HTTPStatus
from typing import Protocol

import aiohttp
import orjson
from aiohttp import web
from attrs import define, field, frozen
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from swaplab_core.adapters.destination import Destination
from swaplab_core.adapters.failures import describe_failure
from swaplab_core.adapters.websocket import ask_for_upgrade, is_websocket, tunnel
from swaplab_core.domain.errors import UpstreamDied, UpstreamError, UpstreamTimeout

_log = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_ANSWERED_HERE = frozenset({"expect"})
_UNPACKED_HERE = frozenset({"gzip", "deflate", "br", "zstd"})
"""Compressions of a request body that our server undoes as it reads."""
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip"})
_EVENT_STREAM = "text/event-stream"
_ERROR_BYTES = 64 * 1024


class Tap(Protocol):
    """Sees what passes. Called for every chunk, so it must be quick, and it must not raise."""

    def sent(self, headers: MutableMapping[str, str]) -> None:
        """The request goes to its upstream with these headers, which may still be changed."""
        ...

    def head(self, status: int, headers: Mapping[str, str], /) -> None:
        """The head of the answer has come."""
        ...

    def chunk(self, data: bytes) -> None:
        """A piece of the body goes to the client."""
        ...


class _NoTap:
    """Nobody looks."""

    def sent(self, headers: MutableMapping[str, str]) -> None:
        pass

    def head(self, status: int, headers: Mapping[str, str], /) -> None:
        pass

    def chunk(self, data: bytes) -> None:
        pass


NO_TAP = _NoTap()


@frozen
class Body:
    """A request body that replaces the client's own: bytes, or a stream; a stream of unknown size (None) is chunked."""

    content: bytes | AsyncIterator[bytes]
    size: int | None

    @classmethod
    def of(cls, content: bytes) -> Body:
        """Bytes that are here."""
        return cls(content, len(content))


@define(eq=False)
class Relay:
    """Owns the connections to upstreams. `max_header_bytes` bounds what an upstream may send as one header."""

    max_header_bytes: int = 64 * 1024
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

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
        headers = _request_headers(request, destination, replaced_body=body is not None)
        if body is not None and body.size is not None:
            headers["Content-Length"] = str(body.size)
        if is_websocket(request):
            ask_for_upgrade(headers)
        if begun is not None:
            headers["Accept-Encoding"] = "identity"  # the head is sent: nobody could say that the rest is compressed
        tap.sent(headers)
        try:
            upstream = await self._send(request, destination, path, headers, body)
        except UpstreamError as error:
            if begun is None:
                raise
            return await _finish(begun, _error_event(str(error), error.code))
        async with upstream:
            if begun is not None and not (_is_events(upstream) and upstream.ok):
                return await _finish(begun, await _refusal(upstream, destination))
            tap.head(upstream.status, upstream.headers)
            if upstream.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return await tunnel(request, upstream, _end_to_end(upstream.headers), tap.chunk)
            response = begun or await _begin(request, upstream)
            return await _copy(request, upstream, response, destination, tap)

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, request: web.Request, destination: Destination, path: str, headers: CIMultiDict[str], body: Body | None
    ) -> aiohttp.ClientResponse:
        data = body.content if body is not None else (request.content if request.body_exists else None)
        try:
            async with asyncio.timeout(destination.response_header_seconds or None):
                return await self._open().request(
                    request.method,
                    URL(destination.base_url + path, encoded=True),
                    headers=headers,
                    data=data,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=destination.connect_seconds or None),
                )
        except aiohttp.ServerTimeoutError as error:
            limit = f"{destination.connect_seconds:g} s"
            raise UpstreamTimeout(
                f"{destination.name} took no connection within {limit}", advice="the limit is its `timeouts.connect`"
            ) from error
        except TimeoutError as error:
            limit = f"{destination.response_header_seconds:g} s"
            raise UpstreamTimeout(
                f"{destination.name} did not begin its answer within {limit}",
                advice="the limit is its `timeouts.responseHeader`",
            ) from error
        except aiohttp.ClientError as error:
            raise UpstreamDied(f"{destination.name} did not answer: {describe_failure(error)}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                max_field_size=self.max_header_bytes,
                max_line_size=self.max_header_bytes,
            )
        return self._session


async def _begin(request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, headers=_end_to_end(upstream.headers))
    if _is_events(upstream):
        response.headers["X-Accel-Buffering"] = "no"
    await response.prepare(request)
    return response


async def _copy(
    request: web.Request,
    upstream: aiohttp.ClientResponse,
    response: web.StreamResponse,
    destination: Destination,
    tap: Tap,
) -> web.StreamResponse:
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
            tap.chunk(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        if _client_has_gone(request):
            raise
        _log.warning("%s broke off in the middle of a response: %s", destination.name, describe_failure(error))
        await _break_off(request, response, destination, events=_is_events(upstream))
    return response


async def _break_off(
    request: web.Request, response: web.StreamResponse, destination: Destination, *, events: bool
) -> None:
    """Say what happened where the protocol allows, then cut the connection: never a clean end."""
    if events:
        message = f"{destination.name} died in the middle of the response"
        await response.write(b"\n\n" + _error_event(message, UpstreamDied.code))
    if request.transport is not None:
        # close, not abort: the event above may still be on its way; without the last chunk the end is not a clean one
        request.transport.close()


async def _finish(response: web.StreamResponse, event: bytes) -> web.StreamResponse:
    """The client has been sent 200 already, so what went wrong travels as the last event."""
    await response.write(event)
    await response.write_eof()
    return response


async def _refusal(upstream: aiohttp.ClientResponse, destination: Destination) -> bytes:
    try:
        body = await upstream.content.read(_ERROR_BYTES)
    except (aiohttp.ClientError, TimeoutError) as error:
        body = describe_failure(error).encode()
    return _error_event(f"{destination.name} answered {upstream.status}: {_message(body)}", UpstreamError.code)


def _message(body: bytes) -> str:
    """What an error response says: the message in it if it has OpenAI's shape, else all of it."""
    try:
        return str(orjson.loads(body)["error"]["message"])
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return body.decode("utf-8", "replace").strip()


def _error_event(message: str, code: str) -> bytes:
    error = {"message": message, "type": "server_error", "param": None, "code": code}
    return b"event: error\ndata: " + orjson.dumps({"error": error}) + b"\n\n"


def _request_headers(request: web.Request, destination: Destination, *, replaced_body: bool) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers, destination.drop | _ANSWERED_HERE)
    is_unpacked = headers.get("Content-Encoding", "").lower() in _UNPACKED_HERE
    if is_unpacked:
        headers.popall("Content-Encoding")
    if replaced_body or is_unpacked:
        headers.pop("Content-Length", None)
    if destination.is_ours:
        if request.remote:
            headers["X-Forwarded-For"] = ", ".join([*headers.getall("X-Forwarded-For", []), request.remote])
    else:
        headers.pop("Host", None)
        for name in _FORWARDED:
            headers.popall(name, None)
    headers.update(destination.set)
    return headers


def _end_to_end(headers: MultiMapping[str], drop: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Without the headers that belong to one connection, those named by `Connection` among them."""
    named = {name.strip().lower() for line in headers.getall("Connection", []) for name in line.split(",")}
    unwanted = _HOP_BY_HOP | named | drop
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in unwanted)


def _is_events(upstream: aiohttp.ClientResponse) -> bool:
    return upstream.content_type == _EVENT_STREAM


def _client_has_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
