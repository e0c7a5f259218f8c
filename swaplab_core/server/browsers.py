"""Browsers: a web page of somebody else must not use this server through its reader's browser.

Being on this machine is no wall: every page a person visits can send requests to localhost, and a name that its owner
points at 127.0.0.1 makes such a page look like ours. So for every method and route:

1. The Host must be an address, `localhost`, this machine's name, or the host of one of `allowedOrigins`.
2. A request that a browser marks as another site's (Origin, Sec-Fetch-Site) is refused, unless its origin is in
   `allowedOrigins`, or it asks for inference and brings a valid key. Following a link to a page of ours is allowed.

Programs that are no browsers send neither mark and notice nothing of rule 2.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from attrs import frozen

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.route import ROUTES, Endpoint

PAGES = ("/ui/", "/ui", "/")
_let_in: ContextVar[str] = ContextVar("origin of a foreign page that was let in", default="")
_SAME = frozenset({"", "same-origin", "none"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_DEFAULT_HEADERS = "Content-Type, Authorization, Accept, X-Requested-With"


class ForeignPage(SwaplabError):
    """The request comes from a web page of another site."""

    code = "foreign-page"


class UnknownHost(SwaplabError):
    """The request names a host that this server does not answer to."""

    code = "unknown-host"


@frozen
class Caller:
    """What a request says of where it comes from. `host` and `origin` are as sent, "" when missing."""

    method: str
    path: str
    host: str
    origin: str
    site: str
    mode: str

    @classmethod
    def of(cls, request: web.BaseRequest) -> Caller:
        """Read the headers; several Host or Origin headers are as good as a wrong one."""
        headers = request.headers
        hosts, origins = headers.getall("Host", []), headers.getall("Origin", [])
        return cls(
            request.method,
            request.path,
            hosts[0] if len(hosts) == 1 else "",
            ", ".join(origins),
            headers.get("Sec-Fetch-Site", "").lower(),
            headers.get("Sec-Fetch-Mode", "").lower(),
        )

    @property
    def host_name(self) -> str:
        """The host without its port, lower case, without a final dot."""
        try:
            return (urlsplit(f"//{self.host}").hostname or "").rstrip(".")
        except ValueError:
            return ""

    @property
    def is_foreign(self) -> bool:
        """A browser says that another site's page has sent it."""
        if self.origin:
            return self.origin == "null" or urlsplit(self.origin).netloc.lower() != self.host.lower()
        return self.site not in _SAME and not self._follows_a_link

    @property
    def _follows_a_link(self) -> bool:
        return self.method in {"GET", "HEAD"} and self.mode == "navigate" and self.path in PAGES


def is_known_host(name: str, allowed_origins: Sequence[str], own_name: str) -> bool:
    """Rule 1. A name that somebody else owns could point here; an address cannot."""
    if name in {"localhost", own_name.lower(), f"{own_name.lower()}.local"}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return any(urlsplit(origin).hostname == name for origin in allowed_origins)
    return True


def browser_middleware(
    allowed_origins: Callable[[], Sequence[str]], has_valid_key: Callable[[web.BaseRequest], bool]
) -> Middleware:
    """Refuse what the rules above refuse."""
    own_name = socket.gethostname()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller, allowed = Caller.of(request), allowed_origins()
        if not is_known_host(caller.host_name, allowed, own_name):
            raise UnknownHost(
                f"this server does not answer to the host {caller.host!r}",
                advice="use an address or localhost, or add the page's origin to allowedOrigins",
            )
        welcome = "*" in allowed or caller.origin in allowed
        table = request.app[ROUTES]
        if request.method == "OPTIONS":
            return _preflight(request, caller, welcome=welcome or _infers(await table.asked_for(request)))
        if caller.is_foreign and not welcome and not (_infers(table.find(request)) and has_valid_key(request)):
            raise ForeignPage(
                f"a page of another site ({caller.origin or caller.site}) may not use this server",
                advice="add its origin to allowedOrigins if it may",
            )
        _let_in.set(caller.origin if caller.is_foreign else "")
        return await handler(request)

    return guard


def _infers(endpoint: Endpoint | None) -> bool:
    return endpoint is not None and endpoint.policy is Policy.INFER


async def allow_origin(_: web.Request, response: web.StreamResponse) -> None:
    """Tell a browser that the page which was let in may read the answer; a signal, so that streams carry it too."""
    origin = _let_in.get()
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"


def _preflight(request: web.Request, caller: Caller, *, welcome: bool) -> web.Response:
    """Answer a browser that asks first; without an allowed origin in the answer it goes no further."""
    headers = {"Access-Control-Max-Age": "86400", "Vary": "Origin"}
    if welcome and caller.origin:
        asked = request.headers.get("Access-Control-Request-Headers", "")
        names = [name.strip() for name in asked.split(",") if _TOKEN.fullmatch(name.strip())]
        headers["Access-Control-Allow-Origin"] = caller.origin
        headers["Access-Control-Allow-Methods"] = _ALLOWED_METHODS
        headers["Access-Control-Allow-Headers"] = ", ".join(names) or _DEFAULT_HEADERS
    return web.Response(status=204, headers=headers)
