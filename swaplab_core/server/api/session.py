"""Logging in: a key, or a one-time link, becomes a session cookie that scripts of a page cannot read."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy, Role
from swaplab_core.domain.errors import InvalidRequest, NotThere
from swaplab_core.server.api.models import json_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, delete, get, post
from swaplab_core.server.security.access import NOBODY, Access, Identity, TwoCredentials, WrongKey
from swaplab_core.server.security.credentials import presented_cookies
from swaplab_core.server.security.gate import OWN_HEADER, require_own_page
from swaplab_core.services.access.sessions import LINK_SECONDS, SESSION_SECONDS

LOGIN = "/login"
_SECRET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@define(eq=False)
class SessionRoutes:
    """Who am I, log in, log out. POST and DELETE need `X-Swaplab: 1`, and POST a JSON body."""

    access: Access

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/session", Policy.OPEN, self.show),
            post("/api/session", Policy.OPEN, self.begin),
            delete("/api/session", Policy.OPEN, self.end),
            post("/api/session/link", Policy.ADMIN, self.link),
            get(LOGIN, Policy.OPEN, self.follow),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Tell the caller's role and what it may do, whether keys are asked for, and what a page must send."""
        try:
            return self._told(self.access.identify(request.headers))
        except TwoCredentials:
            return self._told(NOBODY)

    async def begin(self, request: web.Request) -> web.Response:
        """Log in with `{"key": …}`, an API key or the admin token."""
        require_own_page(request)
        key = parse_object(await read_body(request)).get("key")
        if not isinstance(key, str):
            raise InvalidRequest('"key" must be text', advice="send an API key or the admin token")
        keyring = self.access.rules.keyring
        fingerprint = keyring.fingerprint(key)
        role = keyring.role(fingerprint)
        if role is Role.NOBODY:
            raise WrongKey("the key is not known", advice="use one of apiKeys, or the admin token")
        response = self._told(Identity(role, fingerprint, is_session=True))
        self._set_cookie(request, response, fingerprint)
        return response

    async def end(self, request: web.Request) -> web.Response:
        """Log out."""
        require_own_page(request)
        for cookie in presented_cookies(request.headers, self.access.cookie_name):
            self.access.sessions.end(cookie)
        response = self._told(NOBODY)
        response.del_cookie(self.access.cookie_name)
        return response

    async def link(self, _: web.Request) -> web.Response:
        """Make a link that logs its user in as the administrator, once; relative to the server's own address."""
        once = self.access.links.make()
        return json_response({"path": login_path(once).lstrip("/"), "expires_in_seconds": LINK_SECONDS})

    async def follow(self, request: web.Request) -> web.Response:
        """Use a one-time link: `?once=` becomes a session, and the browser goes to the pages."""
        if request.method == "HEAD":  # whoever only looks must not use it up
            return web.Response(headers=_SECRET)
        if not self.access.links.redeem(request.query.get("once", "")):
            raise NotThere("this link was used, or is too old", advice="`swaplab ui` makes a new one")
        response = web.Response(status=303, headers={"Location": "ui/", **_SECRET})
        self._set_cookie(request, response, self.access.rules.keyring.fingerprint(self.access.admin_token))
        return response

    def _told(self, identity: Identity) -> web.Response:
        role, rules = self.access.role(identity), self.access.rules
        record: dict[str, Any] = {
            "role": role.value,
            "may": [policy.value for policy in Policy if role.may(policy)],
            "is_session": identity.is_session,
            "asks_for_key": Policy.INFER not in rules.free,
            "is_exposed": self.access.is_exposed and not rules.keyring.asks,
            "send_header": OWN_HEADER,
        }
        response = json_response(record)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _set_cookie(self, request: web.Request, response: web.Response, fingerprint: bytes) -> None:
        behind_tls = request.headers.get("X-Forwarded-Proto", "") == "https"  # believed, for it can only add a limit
        response.set_cookie(
            self.access.cookie_name,
            self.access.sessions.begin(fingerprint),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=request.secure or behind_tls,
        )


def login_path(once: str) -> str:
    """The path of a one-time link."""
    return f"{LOGIN}?once={once}"
