"""The server's own certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from attrs import frozen

from swaplab_core.domain.errors import SwaplabError


class BadCertificate(SwaplabError):
    """The certificate or its key cannot be used."""

    code = "bad-certificate"


@frozen
class TlsFiles:
    """A certificate with its chain, and its key, both PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Read both. Raises BadCertificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Read both again: new connections get the renewed certificate, open ones stay. Raises BadCertificate."""
        for file in (self.certificate, self.key):
            _require_readable(file)
        try:
            context.load_cert_chain(self.certificate, self.key, password=self._no_password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                reason, advice = f"the key in {self.key} does not belong to it", "name the key it was made with"
            else:
                reason, advice = "they are no certificate and key in PEM form", "look into both files"
            raise BadCertificate(
                f"the certificate {self.certificate} cannot be used: {reason}", advice=advice
            ) from None

    def _no_password(self) -> str:
        """Called for a key that is locked: nobody is there to ask."""
        raise BadCertificate(
            f"the key {self.key} is locked with a password", advice="write it without: openssl pkey -in KEY -out NEW"
        )


def _require_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadCertificate(f"{file} cannot be read: {reason}", advice="check the path and its permissions") from None
