"""The relay's long way, on aiohttp's client: TLS, websockets, whatever the short way does not do.

Every request has a connection of its own: llama-server announces keep-alive but closes after each stream, and a pooled
connection would make the next request fail.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus

import aiohttp
from aiohttp import web
from attrs import define, field, frozen
from multidict import MultiMapping
from yarl import URL

from swaplab_core.adapters.destination import Destination
from swaplab_core.adapters.failures import describe_failure
from swaplab_core.adapters.relay.interface import Call, Interrupted, Tap
from swaplab_core.adapters.relay.telling import did_not_answer, took_no_connection, took_too_long

MOST_HEADER_BYTES = 64 * 1024
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@frozen(eq=False)
class AiohttpAnswer:
    """An answer on aiohttp's client."""

    response: aiohttp.ClientResponse

    @property
    def status(self) -> int:
        """As the upstream sent it."""
        return self.response.status

    @property
    def headers(self) -> MultiMapping[str]:
        """As the upstream sent them."""
        return self.response.headers

    async def read(self, most: int) -> bytes:
        """The beginning of the body, for a message."""
        try:
            return await self.response.content.read(most)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Interrupted(describe_failure(error)) from error

    async def pour(self, request: web.BaseRequest, response: web.StreamResponse, tap: Tap) -> None:
        """Move the body into a response that has begun."""
        try:
            async for chunk in self.response.content.iter_any():
                await response.write(chunk)
                tap.chunk(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the client left") from error
            raise Interrupted(describe_failure(error)) from error

    def close(self) -> None:
        """Connections are not kept."""
        self.response.close()


@define(eq=False)
class AiohttpCarrier:
    """Owns aiohttp's session, which is made when it is needed first."""

    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def send(self, call: Call, destination: Destination) -> AiohttpAnswer:
        """Answer when the head has come."""
        try:
            async with asyncio.timeout(destination.response_header_seconds or None):
                response = await self._open().request(
                    call.method,
                    URL(destination.base_url + call.path, encoded=True),
                    headers=call.headers,
                    data=call.content,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=destination.connect_seconds or None),
                )
        except aiohttp.ServerTimeoutError as error:
            raise took_no_connection(destination) from error
        except TimeoutError as error:
            raise took_too_long(destination) from error
        except aiohttp.ClientError as error:
            raise did_not_answer(destination, describe_failure(error)) from error
        if reason := _unfit(response, call):
            response.close()
            raise did_not_answer(destination, reason)
        return AiohttpAnswer(response)

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                max_field_size=MOST_HEADER_BYTES,
                max_line_size=MOST_HEADER_BYTES,
            )
        return self._session


def _unfit(response: aiohttp.ClientResponse, call: Call) -> str:
    """What aiohttp lets pass, and other clients might take for something else; "" when there is nothing."""
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS and "Upgrade" not in call.headers:
        return "it switches protocols unasked"
    if not all(map(_NAME.fullmatch, response.headers)):
        return "it sends no valid HTTP: a header's name holds what no name may"
    return ""
