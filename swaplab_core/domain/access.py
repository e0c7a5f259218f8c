"""Who may call a route. Every route states a policy, every caller has a role; checking is the server's business."""

from __future__ import annotations

import enum


class Policy(enum.Enum):
    """What a caller must be allowed to do.

    OPEN: nothing, no key is asked for. INFER: use a model. READ: see state and history. OPERATE: load, unload, cancel,
    switch. ADMIN: whatever changes configuration, runs a command or deletes.
    """

    OPEN = "open"
    INFER = "infer"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


class Role(enum.Enum):
    """What a caller is: nobody in particular, somebody with a key, or the administrator."""

    NOBODY = "nobody"
    USER = "user"
    ADMIN = "admin"

    def may(self, policy: Policy) -> bool:
        """Whether this role is enough for a route of that policy."""
        return policy in _MAY[self]


_OPEN = frozenset({Policy.OPEN})
_MAY = {
    Role.NOBODY: _OPEN,
    Role.USER: _OPEN | {Policy.INFER, Policy.READ, Policy.OPERATE},
    Role.ADMIN: frozenset(Policy),
}

SESSION_COOKIE = "swaplab_session"
"""How the names of our session cookies begin. They are for this server only: no engine and no peer gets one."""


def without_sessions(cookies: str) -> str:
    """A Cookie header without our sessions; "" when nothing is left."""
    kept = (pair.strip() for pair in cookies.split(";"))
    return "; ".join(pair for pair in kept if pair and not pair.startswith(SESSION_COOKIE))
