"""The data path: moves one request to an upstream and its response back, byte for byte, as it comes.

Hop-by-hop headers end here; everything else passes. Nothing is parsed, buffered or coalesced on the way. A response
that breaks off never looks complete: an event stream gets a last error event, and the client's connection is cut.

Every request has a connection of its own: llama-server announces keep-alive but closes after each stream, and a pooled
connection would make the next request fail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import aiohttp
import orjson
from aiohttp import web
from attrs import define, field
from multidict import CIMultiDict
from yarl import URL

from swaplab_core.adapters.destination import Destination
from swaplab_core.domain.errors import UpstreamDied, UpstreamTimeout

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
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip"})
_EVENT_STREAM = "text/event-stream"
_ERROR_BYTES = 64 * 1024


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
        body: bytes | None,
        begun: web.StreamResponse | None = None,
    ) -> web.StreamResponse:
        """Send `request` to `path` (raw, query included) of `destination` and stream the answer to the client.

        `body` None streams the request's own. `begun` is an event stream that the client already receives: the answer's
        events go on in it, and an answer that is no event stream becomes an error event. Raises UpstreamDied or
        UpstreamTimeout when no response byte came.
        """
        upstream = await self._send(request, destination, path, body)
        async with upstream:
            if begun is not None and not (_is_events(upstream) and upstream.ok):
                return await _finish_with_error(begun, upstream, destination)
            response = begun or await _begin(request, upstream)
            return await _copy(request, upstream, response, destination)

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, request: web.Request, destination: Destination, path: str, body: bytes | None
    ) -> aiohttp.ClientResponse:
        data = body if body is not None else (request.content if request.body_exists else None)
        headers = _request_headers(request, destination, replaced_body=body is not None)
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
        except TimeoutError as error:
            raise UpstreamTimeout(f"{destination.name} did not answer in time", advice="see its `timeouts`") from error
        except aiohttp.ClientError as error:
            raise UpstreamDied(f"{destination.name} did not answer: {_cause(error)}") from error

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
    request: web.Request, upstream: aiohttp.ClientResponse, response: web.StreamResponse, destination: Destination
) -> web.StreamResponse:
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        if _client_has_gone(request):
            raise
        _log.warning("%s broke off in the middle of a response: %s", destination.name, _cause(error))
        await _break_off(request, response, destination, events=_is_events(upstream))
    return response


async def _break_off(
    request: web.Request, response: web.StreamResponse, destination: Destination, *, events: bool
) -> None:
    """Say what happened where the protocol allows, then cut the connection: never a clean end."""
    if events:
        message = f"{destination.name} died in the middle of the response"
        await response.write(b"\n\n" + _error_event(message))
    if request.transport is not None:
        # close, not abort: the event above may still be on its way; without the last chunk the end is not a clean one
        request.transport.close()


async def _finish_with_error(
    response: web.StreamResponse, upstream: aiohttp.ClientResponse, destination: Destination
) -> web.StreamResponse:
    """The client has been sent 200 already, so the upstream's refusal travels as an event."""
    text = (await upstream.content.read(_ERROR_BYTES)).decode("utf-8", "replace").strip()
    await response.write(_error_event(f"{destination.name} answered {upstream.status}: {text}"))
    await response.write_eof()
    return response


def _error_event(message: str) -> bytes:
    error = {"message": message, "type": "server_error", "param": None, "code": UpstreamDied.code}
    return b"event: error\ndata: " + orjson.dumps({"error": error}) + b"\n\n"


def _request_headers(request: web.Request, destination: Destination, *, replaced_body: bool) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers, destination.drop)
    if replaced_body:
        headers.pop("Content-Length", None)
    if destination.is_ours:
        earlier = headers.get("X-Forwarded-For")
        if request.remote:
            headers["X-Forwarded-For"] = f"{earlier}, {request.remote}" if earlier else request.remote
    else:
        headers.pop("Host", None)
        for name in _FORWARDED:
            headers.popall(name, None)
    headers.update(destination.set)
    return headers


def _end_to_end(headers: Mapping[str, str], drop: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Without the headers that belong to one connection, those named by `Connection` among them."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    unwanted = _HOP_BY_HOP | named | drop
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in unwanted)


def _is_events(upstream: aiohttp.ClientResponse) -> bool:
    return upstream.content_type == _EVENT_STREAM


def _client_has_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__
