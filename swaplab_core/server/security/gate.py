"""The gate before every handler: host, web page, role, and what a page of ours must send. The rules stand elsewhere.

Also what a browser is told: the answer to its preflight, and which page may read an answer. An origin is named only if
it stands in the configuration, `*` only where a key is needed that no browser sends by itself, and never on a route
that is not for inference.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from swaplab_core.adapters.destination import hide_credentials
from swaplab_core.domain.access import Policy, Role
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.route import Endpoint, RouteTable
from swaplab_core.server.security.access import NOBODY, Access, Forbidden, Identity, Rules, Unauthorized, WrongKey
from swaplab_core.server.security.browsers import Caller, ForeignPage, UnknownHost
from swaplab_core.server.security.credentials import carried

OWN_HEADER = "X-Swaplab"
"""What a page of ours sends, and a form or link of another cannot."""

_reader: ContextVar[str] = ContextVar("origin of another site that may read the answer", default="")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_DEFAULT_HEADERS = "Content-Type, Authorization, Accept, X-Requested-With"
_SAFE_METHODS = frozenset({"GET", "HEAD"})


class HeaderMissing(SwaplabError):
    """The request lacks what only a program or a page of ours can send."""

    code = "header-missing"


def gate_middleware(table: RouteTable, access: Access) -> Middleware:
    """Let through what may pass."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        rules, headers = access.rules, request.headers
        _reader.set("")
        _require_known_host(request, rules)
        if request.method == "OPTIONS":
            return _preflight(request, await table.asked_for(request), rules)
        endpoint = table.find(request)
        policy = endpoint.policy if endpoint else Policy.READ  # what is not there is told to those who may look
        is_page = "Origin" in headers or "Sec-Fetch-Site" in headers
        needs_key = is_page and _needs_key(Caller.of(request.method, request.path, headers), policy, rules)
        if policy not in rules.free or needs_key:
            require_role(request, policy, access.identify(headers), needs_key=needs_key)
        elif policy is Policy.INFER and carried(headers):
            _keep_admin_key(request, access)
        return await handler(request)

    return gate


def _require_known_host(request: web.Request, rules: Rules) -> None:
    hosts = request.headers.getall("Host", ())
    if not request.raw_path.startswith(("/", "*")):  # a whole URL: we are taken for a proxy
        hosts = [*hosts, urlsplit(request.raw_path).netloc]
    if not hosts or not all(map(rules.knows_host, hosts)):
        raise UnknownHost(
            f"this server does not answer to the host {', '.join(hosts)!r}",
            advice="use an address or localhost, or add the name to allowedHosts",
        )


def _needs_key(caller: Caller, policy: Policy, rules: Rules) -> bool:
    """Whether a page of another site must show that it knows a key. Raises ForeignPage when nothing would help it."""
    if not caller.is_foreign:
        return False
    if policy is Policy.INFER and (reader := _reader_at(caller.origin, rules)):
        _reader.set(reader)
        return reader == "*" and rules.keyring.asks
    raise ForeignPage(
        f"a page of another site ({caller.origin or caller.site}) may not use this",
        advice="pages in allowedOrigins may use the models" if policy is Policy.INFER else "open it directly",
    )


def require_role(request: web.Request, policy: Policy, identity: Identity, *, needs_key: bool = False) -> None:
    """Refuse who may not do this, and what another site's page could make a browser send."""
    known = identity if identity.knows_key or not needs_key else NOBODY
    if not known.role.may(policy):
        raise _refusal(policy, known)
    if request.method not in _SAFE_METHODS:
        require_own_page(request, header=identity.is_session or policy is Policy.ADMIN, json=policy is Policy.ADMIN)
    if known.role is Role.ADMIN:
        hide_credentials(request)


def _refusal(policy: Policy, identity: Identity) -> SwaplabError:
    is_wrong = bool(identity.fingerprint) and identity.role is Role.NOBODY
    if policy is not Policy.ADMIN:
        if is_wrong:
            return WrongKey("this server does not know the key that was sent", advice="compare it with the one you got")
        return Unauthorized(
            "this server asks for a key", advice="send it as `Authorization: Bearer KEY` or `x-api-key: KEY`"
        )
    advice = "`swaplab ui` makes a link that logs you in; a program sends the token as `Authorization: Bearer TOKEN`"
    if is_wrong:
        return WrongKey("this is for the administrator, and this server does not know the key", advice=advice)
    if identity.role is Role.NOBODY:
        return Unauthorized("this is for the administrator", advice=advice)
    return Forbidden("this is for the administrator, and the key is a user's", advice=advice)


def require_own_page(request: web.Request, *, header: bool = True, json: bool = True) -> None:
    """Refuse what another site's page could make a browser send."""
    if header and OWN_HEADER not in request.headers:
        raise HeaderMissing("the request lacks a header", advice=f"send `{OWN_HEADER}: 1`")
    if json and request.body_exists and request.content_type != "application/json":
        raise HeaderMissing("the body is not marked as JSON", advice="send `Content-Type: application/json`")


def _keep_admin_key(request: web.Request, access: Access) -> None:
    """Nobody needs a key here, but who brings the administrator's must not hand it on to an engine."""
    try:
        identity = access.identify(request.headers)
    except Unauthorized:
        hide_credentials(request)
    else:
        if identity.role is Role.ADMIN:
            hide_credentials(request)


async def allow_reader(_: web.Request, response: web.StreamResponse) -> None:
    """Tell a browser that the page which was let in may read the answer; a signal, so that streams carry it too."""
    origin = _reader.get()
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"


def _preflight(request: web.Request, endpoint: Endpoint | None, rules: Rules) -> web.Response:
    """Answer a browser that asks first; without an allowed origin in the answer it goes no further."""
    headers = {"Access-Control-Max-Age": "86400", "Vary": "Origin"}
    origin = ", ".join(request.headers.getall("Origin", ()))
    is_inference = endpoint is not None and endpoint.policy is Policy.INFER
    if origin and is_inference and (reader := _reader_at(origin, rules)):
        asked = request.headers.get("Access-Control-Request-Headers", "")
        names = [name.strip() for name in asked.split(",") if _TOKEN.fullmatch(name.strip())]
        headers["Access-Control-Allow-Origin"] = reader
        headers["Access-Control-Allow-Methods"] = _ALLOWED_METHODS
        headers["Access-Control-Allow-Headers"] = ", ".join(names) or _DEFAULT_HEADERS
    return web.Response(status=204, headers=headers)


def _reader_at(origin: str, rules: Rules) -> str:
    """How a page at this origin is named as one that may use the models; "" when it may not."""
    if origin in rules.origins:
        return origin
    return "*" if "*" in rules.origins or rules.keyring.asks else ""
