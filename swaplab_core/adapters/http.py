"""Short requests to upstreams: the ports `Http` (control) and `HttpReader`. The data path is the relay's."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket

import aiohttp
from aiohttp.client import _RequestContextManager
from attrs import define
from yarl import URL

from swaplab_core.domain.launch import HttpCall

OK = 200
ANSWER_BYTES = 2**20
PLAINLY = {"Accept-Encoding": "identity"}


@define(eq=False)
class AiohttpHttp:
    """One client session for all upstreams, made with the first call; `close()` when the daemon ends.

    Connections are not kept: some engines promise keep-alive and close all the same, and an engine that is to stop
    must not wait for us. Proxies named in the environment are never used, redirects never followed.
    """

    connect_seconds: float = 0.5
    _session: aiohttp.ClientSession | None = None

    async def call(self, base_url: str, call: HttpCall) -> int | None:
        """Answer the status, as soon as the head of the response is here; the body is not waited for."""
        try:
            url = URL(base_url.rstrip("/") + "/" + call.path.lstrip("/"))
            async with (
                asyncio.timeout(call.timeout_seconds),
                self._send(call, url) as response,
            ):
                return response.status
        except (aiohttp.ClientError, OSError, ValueError):  # timeouts are OSErrors, bad URLs ValueErrors
            return None

    async def ask(self, base_url: str, call: HttpCall) -> bytes | None:
        """Answer the body of a 200."""
        try:
            url = URL(base_url.rstrip("/") + "/" + call.path.lstrip("/"))
            async with asyncio.timeout(call.timeout_seconds), self._send(call, url) as response:
                return await _body(response, ANSWER_BYTES) if response.status == OK else None
        except (aiohttp.ClientError, OSError, ValueError):  # timeouts are OSErrors, bad URLs ValueErrors
            return None

    def _send(self, call: HttpCall, url: URL) -> _RequestContextManager:
        headers = {"Content-Type": "application/json", **PLAINLY} if call.body else PLAINLY
        return self._open_session().request(
            call.method, url, data=call.body or None, allow_redirects=False, headers=headers
        )

    async def read(self, base_url: str, path: str, *, timeout_seconds: float, limit_bytes: int) -> bytes | None:
        """Answer the body of a 200; None for anything else, for what comes too late and for what is too much."""
        try:
            url = URL(base_url.rstrip("/") + "/" + path.lstrip("/"))
            async with (
                asyncio.timeout(timeout_seconds),
                self._open_session().get(url, allow_redirects=False, headers=PLAINLY) as response,
            ):
                return await _body(response, limit_bytes) if response.status == OK else None
        except (aiohttp.ClientError, OSError, ValueError):  # timeouts are OSErrors, bad URLs ValueErrors
            return None

    async def is_taken(self, base_url: str) -> bool:
        """Does a connection to a local address succeed? False for addresses of other machines."""
        with contextlib.suppress(ValueError):
            url = URL(base_url)
            if url.host and url.port and _is_local(url.host):
                return await asyncio.to_thread(_is_listening, url.host, url.port, self.connect_seconds)
        return False

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
            )
        return self._session


def _is_listening(host: str, port: int, seconds: float) -> bool:
    """Connect, on a thread: on the event loop a refusal that comes while it is busy would look like silence."""
    try:
        with socket.create_connection((host, port), seconds) as connection:
            # A free port of the ephemeral range can be given to our own end: then we have connected to ourselves.
            return bool(connection.getsockname() != connection.getpeername())
    except (TimeoutError, BlockingIOError):
        return True  # on a local address: a listener whose queue of connections is full
    except OSError:
        return False


async def _body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes | None:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return bytes(body)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
