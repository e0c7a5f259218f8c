"""Remembers what was received, so that a test can see what a proxy made of its request. Bounded."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections import deque
from typing import Any

from aiohttp import web
from attrs import define, field

from swaplab_core.testing.sim.form import form_parts

KEPT_REQUESTS = 64
KEPT_BODY_BYTES = 64 * 1024
LARGEST_FORM_BYTES = 4 * 1024**2


@define
class RequestLog:
    """The latest requests, oldest first."""

    _entries: deque[dict[str, Any]] = field(factory=lambda: deque(maxlen=KEPT_REQUESTS))

    async def add(self, request: web.Request) -> None:
        """Read the whole body and remember the request."""
        self._entries.append(describe(request, await request.read()))

    def entries(self) -> list[dict[str, Any]]:
        """Everything remembered."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def describe(request: web.Request, body: bytes) -> dict[str, Any]:
    """Method, raw target, headers in order, body: cut to its first 64 KiB, with its true size and SHA-256.

    Of a form that is not large, also its parts by name, in base64 and cut alike.
    """
    return {
        "method": request.method,
        "target": request.raw_path,
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1", "replace")] for name, value in request.raw_headers
        ],
        "body": body[:KEPT_BODY_BYTES].decode(errors="replace"),
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "parts": _parts(body, request.headers.get("Content-Type", "")),
    }


def _parts(body: bytes, content_type: str) -> dict[str, str]:
    if len(body) > LARGEST_FORM_BYTES:
        return {}
    with contextlib.suppress(ValueError):  # it is no form
        parts = form_parts(body, content_type)
        return {part.name: base64.b64encode(part.content[:KEPT_BODY_BYTES]).decode() for part in parts}
    return {}
