"""How many requests a minute one client may make, where the operator has set a limit: a bucket of tokens for each.

A client is known by its key, else by the address of its connection; for a proxy on this machine by the address that
the proxy has added last, since all before it is what the client says of itself. The administrator is never limited.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from attrs import define, field, frozen

from swaplab_core.domain.access import Policy, Role
from swaplab_core.domain.errors import RateLimited
from swaplab_core.server.route import RouteTable
from swaplab_core.server.security.access import NOBODY, Access, Identity, TwoCredentials

MOST_CLIENTS = 65_536


@frozen
class RateLimit:
    """`burst` requests may come at once; a client that has been silent for `forget_seconds` begins anew."""

    per_minute: float
    burst: int = 5
    forget_seconds: float = 600.0

    @property
    def remembered_seconds(self) -> float:
        """No bucket is forgotten before it would be full."""
        return max(self.forget_seconds, 60.0 * self.burst / self.per_minute)


@define(eq=False)
class Buckets:
    """One for each client, who was here longest ago first. `now` is a clock that never goes back, in seconds."""

    limit: RateLimit
    now: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, float]] = field(factory=dict, init=False)

    def take(self, client: str) -> float:
        """Take a token; answers 0, or in how many seconds there will be one."""
        now, per_second = self.now(), self.limit.per_minute / 60.0
        self._forget(now)
        tokens, since = self._known.pop(client, (float(self.limit.burst), now))
        tokens = min(self.limit.burst, tokens + (now - since) * per_second)
        wait = max(0.0, 1.0 - tokens) / per_second
        self._known[client] = (tokens if wait else tokens - 1.0, now)
        return wait

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._known)

    def _forget(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            is_old = now - self._known[oldest][1] >= self.limit.remembered_seconds
            if not is_old and len(self._known) < MOST_CLIENTS:
                return
            del self._known[oldest]


def rate_limit_middleware(table: RouteTable, access: Access, buckets: Buckets) -> Middleware:
    """Refuse inference that comes too fast; what is asked of this server itself is not counted."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        endpoint = table.find(request)
        if request.method == "POST" and endpoint is not None and endpoint.policy is Policy.INFER:
            identity = _identity(request, access)
            if identity.role is not Role.ADMIN and (wait := buckets.take(client_of(request, identity))):
                raise _refusal(wait)
        return await handler(request)

    return limit


def client_of(request: web.BaseRequest, identity: Identity) -> str:
    """Whose bucket it is. A key that nobody knows is none."""
    if identity.role is not Role.NOBODY:
        return identity.fingerprint.hex()
    peer = request.remote or ""
    if not _is_here(peer):
        return peer
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer


def _identity(request: web.Request, access: Access) -> Identity:
    try:
        return access.identify(request.headers)
    except TwoCredentials:
        return NOBODY


def _is_here(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _refusal(wait: float) -> RateLimited:
    seconds = max(1, math.ceil(wait))
    error = RateLimited("rate limit exceeded", advice=f"try again in {seconds} s")
    error.retry_after_seconds = seconds
    return error
