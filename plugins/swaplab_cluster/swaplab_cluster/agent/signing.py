"""Who may ask an agent: requests are signed with the token, which itself never travels. Pure.

A signature covers the method, the target, the body, a moment, a word used once, and the `instance`: a word that an
agent draws when it starts. So a request that somebody recorded is of no use later, elsewhere, or after a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Callable

from attrs import define, field, frozen

SCHEME = "Swaplab-HMAC-SHA256"
WINDOW_SECONDS = 60.0
_HEADER = re.compile(
    SCHEME + r" instance=([0-9a-f]{32}), time=(\d{1,12}\.\d{3}), nonce=([0-9a-f]{32}), signature=([0-9a-f]{64})"
)


@frozen
class Request:
    """What is signed. `target` is path and query as they are sent."""

    method: str
    target: str
    body: bytes = b""


def signature(token: bytes, request: Request, instance: str, moment: str, nonce: str) -> str:
    """The signature in hex."""
    body = hashlib.sha256(request.body).hexdigest()
    text = f"{SCHEME}\n{instance}\n{request.method}\n{request.target}\n{body}\n{moment}\n{nonce}"
    return hmac.new(token, text.encode(), hashlib.sha256).hexdigest()


def authorization(token: bytes, request: Request, instance: str, now: float, nonce: str) -> str:
    """The value of the header `Authorization`."""
    moment = f"{now:.3f}"
    signed = signature(token, request, instance, moment, nonce)
    return f"{SCHEME} instance={instance}, time={moment}, nonce={nonce}, signature={signed}"


@define(eq=False)
class Doorkeeper:
    """Lets in who knows the token. `now` is the time in unix seconds."""

    token: bytes = field(repr=False)
    instance: str
    now: Callable[[], float]
    _seen: dict[str, float] = field(factory=dict)
    _order: deque[str] = field(factory=deque)

    def refusal(self, header: str, request: Request) -> str:
        """Why the request is refused, "" when it is not. A request that was let in once is never let in again."""
        found = _HEADER.fullmatch(header)
        if found is None:
            return "sign requests with the token; it is never sent itself"
        instance, moment, nonce, signed = found.groups()
        wanted = signature(self.token, request, instance, moment, nonce)
        if not hmac.compare_digest(wanted, signed):
            return "the signature is not that of this agent's token"
        if instance != self.instance:
            return "the request is for another agent, or from before its restart"
        if abs(self.now() - float(moment)) > WINDOW_SECONDS:
            return "the request is too old, or a clock is wrong"
        if nonce in self._seen:
            return "the request was made before"
        self._remember(nonce)
        return ""

    def _remember(self, nonce: str) -> None:
        now = self.now()
        self._seen[nonce] = now
        self._order.append(nonce)
        while self._order and now - self._seen[self._order[0]] > 2 * WINDOW_SECONDS:
            del self._seen[self._order.popleft()]
