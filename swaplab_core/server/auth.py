"""Keys: who may use the server. One extractor of credentials, and a comparison that takes the same time for each key.

Without `apiKeys` in the configuration everybody may. More than this (roles, origins, sessions) is not there yet.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.route import ROUTES


class Unauthorized(SwaplabError):
    """The request brings no key, or a wrong one."""

    code = "unauthorized"


def key_middleware(keys: Callable[[], Sequence[str]]) -> Middleware:
    """Let nobody in without one of `keys` (asked for each request), except where everybody may go."""

    @web.middleware
    async def require_key(request: web.Request, handler: Handler) -> web.StreamResponse:
        endpoint = request.app[ROUTES].find(request)
        policy = endpoint.policy if endpoint else Policy.READ  # what is not there is told to those who may look
        if policy is Policy.ADMIN:
            raise web.HTTPForbidden(reason="this is for the administrator, and the server knows none yet")
        accepted = keys()
        if accepted and policy is not Policy.OPEN and not is_accepted(presented_key(request), accepted):
            raise Unauthorized(
                "this server asks for a key", advice="send it as `Authorization: Bearer KEY` or `x-api-key: KEY`"
            )
        return await handler(request)

    return require_key


def presented_key(request: web.BaseRequest) -> str:
    """The key of a request: the password of Basic, else the Bearer token, else `x-api-key`; "" when there is none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and (password := _password(value.strip())):
        return password
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "")


def is_accepted(key: str, accepted: Sequence[str]) -> bool:
    """Whether it is one of them; compares with every one, so that time tells nothing."""
    given = key.encode(errors="surrogateescape")  # header bytes that are no UTF-8 come as lone surrogates
    return sum(hmac.compare_digest(given, each.encode()) for each in accepted) > 0


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, or not UTF-8 inside
        return ""
