"""Which secret gives which role. Holds fingerprints only, and compares them in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Self

from attrs import field, frozen

from swaplab_core.config.schema import ApiKey
from swaplab_core.domain.access import Role


@frozen
class Keyring:
    """The keys of a configuration and the admin token. `pepper` keys the fingerprints, so that none can be guessed."""

    pepper: bytes = field(repr=False)
    admins: tuple[bytes, ...] = ()
    users: tuple[bytes, ...] = ()
    asks: bool = False

    @classmethod
    def of(cls, keys: Iterable[ApiKey | str], admin_token: str, pepper: bytes, program_key: str = "") -> Self:
        """Read `apiKeys`. With any key in it, `asks` is true: everybody must bring one.

        `program_key` is that of programs which plugins run; it opens what any key opens.
        """
        entries = [entry if isinstance(entry, ApiKey) else ApiKey(entry) for entry in keys]
        empty = cls(pepper)
        admins = [admin_token, *(entry.key for entry in entries if entry.admin)]
        users = [entry.key for entry in entries if not entry.admin] + ([program_key] if program_key else [])
        return cls(
            pepper, tuple(map(empty.fingerprint, admins)), tuple(map(empty.fingerprint, users)), asks=bool(entries)
        )

    def fingerprint(self, secret: str) -> bytes:
        """What stands for a secret from here on."""
        text = secret.encode(errors="surrogateescape")  # header bytes that are no UTF-8 come as lone surrogates
        return hashlib.blake2b(text, key=self.pepper, digest_size=32).digest()

    def role(self, fingerprint: bytes) -> Role:
        """The role of whoever brings this; looks at every key, so that time tells nothing."""
        is_admin = _is_one_of(fingerprint, self.admins)
        is_user = _is_one_of(fingerprint, self.users)
        if is_admin:
            return Role.ADMIN
        return Role.USER if is_user else Role.NOBODY


def _is_one_of(fingerprint: bytes, known: Iterable[bytes]) -> bool:
    return sum(hmac.compare_digest(fingerprint, each) for each in known) > 0
