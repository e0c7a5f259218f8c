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
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from swaplab_core.domain.errors import UpstreamDied

_log = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    name.lower()
    for name in (
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    )
)
_EVENT_STREAM = "text/event-stream"
_CONNECT_SECONDS = 30.0


@define(eq=False)
class Relay:
    """Owns the connections to upstreams. `max_header_bytes` bounds what an upstream may send as one header."""

    max_header_bytes: int = 64 * 1024
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def forward(
        self, request: web.Request, *, base_url: str, path: str, body: bytes | None, model: str
    ) -> web.StreamResponse:
        """Send `request` to `base_url` + `path` (raw, query included) and stream the answer to the client.

        `body` None streams the request's own. Raises UpstreamDied when no response byte came.
        """
        headers = _request_headers(request, replaced_body=body is not None)
        data = body if body is not None else (request.content if request.body_exists else None)
        try:
            upstream = await self._open().request(
                request.method, URL(base_url + path, encoded=True), headers=headers, data=data, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamDied(
                f"{model} did not answer: {_cause(error)}", advice="the next request starts it again"
            ) from error
        async with upstream:
            return await _respond(request, upstream, model)

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                max_field_size=self.max_header_bytes,
                max_line_size=self.max_header_bytes,
            )
        return self._session


async def _respond(request: web.Request, upstream: aiohttp.ClientResponse, model: str) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, headers=_response_headers(upstream.headers))
    events = upstream.content_type == _EVENT_STREAM
    if events:
        response.headers["X-Accel-Buffering"] = "no"
    await response.prepare(request)
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        if _client_has_gone(request):
            raise
        _log.warning("%s broke off in the middle of a response: %s", model, _cause(error))
        await _break_off(request, response, model, events=events)
    return response


async def _break_off(request: web.Request, response: web.StreamResponse, model: str, *, events: bool) -> None:
    """Say what happened where the protocol allows, then cut the connection: never a clean end."""
    if events:
        message = f"{model} died in the middle of the response"
        error = {"message": message, "type": "server_error", "param": None, "code": UpstreamDied.code}
        await response.write(b"\n\nevent: error\ndata: " + orjson.dumps({"error": error}) + b"\n\n")
    if request.transport is not None:
        # close, not abort: the event above may still be on its way; without the last chunk the end is not a clean one
        request.transport.close()


def _request_headers(request: web.Request, *, replaced_body: bool) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers)
    if replaced_body:
        headers.pop("Content-Length", None)
    earlier = headers.get("X-Forwarded-For")
    if request.remote:
        headers["X-Forwarded-For"] = f"{earlier}, {request.remote}" if earlier else request.remote
    return headers


def _response_headers(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return _end_to_end(headers)


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Without the headers that belong to one connection, those named by `Connection` among them."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP and k.lower() not in named)


def _client_has_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cause(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "the connection timed out"
    return str(error) or type(error).__name__
