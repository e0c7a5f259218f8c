"""The server asking itself, for plugins: an HTTP client of our own listening address.

Over a socket, not by calling handlers: so a plugin's request passes the same checks, queues, limits and metering as
everybody else's, and ends like everybody else's when its client leaves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import orjson
from attrs import define, evolve, field, frozen
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from swaplab_core.adapters.failures import describe_failure
from swaplab_core.domain.errors import ShuttingDown, UpstreamDied, UpstreamError
from swaplab_core.plugin.routes import Gateway, GatewayResponse

IDENTITY = frozenset(
    {"api-key", "authorization", "cookie", "host", "origin"}
    | {"sec-fetch-mode", "sec-fetch-site", "x-api-key", "x-swaplab"}
)
"""The headers by which the server judges a caller: those of the caller are sent on, a plugin cannot set its own."""


@define(eq=False)
class LoopbackGateway:
    """Owns the connections to ourselves. Knows no address until the server listens.

    `identity` gives the headers by which the daemon itself is known to the server.
    """

    identity: Callable[[], MultiMapping[str]] = CIMultiDict
    _url: str = field(default="", init=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    def use(self, url: str) -> None:
        """Set where the server listens, seen from this machine: `http://127.0.0.1:8080`."""
        self._url = url

    @property
    def url(self) -> str:
        """Where the server listens; "" before it does."""
        return self._url

    @asynccontextmanager
    async def opened_for(self, caller: MultiMapping[str]) -> AsyncIterator[Gateway]:
        """Give a gateway that speaks for the sender of these headers; the block's end closes what it has opened."""
        identity = CIMultiDict((name, value) for name, value in caller.items() if name.lower() in IDENTITY)
        agent = caller.get("User-Agent", "")
        async with AsyncExitStack() as answers:
            yield _CallersGateway(self._open(), self._url, identity, agent, answers)

    def as_daemon(self) -> Gateway:
        """Give a gateway that speaks for the daemon itself, for what plugins do without being asked."""
        return _DaemonsGateway(self)

    async def close(self) -> None:
        """Drop all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # our own certificate is not made out to the loopback address
                connector=aiohttp.TCPConnector(limit=0, ssl=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        return self._session


@define(eq=False)
class _CallersGateway:
    """The gateway of one call."""

    _session: aiohttp.ClientSession
    _url: str
    _identity: CIMultiDict[str]
    _agent: str
    _answers: AsyncExitStack

    async def request(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> GatewayResponse:
        """Ask; see `Gateway`."""
        if not self._url:
            raise ShuttingDown("the server does not listen yet")
        body = None if json is None else orjson.dumps(json)
        try:
            answer = await self._session.request(
                method,
                URL(self._url + path, encoded=True),
                data=body,
                headers=self._headers(headers or {}, has_body=body is not None),
                allow_redirects=False,
            )
        except aiohttp.ClientError as error:
            raise UpstreamError(f"swaplab did not answer itself: {describe_failure(error)}") from error
        await self._answers.enter_async_context(answer)
        return GatewayResponse(answer.status, answer.headers, _pieces(answer))

    def _headers(self, own: Mapping[str, str], *, has_body: bool) -> CIMultiDict[str]:
        headers = CIMultiDict((name, value) for name, value in own.items() if name.lower() not in IDENTITY)
        if has_body:
            headers.setdefault("Content-Type", "application/json")
        if self._agent:
            headers.setdefault("User-Agent", self._agent)  # the log shall name the client, not the messenger
        headers.extend(self._identity)
        return headers


@frozen
class _DaemonsGateway:
    """Reads each answer to its end at once, since nobody's leaving would close it."""

    _owner: LoopbackGateway

    async def request(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> GatewayResponse:
        """Ask; see `Gateway`. What changes something must be marked as JSON, so it gets a body."""
        body = {} if json is None and method not in {"GET", "HEAD"} else json
        async with self._owner.opened_for(self._owner.identity()) as gateway:
            answer = await gateway.request(method, path, json=body, headers=headers)
            return evolve(answer, headers=dict(answer.headers), body=_whole(await answer.read()))


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.content.iter_any():
            yield piece
    except aiohttp.ClientError as error:
        raise UpstreamDied(f"the answer broke off: {describe_failure(error)}") from error
