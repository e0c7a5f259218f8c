"""Browsers: a web page of somebody else must not use this server through its reader's browser. Pure rules.

Being on this machine is no wall: every page a person visits can send requests to localhost, and a name that its owner
points at 127.0.0.1 makes such a page look like ours. So for every method and route:

1. The Host must be an address, `localhost`, this machine's name, or one of `allowedHosts`.
2. A request that a browser marks as another site's (Origin, Sec-Fetch-Site) is refused, unless it asks for inference
   and its origin is in `allowedOrigins` or it brings a key. Following a link to a page of ours is allowed.

Programs that are no browsers send neither mark and notice nothing of rule 2.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from attrs import frozen
from multidict import MultiMapping

from swaplab_core.domain.errors import SwaplabError

PAGES = frozenset({"/", "/ui", "/ui/", "/login"})
_SAME = frozenset({"", "same-origin", "none"})


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
    def of(cls, method: str, path: str, headers: MultiMapping[str]) -> Caller:
        """Read the headers; two origins are as good as a wrong one."""
        return cls(
            method,
            path,
            headers.get("Host", ""),
            ", ".join(headers.getall("Origin", ())),
            headers.get("Sec-Fetch-Site", "").lower(),
            headers.get("Sec-Fetch-Mode", "").lower(),
        )

    @property
    def is_foreign(self) -> bool:
        """A browser says that another site's page has sent it."""
        if self.origin and urlsplit(self.origin).netloc.lower() != self.host.lower():
            return True
        return self.site not in _SAME and not self._follows_a_link

    @property
    def _follows_a_link(self) -> bool:
        return self.method in {"GET", "HEAD"} and self.mode == "navigate" and self.path in PAGES


def host_name(authority: str) -> str:
    """The host without its port, lower case, without a final dot; "" when it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port  # a port that is no number
    except ValueError:
        return ""
    return "" if "@" in authority or parts.netloc != authority else (parts.hostname or "").rstrip(".")


def is_known_host(name: str, allowed_hosts: AbstractSet[str]) -> bool:
    """Rule 1. A name that somebody else owns could point here; an address cannot."""
    if name in allowed_hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def known_names(own_names: Iterable[str], allowed_hosts: Iterable[str]) -> frozenset[str]:
    """The names of rule 1, lower case."""
    own = [name.lower() for name in own_names if name]
    local = [f"{name}.local" for name in own if not {".", ":"} & set(name)]
    return frozenset({"localhost", *own, *local, *map(str.lower, allowed_hosts)})
