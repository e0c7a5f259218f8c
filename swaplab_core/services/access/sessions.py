"""Sessions of browsers, and the links that begin one.

A session is a signed cookie: it holds the fingerprint of the key it was begun with, so its role is always what that
key may now, and it outlives a restart of the daemon. A link works once, within a quarter of an hour.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from attrs import define, field

SESSION_SECONDS = 7 * 24 * 3600
LINK_SECONDS = 15 * 60
MOST_LINKS = 100
_DIGEST = "sha256"


@define(eq=False)
class Sessions:
    """Makes and reads cookies. `key` signs them; sessions that were ended are remembered until they would end."""

    key: bytes = field(repr=False)
    clock: Callable[[], float] = time.time
    _ended: dict[str, float] = field(factory=dict, init=False)

    def begin(self, fingerprint: bytes) -> str:
        """The cookie of a new session."""
        until = int(self.clock()) + SESSION_SECONDS
        content = f"{until}.{secrets.token_hex(8)}.{fingerprint.hex()}"
        return f"{content}.{self._signature(content)}"

    def fingerprint(self, cookie: str) -> bytes | None:
        """Of the key a session was begun with; None when the cookie is none of ours, or its session has ended."""
        content, _, signature = cookie.rpartition(".")
        given = signature.encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._signature(content).encode()) or cookie in self._ended:
            return None
        until, _, fingerprint = content.split(".")
        return bytes.fromhex(fingerprint) if int(until) > self.clock() else None

    def end(self, cookie: str) -> None:
        """From now on the cookie is worth nothing."""
        if self.fingerprint(cookie) is None:
            return
        now = self.clock()
        self._ended = {ended: until for ended, until in self._ended.items() if until > now}
        self._ended[cookie] = now + SESSION_SECONDS

    def _signature(self, content: str) -> str:
        text = content.encode(errors="surrogateescape")
        return hmac.new(self.key, text, _DIGEST).hexdigest()


@define(eq=False)
class Links:
    """One-time secrets of links that make their user the administrator."""

    clock: Callable[[], float] = time.monotonic
    _until: dict[bytes, float] = field(factory=dict, init=False)

    def make(self) -> str:
        """A new one; of too many the oldest is forgotten."""
        once = secrets.token_urlsafe(24)
        self._until[_digest(once)] = self.clock() + LINK_SECONDS
        while len(self._until) > MOST_LINKS:
            del self._until[next(iter(self._until))]
        return once

    def redeem(self, once: str) -> bool:
        """Use it up; whether it was good."""
        return self._until.pop(_digest(once), 0.0) > self.clock()


def _digest(once: str) -> bytes:
    return hashlib.sha256(once.encode(errors="surrogateescape")).digest()
