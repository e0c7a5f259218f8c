"""Who may do what, by the configuration in force. The rules are made once for each; asking them is cheap."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import Self

from attrs import define, field, frozen
from multidict import CIMultiDict, MultiMapping

from swaplab_core.config.schema import Config
from swaplab_core.domain.access import SESSION_COOKIE, Policy, Role
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.security.browsers import host_name, is_known_host, known_names
from swaplab_core.server.security.credentials import Carried, carried, presented_cookies, presented_keys
from swaplab_core.services.access.keyring import Keyring
from swaplab_core.services.access.sessions import Links, Sessions

REMEMBERED = 256


class Unauthorized(SwaplabError):
    """The request brings no key, or a wrong one."""

    code = "unauthorized"


class WrongKey(Unauthorized):
    """The request brings a key that this server does not know."""

    code = "wrong-key"


class TwoCredentials(Unauthorized):
    """The request brings two different credentials, so nobody can say who it is."""

    code = "two-credentials"


class Forbidden(SwaplabError):
    """Whoever asks is known, and may not do this."""

    code = "forbidden"


@frozen
class Identity:
    """Who asks. `fingerprint` of the key, empty for nobody; `is_session`: known by a cookie.

    `knows_key`: the key came in a header that no browser sends by itself.
    """

    role: Role = Role.NOBODY
    fingerprint: bytes = b""
    is_session: bool = False
    knows_key: bool = False


NOBODY = Identity()


@frozen
class Rules:
    """One configuration's answers, remembered for what comes again and again.

    `free`: what needs no key. `knows_host` takes a Host header, `by_key` the headers that carry keys.
    """

    keyring: Keyring
    free: frozenset[Policy]
    origins: frozenset[str]
    knows_host: Callable[[str], bool]
    by_key: Callable[[Carried], Identity]


@define(eq=False)
class Access:
    """The rules in force, and the sessions.

    `own_names`: this machine's. `is_exposed`: other machines reach this server; then a file without keys lets nobody
    in, unless `is_insecure`.
    """

    admin_token: str = field(repr=False)
    is_exposed: bool
    is_insecure: bool
    own_names: tuple[str, ...]
    sessions: Sessions
    links: Links
    rules: Rules = field(init=False)

    @classmethod
    def of(
        cls, config: Config, admin_token: str, *, host: str = "", is_exposed: bool = False, is_insecure: bool = False
    ) -> Self:
        """Begin with this configuration, listening on `host`. Whoever shares the token shares the sessions."""
        sessions = Sessions(_derived(admin_token, "sessions"))
        access = cls(admin_token, is_exposed, is_insecure, (socket.gethostname(), host), sessions, Links())
        access.use(config)
        return access

    def use(self, config: Config) -> None:
        """Follow another configuration from now on."""
        pepper = _derived(self.admin_token, "fingerprints")
        keyring = Keyring.of(config.api_keys, self.admin_token, pepper, self.program_key)
        is_free = not keyring.asks and (self.is_insecure or not self.is_exposed)
        nobody = Role.USER if is_free else Role.NOBODY
        names = known_names(self.own_names, config.allowed_hosts)

        self.rules = Rules(
            keyring,
            frozenset(policy for policy in Policy if nobody.may(policy)),
            frozenset(config.allowed_origins),
            lru_cache(REMEMBERED)(lambda header: is_known_host(host_name(header), names)),
            lru_cache(REMEMBERED)(partial(_by_key, keyring)),
        )

    def own_headers(self) -> CIMultiDict[str]:
        """How the daemon itself asks its own server."""
        return CIMultiDict({"Authorization": f"Bearer {self.admin_token}", "X-Swaplab": "1"})

    @property
    def program_key(self) -> str:
        """The key for programs that plugins run against this server: any key's rights, and no administrator's."""
        return _derived(self.admin_token, "programs").hex()

    @cached_property
    def cookie_name(self) -> str:
        """Daemons on one machine share a browser's cookies, whatever their ports; strangers must not overwrite ours."""
        return f"{SESSION_COOKIE}_{_derived(self.admin_token, 'cookie').hex()[:8]}"

    def identify(self, headers: MultiMapping[str]) -> Identity:
        """Who asks. Raises TwoCredentials."""
        known = self.rules.by_key(carried(headers))
        if "Cookie" not in headers:
            return known
        sessions = self._sessions(headers)
        if len(sessions | {known.fingerprint} - {b""}) > 1:
            raise two_credentials()
        if known.fingerprint or not sessions:
            return known
        (fingerprint,) = sessions
        return Identity(self.rules.keyring.role(fingerprint), fingerprint, is_session=True)

    def role(self, identity: Identity) -> Role:
        """What somebody may, known or not."""
        if identity.role is Role.NOBODY and Policy.INFER in self.rules.free:
            return Role.USER
        return identity.role

    def _sessions(self, headers: MultiMapping[str]) -> set[bytes]:
        """Fingerprints of the sessions that still mean something."""
        found = map(self.sessions.fingerprint, presented_cookies(headers, self.cookie_name))
        return {fingerprint for fingerprint in found if fingerprint and self._is_known(fingerprint)}

    def _is_known(self, fingerprint: bytes) -> bool:
        return self.rules.keyring.role(fingerprint) is not Role.NOBODY


def _by_key(keyring: Keyring, headers: Carried) -> Identity:
    """Whose key this is. Raises TwoCredentials."""
    keys = [(keyring.fingerprint(key.secret), key.is_ambient) for key in presented_keys(headers)]
    if not keys:
        return NOBODY
    if len({fingerprint for fingerprint, _ in keys}) > 1:
        raise two_credentials()
    fingerprint, _ = keys[0]
    knows_key = not all(is_ambient for _, is_ambient in keys)
    return Identity(keyring.role(fingerprint), fingerprint, knows_key=knows_key)


def two_credentials() -> TwoCredentials:
    """Nobody can say whose request it is."""
    return TwoCredentials("the request brings two different credentials", advice="send one, or log out")


def _derived(token: str, purpose: str) -> bytes:
    return hashlib.blake2b(purpose.encode(), key=hashlib.sha256(token.encode()).digest(), digest_size=32).digest()
