"""Who has sent a request, for the few handlers whose answer depends on it. The gate has let the request through."""

from __future__ import annotations

from aiohttp import web
from attrs import frozen

from swaplab_core.domain.access import Policy, Role
from swaplab_core.server.security.access import NOBODY, Access, Identity, Unauthorized
from swaplab_core.server.security.gate import require_role

FINGERPRINT_CHARACTERS = 8


@frozen
class Sender:
    """Asks `access`."""

    access: Access

    def may(self, request: web.Request, policy: Policy) -> bool:
        """Whether the sender's role is enough."""
        return self.access.role(self._identity(request)).may(policy)

    def demand(self, request: web.Request, policy: Policy) -> None:
        """Refuse as the gate does, when a route turns out to ask for more than it says of itself."""
        if policy not in self.access.rules.free:
            require_role(request, policy, self.access.identify(request.headers))

    def name(self, request: web.Request) -> str:
        """What records call the sender: the administrator, or a part of the fingerprint of a key."""
        identity = self._identity(request)
        if identity.role is Role.ADMIN:
            return "admin"
        return f"key {identity.fingerprint.hex()[:FINGERPRINT_CHARACTERS]}" if identity.fingerprint else ""

    def _identity(self, request: web.Request) -> Identity:
        """Who it is; nobody when it brings two credentials to a route that asks for none."""
        try:
            return self.access.identify(request.headers)
        except Unauthorized:
            return NOBODY
